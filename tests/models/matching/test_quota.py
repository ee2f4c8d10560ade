import pytest

from models.matching.quota import reranked

SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
GROUPS = ["a", "a", "a", "a", "b", "b"]


def test_every_head_holds_the_shares() -> None:
    order = reranked(SCORES, GROUPS, {"a": 0.5, "b": 0.5}, k=4)
    for rank in range(1, 5):
        assert sum(GROUPS[i] == "b" for i in order[:rank]) >= rank // 2
    assert sorted(order) == list(range(6))


def test_within_a_group_the_better_come_first() -> None:
    order = reranked(SCORES, GROUPS, {"a": 0.5, "b": 0.5}, k=4)
    assert order == [0, 4, 1, 5, 2, 3]


def test_shares_that_hold_already_change_nothing() -> None:
    assert reranked(SCORES, GROUPS, {"a": 0.5}, k=6) == [0, 1, 2, 3, 4, 5]


def test_a_group_that_runs_out_leaves_its_places() -> None:
    assert reranked([0.9, 0.8, 0.1], ["a", "a", "b"], {"a": 0.2, "b": 0.8}, k=3) == [0, 2, 1]


def test_refuses_shares_beyond_one() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        reranked(SCORES, GROUPS, {"a": 0.7, "b": 0.5}, k=2)
