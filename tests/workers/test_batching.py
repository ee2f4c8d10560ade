import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.inference import LENGTH_STEP, buckets, pad

lengths = st.lists(st.integers(1, 96), max_size=200)


@given(lengths, st.integers(1, 64), st.integers(64, 4096))
def test_every_sequence_is_in_one_bucket_within_its_bounds(lengths: list[int], max_batch: int, max_tokens: int) -> None:
    groups = buckets(lengths, max_batch, max_tokens)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        widths = {-(-lengths[i] // LENGTH_STEP) * LENGTH_STEP for i in group}
        assert len(widths) == 1
        assert len(group) <= max_batch
        assert len(group) == 1 or len(group) * widths.pop() <= max_tokens


def test_like_lengths_go_together_the_longest_first() -> None:
    assert buckets([5, 90, 6, 91], max_batch=2) == [[1, 3], [0, 2]]
    assert buckets([5, 90, 6, 81], max_batch=4) == [[1], [3], [0, 2]]


@given(st.lists(st.lists(st.integers(1, 30000), min_size=1, max_size=40), min_size=1, max_size=20))
def test_padding_keeps_the_tokens_and_masks_the_rest(sequences: list[list[int]]) -> None:
    ids, mask = pad(sequences)
    assert ids.shape == mask.shape
    assert ids.shape[1] % LENGTH_STEP == 0
    for row, sequence in enumerate(sequences):
        assert ids[row][mask[row] == 1].tolist() == sequence
    assert np.count_nonzero(ids[mask == 0]) == 0
