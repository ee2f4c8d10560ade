import random
import shutil
from collections.abc import Callable

import ir_measures
import pytest
from ir_measures import AP, ERR, RR, P, R, Success, nDCG

from models.matching import metrics

K = 5
# A few queries with the grades of twelve candidates each, in ranked order; the last has nothing relevant.
_CHANCE = random.Random(3)
RANKINGS = [[_CHANCE.choice((0, 0, 0, 1, 1, 2, 3)) for _ in range(12)] for _ in range(20)] + [[1, 0, 1, 0]]


def peer(measure: ir_measures.Measure) -> list[float]:
    """What ir-measures finds for each query."""
    qrels, run = [], []
    for query, grades in enumerate(RANKINGS):
        for rank, grade in enumerate(grades):
            qrels.append(ir_measures.Qrel(f"{query:02d}", f"d{rank}", grade))
            run.append(ir_measures.ScoredDoc(f"{query:02d}", f"d{rank}", float(-rank)))
    return [metric.value for metric in sorted(ir_measures.iter_calc([measure], qrels, run), key=lambda m: m.query_id)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.ndcg, nDCG @ K),
        (metrics.reciprocal_rank, RR(rel=2) @ K),
        (metrics.average_precision, AP(rel=2) @ K),
        (metrics.accuracy, Success(rel=2) @ K),
        (metrics.precision, P(rel=2) @ K),
        (metrics.recall, R(rel=2) @ K),
    ],
)
def test_as_ir_measures(ours: metrics.RankingMetric, theirs: ir_measures.Measure) -> None:
    assert [ours(grades, K) for grades in RANKINGS] == pytest.approx(peer(theirs))


@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl script")
def test_expected_reciprocal_rank_as_gdeval() -> None:
    # Its highest grade is 4, and it rounds to five digits.
    ours = [metrics.err(grades, K, max_grade=4) for grades in RANKINGS]
    assert ours == pytest.approx(peer(ERR @ K), abs=1e-5)


def test_expected_reciprocal_rank_by_hand() -> None:
    # Stops at the first with 3/8, else at the second with 7/8.
    assert metrics.err([2, 3], K) == pytest.approx(3 / 8 + 5 / 8 * 7 / 8 / 2)


def test_f1_is_the_harmonic_mean() -> None:
    for grades in RANKINGS[:-1]:
        p, r = metrics.precision(grades, K), metrics.recall(grades, K)
        assert metrics.f1(grades, K) == pytest.approx(2 * p * r / (p + r) if p + r else 0)


def test_a_query_without_a_relevant_candidate_counts_nothing() -> None:
    assert {values[-1] for name, values in metrics.by_query([[0, 0]]).items()} == {0.0}


def test_a_tie_gains_nothing() -> None:
    assert metrics.ranked([0.5, 0.9, 0.5], [3, 0, 1]) == [0, 1, 3]


def test_figures_have_intervals_and_paired_differences_are_narrower() -> None:
    worse = [[*grades[1:], grades[0]] for grades in RANKINGS]
    ours, theirs = metrics.figures(RANKINGS)["nDCG@5"], metrics.figures(worse)["nDCG@5"]
    assert ours.low < ours.value < ours.high
    difference = metrics.differences(RANKINGS, worse)["nDCG@5"]
    assert difference.value == pytest.approx(ours.value - theirs.value)
    assert difference.high - difference.low < (ours.high - ours.low) + (theirs.high - theirs.low)


@pytest.mark.parametrize("make", [metrics.figures, metrics.by_query])
def test_names(make: Callable[[list[list[int]]], dict[str, object]]) -> None:
    assert list(make(RANKINGS)) == list(metrics.METRICS)
