"""Versions, repeats and tombstones: what changes an answer and what does not, by the pure decisions and by batches."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from topics.catalogue import POSTING_FEATURES, POSTINGS, POSTINGS_FLOW, POSTINGS_LEDGER
from topics.envelope import ERASURE, REPLAY_OF
from topics.ledger import LedgerEntry
from workers.delivery import Event, Outcome, Output, Record, Worker
from workers.delivery.ledger import Ledger, position
from workers.delivery.messages import Message
from workers.delivery.process import process

KEY = b"p"


class Echo(BaseModel):
    version: int
    body: str


class Handler:
    """Echoes; poisoned by a body, degraded by another; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, events: Sequence[Event[Any]]) -> list[Outcome]:
        if any(event.value.body == "poison" for event in events):
            raise ValueError
        self.asked += [event.value.body for event in events]
        return [
            (
                Output(
                    POSTING_FEATURES,
                    event.key,
                    Echo(version=event.value.version, body=event.value.body),
                    degraded=("slow",) if event.value.body == "degraded" else (),
                ),
            )
            for event in events
        ]


class Stream:
    """A partition: feeds batches to `process` and keeps what comes out."""

    def __init__(self) -> None:
        self.handler = Handler()
        self.ledger = Ledger()
        self.made_by = "model-1"
        self.offset = 0
        self.live: dict[bytes, tuple[int, str] | None] = {}
        self.published: list[Message] = []

    def record(self, version: int, body: str | None, *, replay_of: int | None = None, erase: bool = False) -> Record:
        headers: list[tuple[str, bytes]] = []
        if replay_of is not None:
            headers.append((REPLAY_OF, f"{POSTINGS.name}/0/{replay_of}".encode()))
        if erase:
            headers.append((ERASURE, b"true"))
        value = None if body is None else json.dumps({"id": "p", "version": version, "body": body}).encode()
        self.offset += 1
        return Record(POSTINGS.name, 0, self.offset - 1, KEY, value, tuple(headers), 0)

    async def feed(self, *records: Record) -> list[tuple[int, str] | None]:
        """Outputs of one batch as (version, body), None for a tombstone; rejections and dead letters are left out."""
        worker = Worker(POSTINGS_FLOW, self.handler, lambda: self.made_by)
        messages = (await process(worker, records, self.ledger, timeout_s=5)).messages
        self.published += messages
        outputs: list[tuple[int, str] | None] = []
        for message in messages:
            if message.topic == POSTING_FEATURES.name:
                value = json.loads(message.value) if message.value is not None else None
                outputs.append((value["version"], value["body"]) if value else None)
                self.live[KEY] = outputs[-1]
        return outputs


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def test_an_older_version_changes_nothing(stream: Stream) -> None:
    assert await stream.feed(stream.record(2, "new")) == [(2, "new")]
    assert await stream.feed(stream.record(1, "old")) == []
    assert stream.handler.asked == ["new"], "a stale input costs no handling"
    assert await stream.feed(stream.record(3, "newer")) == [(3, "newer")]


async def test_within_one_batch_too(stream: Stream) -> None:
    assert await stream.feed(stream.record(1, "a"), stream.record(3, "c"), stream.record(2, "b")) == [
        (1, "a"),
        (3, "c"),
    ]


async def test_the_same_again_changes_nothing_until_the_model_does(stream: Stream) -> None:
    assert await stream.feed(stream.record(1, "a"), stream.record(1, "a")) == [(1, "a")]
    assert await stream.feed(stream.record(1, "a")) == []
    stream.made_by = "model-2"
    assert await stream.feed(stream.record(1, "a")) == [(1, "a")]
    assert await stream.feed(stream.record(1, "a")) == []


async def test_without_versions_the_order_of_the_topic_counts(stream: Stream) -> None:
    assert await stream.feed(stream.record(0, "a")) == [(0, "a")]
    assert await stream.feed(stream.record(0, "b"), stream.record(0, "a")) == [(0, "b"), (0, "a")]


async def test_a_replay_cannot_overtake_a_newer_input(stream: Stream) -> None:
    old, new = stream.record(0, "old"), stream.record(0, "new")
    assert await stream.feed(old, new) == [(0, "old"), (0, "new")]
    assert await stream.feed(stream.record(0, "old", replay_of=old.offset)) == []
    stream.made_by = "model-2"
    assert await stream.feed(stream.record(0, "new", replay_of=new.offset)) == [(0, "new")]
    assert await stream.feed(stream.record(0, "old", replay_of=old.offset)) == []


