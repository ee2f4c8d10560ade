from typing import Any

import numpy as np
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
@settings(max_examples=500)
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


def test_a_score_lives_as_long_as_its_pair() -> None:
    shortlist = Shortlist(2)
    shortlist.fill([("a", 0.5), ("b", 0.4)], complete=True)
    shortlist.scores = {"a": 0.9, "b": 0.8}
    shortlist.change("c", 0.6)
    assert shortlist.scores == {"a": 0.9}
    shortlist.change("a", 0.7)
    assert shortlist.scores == {}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_similarities_do_not_depend_on_the_order_of_a_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((7, 384))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    order = rng.permutation(384)
    one, other = similarities(vectors, vectors[0]), similarities(vectors[:, order], vectors[0][order])
    assert one.tobytes() == other.tobytes()
    assert similarities(vectors[3:4], vectors[0]).tobytes() == one[3:4].tobytes()
