from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.matching.shortlist import LOWEST, Shortlist, similarities

SIZE = 4
IDS = [f"i{number}" for number in range(9)]
# Few values, so that equals are common.
CHANGES = st.lists(st.tuples(st.sampled_from(IDS), st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.3, 0.9]))))


def truth(state: dict[str, float]) -> list[str]:
    return [own for _, own in sorted((-similarity, own) for own, similarity in state.items())][:SIZE]


def search(shortlist: Shortlist, state: dict[str, float]) -> None:
    shortlist.fill(((own, state[own]) for own in truth(state)), complete=len(state) <= SIZE)


@given(CHANGES, CHANGES)
@settings(max_examples=500, deadline=None)
def test_it_is_what_a_search_would_find_or_says_that_it_is_not(before: list[Any], after: list[Any]) -> None:
    state = {own: similarity for own, similarity in before if similarity is not None}
    shortlist = Shortlist(SIZE)
    search(shortlist, state)
    for own, similarity in after:
        known = list(shortlist.ids)
        was = state.pop(own, None)
        if similarity is not None:
            state[own] = similarity
        # As the matcher does: what reaches the floor neither before nor now is not told.
        if max(was or LOWEST, similarity or LOWEST) >= shortlist.floor and not shortlist.change(own, similarity):
            assert shortlist.ids == known
        if shortlist.stale:
            search(shortlist, state)
        assert shortlist.ids == truth(state)


@pytest.mark.parametrize("found", [[], [("a", 0.9)]])
def test_a_search_that_found_few_leaves_room_for_what_comes(found: list[tuple[str, float]]) -> None:
    shortlist = Shortlist(3)
    shortlist.fill(found, complete=False)
    expected = [own for own, _ in found]
    for own, similarity in (("b", 0.5), ("c", 0.4), ("d", 0.3)):
        assert shortlist.floor == LOWEST
        assert shortlist.change(own, similarity)
        expected.append(own)
        if len(expected) == 3:
            break
    assert shortlist.ids == expected
    assert shortlist.floor > LOWEST
    assert not shortlist.change("e", 0.1)
    shortlist.change(expected[0], 0.2)  # others, never looked at, may be more alike
    assert shortlist.stale


def test_a_score_lives_as_long_as_its_pair() -> None:
    shortlist = Shortlist(2)
    shortlist.fill([("a", 0.5), ("b", 0.4)], complete=True)
    shortlist.scores = {"a": 0.9, "b": 0.8}
    shortlist.change("c", 0.6)
    assert shortlist.scores == {"a": 0.9}
    shortlist.change("a", 0.7)
    assert shortlist.scores == {}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_similarities_do_not_depend_on_the_order_of_a_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((7, 384))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    order = rng.permutation(384)
    one, other = similarities(vectors, vectors[0]), similarities(vectors[:, order], vectors[0][order])
    assert one.tobytes() == other.tobytes()
    assert similarities(vectors[3:4], vectors[0]).tobytes() == one[3:4].tobytes()
