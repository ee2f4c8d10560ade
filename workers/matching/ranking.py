"""From a shortlist to the list that is published: score, choose, explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import structlog

from topics.catalogue import MATCHER_FLOW, MATCHES
from topics.cvs import CvFeatures
from topics.features import Lineage
from topics.matches import FacetScores, Match, MatchList
from topics.postings import PostingFeatures
from workers import telemetry
from workers.matching import explain
from workers.matching.items import Item, Side, Unpacked, subject
from workers.matching.scoring import Scored, Scorer
from workers.matching.shortlist import similarities

log = structlog.get_logger()

NO_EMBEDDING = "no_embedding"
# Below every threshold.
UNSCORABLE = float("-inf")
# Of a score as it is compared and published: far coarser than what the order of a sum changes.
_DECIMALS = 6


class Pick(NamedTuple):
    """One place in a list: what it depends on."""

    id: str
    score: float
    offset: int


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores pairs and makes lists of them; CPU bound, and the same for the same items.

    Attributes:
        scorer: of pairs.
        top: most matches in a list.
        min_score: matches that score less are left out.
        diversity: weight of being unlike those above, in [0, 1).
        unpacked: features of items.
    """

    scorer: Scorer
    top: int
    min_score: float
    diversity: float
    unpacked: Unpacked

    def scores(self, own: Item, others: Sequence[Item]) -> dict[str, float]:
        """Of each of the others with `own`; UNSCORABLE where that fails, which keeps the one out and not the others."""
        try:
            return {other.id: scored.score for other, scored in zip(others, self._scored(own, others), strict=True)}
        except Exception as error:
            if len(others) == 1:
                return {others[0].id: _left_out(error)}
        return {id_: score for other in others for id_, score in self.scores(own, [other]).items()}

    def pick(self, items: Sequence[Item], scores: Mapping[str, float]) -> tuple[Pick, ...]:
        """Those to publish, in order: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

        Likeness among them is the vectors' cosine; so of twins, such as reposts, the second makes room for others.
        """
        good = [item for item in items if scores[item.id] >= self.min_score]
        good.sort(key=lambda item: (-scores[item.id], item.id))
        if self.diversity == 0.0 or len(good) < 2:
            return tuple(Pick(item.id, scores[item.id], item.offset) for item in good[: self.top])
        vectors = np.array([item.vector for item in good], np.float64)
        relevance = np.array([scores[item.id] for item in good])
        likeness = np.zeros(len(good))
        open_ = np.ones(len(good), bool)
        picked: list[Pick] = []
        while len(picked) < min(self.top, len(good)):
            value = np.where(open_, (1 - self.diversity) * relevance - self.diversity * likeness, -np.inf)
            best = int(value.argmax())  # of equals the first: the better score, then the smaller id
            open_[best] = False
            picked.append(Pick(good[best].id, scores[good[best].id], good[best].offset))
            likeness = np.maximum(likeness, similarities(vectors, vectors[best]))
        return tuple(picked)

    def list_of(self, own: Item, others: Sequence[Item]) -> MatchList:
        """The list of `own`, these in their order, each explained."""
        features = self._features(own)
        scored = self._scored(own, others)
        matches = [self._safe_match(own, other, one) for other, one in zip(others, scored, strict=True)]
        degraded = features.degraded if own.vector is not None else (*features.degraded, NO_EMBEDDING)
        return MatchList(
            subject=subject(own.key),
            market=own.market,
            source_version=features.source_version,
            matches=tuple(match for match in matches if match is not None),
            lineage=Lineage(
                models={"match_scorer": self.scorer.digest},
                tokenizers={},
                pipeline=_release(),
                taxonomy=features.lineage.taxonomy,
                schema_=MATCHES.name,
            ),
            degraded=tuple(dict.fromkeys(degraded)),
        )

    def _safe_match(self, own: Item, other: Item, scored: "Rounded") -> Match | None:
        try:
            return self._match(own, other, scored)
        except Exception as error:
            _left_out(error)
            return None

    def _match(self, own: Item, other: Item, scored: "Rounded") -> Match:
        pair = (own, other) if own.side is Side.posting else (other, own)
        return explained(self.unpacked.posting(pair[0]), self.unpacked.cv(pair[1]), scored, of=self._features(other))

    def _features(self, item: Item) -> PostingFeatures | CvFeatures:
        return self.unpacked.posting(item) if item.side is Side.posting else self.unpacked.cv(item)

    def _scored(self, own: Item, others: Sequence[Item]) -> "list[Rounded]":
        found: list[Scored] = []
        if own.side is Side.posting:
            if others:
                found += self.scorer.score(self.unpacked.posting(own), [self.unpacked.cv(other) for other in others])
        else:
            cv = self.unpacked.cv(own)
            for other in others:
                found += self.scorer.score(self.unpacked.posting(other), [cv])
        return [Rounded.of(one) for one in found]


def _left_out(error: Exception) -> float:
    # A fault of ours, or features that do not go together. The text may quote them.
    log.error("pair left out", worker=MATCHER_FLOW.worker, error=type(error).__name__)
    telemetry.EVENTS.labels(MATCHER_FLOW.worker, "failed").inc()
    return UNSCORABLE


@lru_cache(1)
def _release() -> str:
    # It is read from a file, each time: two milliseconds of CPU.
    return version("talentstream")


class Rounded(NamedTuple):
    """A pair's scores as they are compared and published."""

    score: float
    facets: FacetScores

    @classmethod
    def of(cls, scored: Scored) -> "Rounded":
        """Within [0, 1], to six decimals."""
        facets = {
            name: None if value is None else round(min(1.0, max(0.0, float(value))), _DECIMALS)
            for name, value in scored.facets.items()
        }
        return cls(round(min(1.0, max(0.0, float(scored.score))), _DECIMALS), FacetScores.model_validate(facets))


def explained(posting: PostingFeatures, cv: CvFeatures, scored: Rounded, of: PostingFeatures | CvFeatures) -> Match:
    """The pair as an entry of a list; `of` is the side that the list's subject is not."""
    gap = explain.gap(posting, cv)
    return Match(
        id=of.id,
        source_version=of.source_version,
        score=scored.score,
        facets=scored.facets,
        skill_gap=gap,
        missing_must_haves=explain.missing_must_haves(posting, cv, gap.lacks),
        evidence=explain.evidence(posting, cv, gap),
    )
