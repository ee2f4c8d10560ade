"""How fair decisions and rankings are between groups, in percentage points, with intervals.

Decisions: a candidate is chosen where P(fit) reaches a threshold (.5 as published, the classifier's own decision). The
three differences are those of Fairlearn: largest less smallest rate among the groups. Equalised odds is the worse of
its two gaps; `odds_sum`, the sum of both, is its strictest reading in the literature.

A difference is never negative, so its interval leans upwards: groups treated alike show a small one by chance.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.measuring import SAMPLES, Figure

THRESHOLD = 0.5
POINTS = 100.0

Floats = NDArray[np.float64]
# Counts of one group in one query: candidates, chosen, fit, fit and chosen.
_ALL, _CHOSEN, _FIT, _HIT = range(4)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Differences between the groups in percentage points, each a number or a figure with its interval.

    Attributes:
        parity: demographic parity, between the shares that are chosen.
        opportunity: equal opportunity, between the shares of the fit that are chosen.
        odds: equalised odds, the larger of `opportunity` and the same gap among those not fit.
        odds_sum: the sum of these two.
    """

    parity: Figure
    opportunity: Figure
    odds: Figure
    odds_sum: Figure


def gaps(chosen: ArrayLike, fit: ArrayLike, groups: Sequence[str], queries: Sequence[Hashable]) -> Gaps:
    """The differences over all (query, candidate) pairs, with 95 % bootstrap intervals by query.

    Args:
        chosen: the decision of each pair, bool.
        fit: the truth of each pair, bool.
        groups: the candidate's group in each pair.
        queries: whose candidate it is; those of one query are drawn together.

    Raises:
        ValueError: fewer than two groups, or arguments of different lengths.
    """
    counts = _counts(np.asarray(chosen, bool), np.asarray(fit, bool), groups, queries)
    values = _gaps(counts.sum(0)[None])
    drawn = _gaps(np.einsum("sq,qgc->sgc", _draws(len(counts)), counts))
    return Gaps(*(_figure(value[0], samples) for value, samples in zip(values, drawn, strict=True)))


def _counts(
    chosen: NDArray[np.bool_], fit: NDArray[np.bool_], groups: Sequence[str], queries: Sequence[Hashable]
) -> Floats:
    """Counts `(queries, groups, 4)`."""
    if not len(chosen) == len(fit) == len(groups) == len(queries):
        raise ValueError("decisions, truth, groups and queries differ in length")
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"a difference needs two groups, there are {len(names)}")
    rows = {query: row for row, query in enumerate(dict.fromkeys(queries))}
    cell = np.array([rows[query] for query in queries]) * len(names) + group_of
    columns = (np.ones_like(fit), chosen, fit, chosen & fit)
    counts = [np.bincount(cell[members], minlength=len(rows) * len(names)) for members in columns]
    return np.stack(counts, -1).reshape(len(rows), len(names), len(columns)).astype(np.float64)


def _gaps(counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The four differences of each sample, given counts `(samples, groups, 4)`."""
    everyone, chosen, fit, hit = (counts[..., column] for column in (_ALL, _CHOSEN, _FIT, _HIT))
    parity = _spread(chosen, everyone)
    opportunity = _spread(hit, fit)
    false_alarm = _spread(chosen - hit, everyone - fit)
    return parity, opportunity, np.maximum(opportunity, false_alarm), opportunity + false_alarm


def _spread(part: Floats, whole: Floats) -> Floats:
    """Largest less smallest share among the groups that have any; 0 where fewer than two have."""
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    highest = np.where(whole > 0, share, -np.inf).max(-1)
    lowest = np.where(whole > 0, share, np.inf).min(-1)
    return POINTS * np.where((whole > 0).sum(-1) > 1, highest - lowest, 0.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the members of one group stand in the rankings, in percent.

    Attributes:
        pool: their share of all candidates, the mean over the queries.
        representation: their share of the first k.
        exposure: their share of the attention that the first k get, 1 / log2(rank + 1) each (Singh & Joachims 2018).
    """

    pool: Figure
    representation: Figure
    exposure: Figure


def standings(rankings: Sequence[Sequence[str]], k: int) -> dict[str, Standing]:
    """Of each group its standing, with 95 % bootstrap intervals by query.

    Args:
        rankings: of each query the groups of its candidates, best first; none is empty.
    """
    names = sorted({group for ranking in rankings for group in ranking})
    shares = np.zeros((3, len(rankings), len(names)))
    for row, ranking in enumerate(rankings):
        top = ranking[:k]
        weights = 1 / np.log2(np.arange(len(top)) + 2)
        for column, name in enumerate(names):
            own = np.array([group == name for group in top])
            shares[0, row, column] = sum(group == name for group in ranking) / len(ranking)
            shares[1, row, column] = own.mean()
            shares[2, row, column] = weights[own].sum() / weights.sum()
    drawn = _draws(len(rankings)) / max(1, len(rankings))
    found: dict[str, Standing] = {}
    for column, name in enumerate(names):
        own_shares = POINTS * shares[:, :, column]
        found[name] = Standing(*(_figure(values.mean(), drawn @ values) for values in own_shares))
    return found


def held(found: Gaps, bounds: Mapping[str, float]) -> bool:
    """Whether every named difference is within its bound, in points."""
    return all(getattr(found, name).value <= bound for name, bound in bounds.items())


def _draws(queries: int) -> Floats:
    """How often each query is drawn in each bootstrap sample, `(SAMPLES, queries)`; always the same."""
    generator = np.random.default_rng(0)
    return generator.multinomial(queries, np.full(queries, 1 / queries), SAMPLES).astype(np.float64)


def _figure(value: float, samples: Floats) -> Figure:
    low, high = np.percentile(samples, [2.5, 97.5])
    return Figure(float(value), float(low), float(high))