async def test_a_degraded_answer_is_done_again(stream: Stream) -> None:
    assert await stream.feed(stream.record(1, "degraded")) == [(1, "degraded")]
    entry = stream.ledger.get(KEY)
    assert entry is not None
    assert entry.degraded == ("slow",)
    assert await stream.feed(stream.record(1, "degraded")) == [(1, "degraded")]


async def test_a_tombstone_is_final_for_the_version_it_removed(stream: Stream) -> None:
    await stream.feed(stream.record(2, "a"))
    assert await stream.feed(stream.record(0, None)) == [None]
    assert await stream.feed(stream.record(0, None)) == [], "once is enough"
    assert await stream.feed(stream.record(1, "late"), stream.record(2, "a")) == []
    assert await stream.feed(stream.record(3, "again")) == [(3, "again")]


async def test_a_producer_without_versions_may_publish_again_after_a_tombstone(stream: Stream) -> None:
    assert await stream.feed(stream.record(0, "a"), stream.record(0, None), stream.record(0, "a")) == [
        (0, "a"),
        None,
        (0, "a"),
    ]


async def test_a_tombstone_for_an_unknown_key_is_passed_on(stream: Stream) -> None:
    assert await stream.feed(stream.record(0, None)) == [None]


async def test_a_replayed_tombstone_cannot_remove_what_came_after_it(stream: Stream) -> None:
    gone, back = stream.record(0, None), stream.record(0, "back")
    assert await stream.feed(gone, back) == [None, (0, "back")]
    assert await stream.feed(stream.record(0, None, replay_of=gone.offset)) == []


async def test_an_erasure_leaves_nothing_in_the_ledger(stream: Stream) -> None:
    await stream.feed(stream.record(2, "a"))
    assert await stream.feed(stream.record(0, None, erase=True)) == [None]
    assert stream.ledger.get(KEY) is None
    assert [m.value for m in stream.published if m.topic == POSTINGS_LEDGER.name][-1] is None


async def test_a_poisoned_update_leaves_the_answer_before_it(stream: Stream) -> None:
    await stream.feed(stream.record(1, "a"))
    assert await stream.feed(stream.record(2, "poison"), stream.record(1, "b")) == [(1, "b")]
    entry = stream.ledger.get(KEY)
    assert entry is not None
    assert entry.version == 1


async def test_one_ledger_record_a_key_and_batch_says_the_last_state(stream: Stream) -> None:
    await stream.feed(stream.record(1, "a"), stream.record(2, "b"))
    (message,) = [m for m in stream.published if m.topic == POSTINGS_LEDGER.name]
    assert (message.key, message.partition) == (KEY, 0)
    assert message.value is not None
    entry = LedgerEntry.model_validate_json(message.value)
    assert (entry.version, entry.position, entry.made_by) == (2, 1, "model-1")
    assert len(entry.digest) == 32


@pytest.mark.parametrize("named", ["postings.v1/1/3", "cvs.v1/0/3", "postings.v1/0/x", "3", ""])
def test_a_replay_of_another_place_stands_where_it_is(stream: Stream, named: str) -> None:
    record = Record(POSTINGS.name, 0, 9, KEY, b"", ((REPLAY_OF, named.encode()),), 0)
    assert position(record) == 9


inputs = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["a", "b"])), min_size=1, max_size=12)


@given(inputs, st.randoms(use_true_random=False))
async def test_batches_make_no_difference_and_versions_never_go_back(  # type: ignore[no-untyped-def]
    inputs: list[tuple[int, str]], random
) -> None:
    one_by_one, batched = Stream(), Stream()
    for version, body in inputs:
        await one_by_one.feed(one_by_one.record(version, body))
    records = [batched.record(version, body) for version, body in inputs]
    while records:
        size = random.randint(1, len(records))
        await batched.feed(*records[:size])
        records = records[size:]
    features = [
        [m.value for m in stream.published if m.topic == POSTING_FEATURES.name] for stream in (one_by_one, batched)
    ]
    assert features[0] == features[1]
    versions = [json.loads(value)["version"] for value in features[0] if value is not None]
    assert versions == sorted(versions)
    assert versions[-1] == max(version for version, _ in inputs)
