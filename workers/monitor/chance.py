"""How far apart groups stand by chance: a permutation test over CVs (Good 2005, chapter 3).

Postings drawn anew, as for the intervals, do not show what luck there is in who belongs to a group: twenty CVs that
happen to be strong lead in every list. And a largest difference is never 0, the less so the more groups there are; five
groups treated alike were seen to be flagged by their intervals. So groups are dealt out anew among the same CVs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from topics.fairness import Measure
from workers.monitor.state import Decision, Plan

_DIGITS = 4
_DEALS = 1_000
# Deals times CVs: bounds the time it takes, to half a minute; past 100,000 CVs chance is seldom what matters.
_MOST = 100_000_000

Floats = NDArray[np.float64]
# Of each CV: its places in lists, those selected; decided on and hired, those selected; and not hired, those selected.
_LISTED, _SELECTED, _HIRED, _HIT, _REFUSED, _FALSE = range(6)


def chance(
    plan: Plan, lists: Mapping[str, Sequence[str]], decisions: Sequence[Decision], named: Mapping[str, str]
) -> dict[Measure, float]:
    """Of each measure its worst value in a thousand random deals of the groups; the same for the same input.

    Args:
        named: the group of each CV that has one that is told, listed or not.
    """
    cvs = sorted(named)
    groups = sorted(set(named.values()))
    if len(groups) < 2:
        return {"demographic_parity": 0.0, "impact_ratio": 1.0, "equal_opportunity": 0.0, "equalised_odds": 0.0}
    labels = np.array([groups.index(named[cv]) for cv in cvs])
    counts = _counts(plan, lists, decisions, cvs)
    people = Counter(named[decision.cv] for decision in {d.cv: d for d in decisions}.values())
    judged = np.array([people[group] >= plan.minimum for group in groups])
    sizes = np.bincount(labels).astype(np.float64)
    generator = np.random.default_rng(0)
    deals = max(200, min(_DEALS, _MOST // len(cvs)))
    sums = np.stack([_sums(generator.permutation(labels), counts, len(groups)) for _ in range(deals)])
    selected = sums[..., _SELECTED] / sizes
    largest = selected.max(-1)
    impact = np.divide(selected.min(-1), largest, out=np.ones_like(largest), where=largest > 0)
    opportunity = _spread(sums[:, judged, _HIT], sums[:, judged, _HIRED])
    odds = np.maximum(opportunity, _spread(sums[:, judged, _FALSE], sums[:, judged, _REFUSED]))
    worst: dict[Measure, float] = {
        "demographic_parity": _spread(sums[..., _SELECTED], sums[..., _LISTED]).max(),
        "impact_ratio": impact.min(),
        "equal_opportunity": opportunity.max(),
        "equalised_odds": odds.max(),
    }
    return {measure: round(float(value), _DIGITS) for measure, value in worst.items()}


def _counts(
    plan: Plan, lists: Mapping[str, Sequence[str]], decisions: Sequence[Decision], cvs: Sequence[str]
) -> Floats:
    """`(CVs, 6)`."""
    row_of = {cv: row for row, cv in enumerate(cvs)}
    counts = np.zeros((len(cvs), 6))
    for shown in lists.values():
        for rank, cv in enumerate(shown, 1):
            row = row_of.get(cv)
            if row is not None:
                counts[row, _LISTED] += 1
                counts[row, _SELECTED] += rank <= plan.k
    for decision in decisions:
        total, chosen = (_HIRED, _HIT) if decision.fit else (_REFUSED, _FALSE)
        counts[row_of[decision.cv], total] += 1
        counts[row_of[decision.cv], chosen] += decision.selected
    return counts


def _sums(labels: NDArray[np.intp], counts: Floats, groups: int) -> Floats:
    """`(groups, 6)`."""
    return np.stack([np.bincount(labels, weights=column, minlength=groups) for column in counts.T], -1)


def _spread(part: Floats, whole: Floats) -> Floats:
    """Largest less smallest share of each deal in percentage points, over the last axis."""
    if part.shape[-1] < 2:
        return np.zeros(len(part))
    share = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    some = np.isfinite(share).any(-1)
    return np.where(some, 100 * (np.nanmax(share, -1, initial=0.0) - np.nanmin(share, -1, initial=1.0)), 0.0)
