"""How good a ranking is: metrics on graded relevance at a cut-off, as trec_eval has them, with intervals by query.

A query is one posting with its graded CVs (or one CV with its postings). All metrics take the grades of its candidates
in ranked order; a query without a relevant candidate counts 0 in each of them, as in trec_eval.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.measuring import Figure, mean

# Of the annotation guide: 2 and 3 would be kept or invited.
RELEVANT = 2
MAX_GRADE = 3

Grades = Sequence[int]
# Grades in ranked order, cut-off.
RankingMetric = Callable[[Grades, int], float]


def ranked(scores: Sequence[float], grades: Grades) -> list[int]:
    """Grades from the highest score to the lowest; among equals the worst first, so that a tie gains nothing."""
    return [grade for _, grade in sorted(zip(scores, grades, strict=True), key=lambda pair: (-pair[0], pair[1]))]


def accuracy(grades: Grades, k: int) -> float:
    """Whether a relevant candidate stands among the first k (Acc@1: whether the first is one)."""
    return float(_hits(grades, k) > 0)


def precision(grades: Grades, k: int) -> float:
    """Share of the first k that are relevant; missing candidates count as not relevant."""
    return _hits(grades, k) / k


def recall(grades: Grades, k: int) -> float:
    """Share of the relevant that stand among the first k."""
    return _hits(grades, k) / max(1, _hits(grades, len(grades)))


def f1(grades: Grades, k: int) -> float:
    """Harmonic mean of precision and recall at k."""
    return 2 * _hits(grades, k) / max(1, k + _hits(grades, len(grades)))


def reciprocal_rank(grades: Grades, k: int) -> float:
    """One over the rank of the first relevant candidate, 0 where it lies below k."""
    return next((1 / rank for rank, grade in enumerate(grades[:k], 1) if grade >= RELEVANT), 0.0)


def average_precision(grades: Grades, k: int) -> float:
    """Sum of the precisions at each relevant candidate among the first k, over the number of all relevant."""
    precisions = [precision(grades, rank) for rank, grade in enumerate(grades[:k], 1) if grade >= RELEVANT]
    return sum(precisions) / max(1, _hits(grades, len(grades)))


def ndcg(grades: Grades, k: int) -> float:
    """Discounted cumulative gain over the best possible (Järvelin & Kekäläinen 2002); the gain is the grade."""
    best = _gain(sorted(grades, reverse=True)[:k])
    return _gain(grades[:k]) / best if best else 0.0


def err(grades: Grades, k: int, max_grade: int = MAX_GRADE) -> float:
    """Expected reciprocal rank (Chapelle et al. 2009): of the candidate at which a reader stops."""
    total, reads_on = 0.0, 1.0
    for rank, grade in enumerate(grades[:k], 1):
        stops = (2**grade - 1) / 2**max_grade
        total += reads_on * stops / rank
        reads_on *= 1 - stops
    return total


METRICS: Mapping[str, tuple[RankingMetric, int]] = {
    "nDCG@5": (ndcg, 5),
    "nDCG@10": (ndcg, 10),
    "MRR@5": (reciprocal_rank, 5),
    "MAP@5": (average_precision, 5),
    "Acc@1": (accuracy, 1),
    "P@5": (precision, 5),
    "R@5": (recall, 5),
    "F1@5": (f1, 5),
    "ERR@5": (err, 5),
}


def by_query(rankings: Sequence[Grades]) -> dict[str, list[float]]:
    """Of each metric its value for each query, given the grades in ranked order."""
    return {name: [metric(grades, k) for grades in rankings] for name, (metric, k) in METRICS.items()}


def figures(rankings: Sequence[Grades]) -> dict[str, Figure]:
    """Of each metric its mean over the queries with the 95 % bootstrap interval by query."""
    return {name: mean(values) for name, values in by_query(rankings).items()}


def differences(ours: Sequence[Grades], theirs: Sequence[Grades]) -> dict[str, Figure]:
    """Of each metric the mean difference, ours less theirs, over the same queries: paired, with interval."""
    theirs_by_query = by_query(theirs)
    return {
        name: mean(np.subtract(values, theirs_by_query[name], dtype=np.float64))
        for name, values in by_query(ours).items()
    }


def _hits(grades: Grades, k: int) -> int:
    return sum(grade >= RELEVANT for grade in grades[:k])


def _gain(grades: Grades) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
