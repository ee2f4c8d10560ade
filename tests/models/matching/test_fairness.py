import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
    false_positive_rate_difference,
    true_positive_rate_difference,
)

from models.matching.fairness import gaps, held, standings

_CHANCE = np.random.default_rng(5)
_SIZE = 900
GROUPS = _CHANCE.choice(["a", "b", "c"], _SIZE, p=[0.5, 0.3, 0.2]).tolist()
FIT = _CHANCE.random(_SIZE) < 0.4
CHOSEN = _CHANCE.random(_SIZE) < 0.2 + 0.4 * FIT + 0.15 * (np.array(GROUPS) == "a")
QUERIES = (np.arange(_SIZE) // 15).tolist()


def test_as_fairlearn() -> None:
    found = gaps(CHOSEN, FIT, GROUPS, QUERIES)
    both = {"y_true": FIT, "y_pred": CHOSEN, "sensitive_features": GROUPS}
    assert found.parity.value == pytest.approx(100 * demographic_parity_difference(**both))
    assert found.opportunity.value == pytest.approx(100 * equal_opportunity_difference(**both))
    assert found.odds.value == pytest.approx(100 * equalized_odds_difference(**both))
    both_gaps = true_positive_rate_difference(**both) + false_positive_rate_difference(**both)
    assert found.odds_sum.value == pytest.approx(100 * both_gaps)


def test_the_interval_holds_the_known_gap_and_is_repeatable() -> None:
    found = gaps(CHOSEN, FIT, GROUPS, QUERIES)
    assert found.parity.low < 15 < found.parity.high
    assert found == gaps(CHOSEN, FIT, GROUPS, QUERIES)


def test_the_interval_is_by_query() -> None:
    # The same pairs fifteen times over: fifteen times the pairs, no more queries and no more certainty.
    once = gaps(CHOSEN, FIT, GROUPS, QUERIES).parity
    many = gaps(np.tile(CHOSEN, 15), np.tile(FIT, 15), GROUPS * 15, QUERIES * 15).parity
    assert (many.low, many.high) == pytest.approx((once.low, once.high))


def test_a_group_without_any_fit_has_no_say_in_equal_opportunity() -> None:
    found = gaps([1, 0, 1, 1], [1, 1, 1, 0], ["a", "a", "b", "c"], [1, 1, 2, 2])
    assert found.opportunity.value == 50
    assert found.parity.value == 50


@pytest.mark.parametrize(("groups", "chosen"), [(["a", "a"], [1, 0]), (["a", "b"], [1])])
def test_needs_two_groups_and_equal_lengths(groups: list[str], chosen: list[int]) -> None:
    with pytest.raises(ValueError, match="differ"):
        gaps(chosen, [1, 0], groups, [1, 2])


def test_standings() -> None:
    found = standings([["a", "a", "b", "b"], ["b", "a", "a", "b"]], k=2)
    assert (found["a"].pool.value, found["a"].representation.value) == (50, 75)
    # First of two gets 1, second .63: all of it in the first query, the second share in the other.
    assert found["a"].exposure.value == pytest.approx(100 * (1 + 0.6309 / 1.6309) / 2, abs=0.01)
    assert found["a"].exposure.value + found["b"].exposure.value == pytest.approx(100)
    assert found["b"].representation.low < found["b"].representation.value < found["b"].representation.high


def test_held() -> None:
    found = gaps(CHOSEN, FIT, GROUPS, QUERIES)
    assert held(found, {"parity": found.parity.value, "odds": 100})
    assert not held(found, {"parity": found.parity.value - 0.1, "odds": 100})
