"""How well a pair fits: what the matcher asks of a scorer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from topics.cvs import CvFeatures
from topics.matches import Facet
from topics.postings import PostingFeatures


class Scored(Protocol):
    """Of one pair."""

    @property
    def score(self) -> float:
        """Calibrated probability that a person would grade the pair a fit."""

    @property
    def facets(self) -> Mapping[Facet, float | None]:
        """By name (`topics.matches.Facet`), 1 best, None where one side says nothing of it."""


class Scorer(Protocol):
    """A pair's score depends on the pair alone, to six decimals, not on what else is scored in the call."""

    @property
    def digest(self) -> str:
        """Of its weights, for the lineage."""

    def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> Sequence[Scored]:
        """Of each CV against the posting. CPU bound."""


@dataclass(frozen=True)
class RuleScored:
    """Of one pair."""

    score: float
    facets: dict[Facet, float | None]


class RuleScorer:
    """By likeness of the vectors, until a fitted one is there."""

    digest = "rules"

    def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> list[RuleScored]:
        """See :class:`Scorer`."""
        from workers import embedding

        out = []
        p = embedding.decode(posting.embedding).astype(float) if posting.embedding else None
        asked = {s.value.uri for s in posting.esco_skills}
        for cv in cvs:
            cosine = float(p @ embedding.decode(cv.embedding).astype(float)) if p is not None and cv.embedding else 0.0
            had = {s.value.uri for s in cv.esco_skills}
            skills = len(asked & had) / len(asked) if asked else None
            out.append(RuleScored(max(0.0, min(1.0, cosine)), {"title": max(0.0, cosine), "skills": skills}))
        return out
