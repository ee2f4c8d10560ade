import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery import Backoff, Limits, PartitionQueue, Record


def record(offset: int, size: int = 10) -> Record:
    return Record("t", 0, offset, None, b"x" * size, (), 0)


# What a partition can deliver: offsets grow, with gaps where transaction markers and compacted records were.
offsets = st.lists(st.integers(1, 5), max_size=60).map(lambda gaps: [sum(gaps[: i + 1]) for i in range(len(gaps))])
limits = st.builds(Limits, st.integers(1, 8), st.integers(1, 100), st.integers(1, 20), st.integers(1, 500))


@given(offsets, st.lists(st.integers(0, 60), min_size=60, max_size=60), limits, st.randoms(use_true_random=False))
def test_records_leave_once_in_order_and_batches_keep_their_bounds(offsets, sizes, limits, random) -> None:  # type: ignore[no-untyped-def]
    queue = PartitionQueue(limits, next_offset=0)
    todo = [record(offset, size) for offset, size in zip(offsets, sizes, strict=False)]
    taken: list[Record] = []
    committed = 0
    position = 0
    while position < len(todo) or len(queue):
        step = random.randint(0, 5)
        # A seek may deliver again what was delivered before.
        start = max(0, position - random.randint(0, 3))
        queue.offer(todo[start : position + step])
        position = max(position, min(len(todo), position + step))
        if batch := queue.take():
            assert len(batch) <= limits.batch_events
            assert len(batch) == 1 or sum(r.size for r in batch) <= limits.batch_bytes
            assert batch[0].offset >= committed
            committed = batch[-1].offset + 1
            taken += batch
    assert taken == todo


def test_starts_behind_the_committed_offset() -> None:
    queue = PartitionQueue(Limits(8, 1000, 8, 10_000), next_offset=5)
    queue.offer([record(3), record(4), record(5), record(6)])
    assert [r.offset for r in queue.take()] == [5, 6]


def test_one_large_record_is_a_batch_of_its_own() -> None:
    queue = PartitionQueue(Limits(8, 100, 8, 10_000), next_offset=0)
    queue.offer([record(0, 500), record(1), record(2)])
    assert [r.offset for r in queue.take()] == [0]
    assert [r.offset for r in queue.take()] == [1, 2]
    assert queue.take() == []


def test_pauses_when_full_and_resumes_when_half_empty() -> None:
    queue = PartitionQueue(Limits(1, 100, 4, 10_000), next_offset=0)
    queue.offer(record(i) for i in range(4))
    assert queue.should_pause
    assert not queue.should_resume
    queue.take()
    assert not queue.should_pause
    assert not queue.should_resume
    queue.take()
    assert queue.should_resume


def test_a_few_large_records_fill_the_queue_as_well() -> None:
    queue = PartitionQueue(Limits(1, 100, 100, 1000), next_offset=0)
    queue.offer([record(0, 400), record(1, 400), record(2, 400)])
    assert queue.should_pause
    queue.take()
    assert not queue.should_pause
    assert not queue.should_resume
    queue.take()
    assert queue.should_resume


@given(st.integers(1, 2000), st.floats(0, 1, exclude_max=True))
def test_backoff_grows_to_its_cap(attempt: int, chance: float) -> None:
    backoff = Backoff(initial_s=0.2, max_s=15)
    assert 0.1 <= backoff.delay(attempt, lambda: chance) <= 15
    assert backoff.delay(attempt, lambda: 0.5) <= backoff.delay(attempt + 1, lambda: 0.5)


def test_backoff_jitters() -> None:
    backoff = Backoff(initial_s=1, max_s=8)
    assert backoff.delay(2, lambda: 0.0) == pytest.approx(1.0)
    assert backoff.delay(2, lambda: 0.999) == pytest.approx(2.0, rel=0.01)
    assert backoff.delay(99, lambda: 0.999) == pytest.approx(8.0, rel=0.01)
