import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery import Backoff, Limits, PartitionQueue, Record
from workers.delivery.core import Patience, PoisonLimit


def record(offset: int, size: int = 10) -> Record:
    return Record("t", 0, offset, None, b"x" * size, (), 0)


# What a partition can deliver: offsets grow, with gaps where transaction markers and compacted records were.
offsets = st.lists(st.integers(1, 5), max_size=60).map(lambda gaps: [sum(gaps[: i + 1]) for i in range(len(gaps))])
limits = st.builds(
    Limits, st.integers(1, 8), st.integers(1, 30), st.floats(0, 2), st.integers(1, 20), st.integers(1, 500)
)


def a_queue(
    next_offset: int = 0, events: int = 8, tokens: int = 1000, wait_s: float = 0, most: int = 8, most_bytes: int = 10**4
) -> PartitionQueue:
    return PartitionQueue(Limits(events, tokens, wait_s, most, most_bytes), next_offset)


@given(offsets, st.lists(st.integers(0, 200), min_size=60, max_size=60), limits, st.randoms(use_true_random=False))
def test_records_leave_once_in_order_and_batches_keep_their_bounds(offsets, sizes, limits, random) -> None:  # type: ignore[no-untyped-def]
    queue = PartitionQueue(limits, next_offset=0)
    todo = [record(offset, size) for offset, size in zip(offsets, sizes, strict=False)]
    taken: list[Record] = []
    offered: dict[int, float] = {}
    committed = 0
    position = 0
    now = 0.0
    while position < len(todo) or len(queue):
        step = random.randint(0, 5)
        # A seek may deliver again what was delivered before.
        start = max(0, position - random.randint(0, 3))
        queue.offer(todo[start : position + step], now)
        for new in todo[position : position + step]:
            offered[new.offset] = now
        position = max(position, min(len(todo), position + step))
        due = queue.due_in(now)
        assert (due is None) == (len(queue) == 0)
        if due is not None and due <= 0:
            batch = queue.take(now)
            assert len(batch) <= limits.batch_events
            assert len(batch) == 1 or sum(r.tokens for r in batch) <= limits.batch_tokens
            assert batch[0].offset >= committed
            committed = batch[-1].offset + 1
            taken += batch
        elif due is not None:
            oldest = todo[len(taken)].offset
            assert due <= limits.batch_wait_s + max(0.0, offered[oldest] - now) + 1e-9, "waits longer than it may"
            now += random.choice([0.0, due])
    assert taken == todo


def test_starts_behind_the_committed_offset() -> None:
    queue = a_queue(next_offset=5)
    queue.offer([record(3), record(4), record(5), record(6)], 0)
    assert [r.offset for r in queue.take(0)] == [5, 6]


def test_one_large_record_is_a_batch_of_its_own() -> None:
    queue = a_queue(tokens=25)
    queue.offer([record(0, 500), record(1), record(2)], 0)
    assert [r.offset for r in queue.take(0)] == [0]
    assert [r.offset for r in queue.take(0)] == [1, 2]
    assert queue.take(0) == []


def test_a_record_waits_for_batch_mates_but_not_long() -> None:
    queue = a_queue(events=2, wait_s=1.0)
    assert queue.due_in(10) is None
    queue.offer([record(0)], 10)
    assert queue.due_in(10.25) == pytest.approx(0.75)
    assert queue.due_in(11) == 0
    queue.offer([record(1)], 10.5)
    assert queue.due_in(10.5) == 0, "full"


def test_enough_tokens_make_a_batch_at_once() -> None:
    queue = a_queue(tokens=100, wait_s=1.0)
    queue.offer([record(0, 300)], 0)
    assert queue.due_in(0) == 1.0
    queue.offer([record(1, 300)], 0)
    assert queue.due_in(0) == 0


def test_pauses_when_full_and_resumes_when_half_empty() -> None:
    queue = a_queue(events=1, most=4)
    queue.offer((record(i) for i in range(4)), 0)
    assert queue.should_pause
    assert not queue.should_resume
    queue.take(0)
    assert not queue.should_pause
    assert not queue.should_resume
    queue.take(0)
    assert queue.should_resume


def test_a_few_large_records_fill_the_queue_as_well() -> None:
    queue = a_queue(events=1, most=100, most_bytes=1000)
    queue.offer([record(0, 400), record(1, 400), record(2, 400)], 0)
    assert queue.should_pause
    queue.take(0)
    assert not queue.should_pause
    assert not queue.should_resume
    queue.take(0)
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


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 20), st.floats(0.1, 1), st.integers(1, 50))
def test_the_poison_limit_trips_by_run_or_by_ratio_and_not_before(
    events: list[bool], run: int, ratio: float, window: int
) -> None:
    limit = PoisonLimit(run, ratio, window)
    for number, poisoned in enumerate(events, 1):
        seen = events[:number]
        last = seen[-window:]
        in_a_row = number - max((i for i, bad in enumerate(seen, 1) if not bad), default=0)
        expected = in_a_row >= run or (len(last) == window and sum(last) > ratio * window)
        assert limit.observe(poisoned) == expected


def test_an_event_is_suspected_only_after_a_time_and_several_attempts() -> None:
    patience = Patience(timeout_s=30)
    patience.failed(suspect=True, now=0)
    assert not patience.spent(1000), "one attempt; the process may have been stopped for long"
    patience.failed(suspect=True, now=1)
    patience.failed(suspect=True, now=2)
    assert not patience.spent(29)
    assert patience.spent(30)


def test_an_outage_speaks_for_the_event() -> None:
    patience = Patience(timeout_s=30)
    for now in range(3):
        patience.failed(suspect=True, now=now)
    patience.failed(suspect=False, now=40)
    patience.failed(suspect=True, now=41)
    assert not patience.spent(60)
