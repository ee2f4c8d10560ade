"""How well a pair fits: what the matcher asks of a scorer."""

from collections.abc import Mapping, Sequence
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
