"""What is announced ahead of its batch: out at once, and out once, whatever happens in between."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from tests.support.streams import lost_and_doubled, make_topics, produce, read_all, until_answered, until_counted
from tests.workers.test_engine import Echo
from topics.catalogue import DEAD_LETTERS, QUERIES, QUERY_TOOL_CALLS, REJECTIONS, Flow, Topic
from topics.envelope import header
from workers import admin
from workers.delivery import Event, Handler, Outcome, Output, Record, Worker
from workers.delivery.early import Early, Note
from workers.delivery.ledger import Ledger
from workers.delivery.messages import Message
from workers.delivery.process import process
from workers.delivery.sink import Sink
from workers.errors import FatalError, PoisonError, RetryableError
from workers.runtime import in_background
from workers.settings import Settings

PLACE = TopicPartition("out", 1)


def record(offset: int, key: bytes = b"k") -> Record:
    return Record("in", 0, offset, key, b"{}", (), 0)


def events(number: int, prefix: str) -> list[tuple[bytes, bytes]]:
    return [(f"{prefix}{i}".encode(), json.dumps({"id": f"{prefix}{i}", "body": "x"}).encode()) for i in range(number)]


class Stream:
    """Topics, and workers that announce one output of each event, then answer with another."""

    def __init__(self, settings: Settings, source: Topic, calls: Topic, target: Topic) -> None:
        self.settings = settings
        self.source, self.calls, self.target = source, calls, target
        self.seen: dict[str, list[tuple[bytes, ...]]] = {}

    @classmethod
    async def make(cls, settings: Settings) -> "Stream":
        source, target = await make_topics(settings)
        _, calls = await make_topics(settings)
        return cls(settings, source, calls, target)

    def worker(self, handle: Handler, announces: bool = True) -> Worker:
        flow = Flow("early", "posting", self.source, (self.calls, self.target))
        return Worker(flow, handle, lambda: "test", self.calls if announces else None)

    def handler(self, wait: asyncio.Event | None = None, failures: int = 0) -> Handler:
        """Announces, waits, fails so many times, answers."""
        left = [failures]

        async def handle(batch: Sequence[Event[Any]]) -> list[Outcome]:
            for event in batch:
                self.seen.setdefault(event.key, []).append(event.announced)
                if not event.announced:
                    event.announce(Output(self.calls, event.key, Echo(id=event.key)))
            if wait is not None:
                await wait.wait()
            # So that whatever goes on beside a handler has its time.
            await asyncio.sleep(0.05)
            if left[0]:
                left[0] -= 1
                raise RetryableError("Triton: UNAVAILABLE")
            return [
                (Output(self.calls, e.key, Echo(id=e.key)), Output(self.target, e.key, Echo(id=e.key))) for e in batch
            ]

        return handle

    @asynccontextmanager
    async def killed(self, handle: Handler) -> AsyncIterator[None]:
        """A worker whose batches in flight are thrown away, as if it had been killed."""
        settings = self.settings.model_copy(update={"drain_timeout_s": 0.01})
        async with in_background(self.worker(handle), settings):
            yield

    async def assert_once(self, inputs: Sequence[tuple[bytes, bytes]]) -> None:
        for topic in (self.calls, self.target):
            records = await read_all(self.settings, topic.name)
            assert lost_and_doubled([key for key, _ in inputs], records) == ([], [])
            assert len({header(tuple(r.headers), "ce_id") for r in records}) == len(records)


async def test_an_announced_output_is_read_before_its_batch_is_done(kafka_settings: Settings) -> None:
    stream = await Stream.make(kafka_settings)
    inputs, go_on = events(5, "a"), asyncio.Event()
    async with in_background(stream.worker(stream.handler(go_on)), kafka_settings):
        await produce(kafka_settings, stream.source.name, inputs)
        await until_answered(kafka_settings, stream.calls.name, [key for key, _ in inputs])
        assert await read_all(kafka_settings, stream.target.name) == []
        go_on.set()
        await until_answered(kafka_settings, stream.target.name, [key for key, _ in inputs])
    await stream.assert_once(inputs)


async def test_a_new_attempt_knows_what_is_out(kafka_settings: Settings) -> None:
    stream = await Stream.make(kafka_settings)
    inputs = events(3, "b")
    async with in_background(stream.worker(stream.handler(failures=2)), kafka_settings):
        await produce(kafka_settings, stream.source.name, inputs)
        await until_answered(kafka_settings, stream.target.name, [key for key, _ in inputs])
    await stream.assert_once(inputs)
    assert all(
        attempts[-1] == (json.dumps({"id": key, "version": 0}, separators=(",", ":")).encode(),)
        for key, attempts in stream.seen.items()
        if len(attempts) > 1
    )


@pytest.mark.parametrize("announces", [True, False])
async def test_a_killed_owner_s_announcements_are_not_repeated(kafka_settings: Settings, announces: bool) -> None:
    """Also where the next owner, of another configuration, announces nothing."""
    stream = await Stream.make(kafka_settings)
    inputs = events(30, "c")
    await produce(kafka_settings, stream.source.name, inputs)
    keys = [key for key, _ in inputs]
    for _ in range(2):
        async with stream.killed(stream.handler(asyncio.Event())):
            await until_answered(kafka_settings, stream.calls.name, keys)
    assert await read_all(kafka_settings, stream.target.name) == []
    # The next takes smaller batches: what is out reaches further than its first one.
    settings = kafka_settings.model_copy(update={"batch_events": 3})
    async with in_background(stream.worker(stream.handler(), announces), settings):
        await until_answered(settings, stream.target.name, keys)
    await stream.assert_once(inputs)
    assert all(attempts[-1] for attempts in stream.seen.values())


async def test_halves_of_a_failed_batch_know_what_the_whole_announced() -> None:
    out: list[Message] = []

    class Collecting:
        async def publish_early(self, messages: Sequence[Message], offset: int, note: object) -> None:
            out.extend(messages)

    async def handle(batch: Sequence[Event[Any]]) -> list[Outcome]:
        for event in batch:
            if not event.announced:
                event.announce(Output(QUERY_TOOL_CALLS, event.key, Echo(id=event.key)))
        if any(event.key == "bad" for event in batch):
            raise PoisonError("a fault of ours")
        return [(Output(QUERY_TOOL_CALLS, event.key, Echo(id=event.key)),) for event in batch]

    flow = Flow("early", "query", QUERIES, (QUERY_TOOL_CALLS,))
    worker = Worker(flow, handle, lambda: "test", QUERY_TOOL_CALLS)
    early, ended = Early(worker), asyncio.Event()
    records = [
        Record("queries.v1", 0, offset, key.encode(), json.dumps({"id": key, "text": "baker"}).encode(), (), 0)
        for offset, key in enumerate(("good", "bad"))
    ]
    answers = await process(worker, records, Ledger(), timeout_s=5, early=early)
    ended.set()
    await early.publish(cast(Sink, Collecting()), 0, ended)
    assert sorted(message.key or b"" for message in out) == [b"bad", b"good"]
    assert [message.topic for message in answers.messages] == [REJECTIONS.name, DEAD_LETTERS.name]


async def test_topics_that_announcements_could_not_be_told_apart_in_are_refused(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    narrow = replace(source, name=f"{source.name}-narrow", partitions=1)
    await admin.apply(kafka_settings.model_copy(update={"partitions": 1}), (narrow,))
    stream = Stream(kafka_settings, source, narrow, target)
    with pytest.raises(FatalError, match="at least the"):
        async with in_background(stream.worker(stream.handler()), kafka_settings):
            pass


async def test_a_handler_can_t_announce_what_is_not_its_own(kafka_settings: Settings) -> None:
    stream = await Stream.make(kafka_settings)
    await admin.apply(kafka_settings, (DEAD_LETTERS,))

    async def handle(batch: Sequence[Event[Any]]) -> list[Outcome]:
        for event in batch:
            event.announce(Output(stream.target, event.key, Echo(id=event.key)))
        return [() for _ in batch]

    inputs = events(1, "d")
    async with in_background(stream.worker(handle), kafka_settings):
        await produce(kafka_settings, stream.source.name, inputs)
        await until_counted(kafka_settings, [DEAD_LETTERS.name], {inputs[0][0]: 1})
    assert await read_all(kafka_settings, stream.target.name) == []


def test_a_note_comes_back_as_it_was() -> None:
    note = Note(TopicPartition("query-tool-calls.v1", 3), 17, 42)
    assert Note.read(str(note)) == note
    assert Note.read("") is None
    assert Note.read("another's metadata") is None


def test_a_note_stays_while_it_speaks_of_inputs_to_come() -> None:
    worker = Worker(Flow("w", "posting", DEAD_LETTERS, ()), _never, lambda: "test", DEAD_LETTERS)
    early = Early(worker, Note(PLACE, 5, last=9))
    assert early.note_at(9) == str(Note(PLACE, 5, 9))
    assert early.note_at(10) == ""
    # Asking forgets nothing: the batch may still be handled, and ask what of it is out.
    assert early.note_at(9) == str(Note(PLACE, 5, 9))
    early.forget(10)
    assert early.note_at(9) == ""


async def _never(batch: Sequence[Event[Any]]) -> list[Outcome]:
    raise AssertionError
