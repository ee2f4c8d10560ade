"""Topics, events and readers for tests of delivery on a real broker."""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from topics.catalogue import DEAD_LETTERS, POSTING_FEATURES, POSTINGS, POSTINGS_LEDGER, REJECTIONS, Flow, Topic
from workers import admin, kafka
from workers.delivery import Handler, Worker
from workers.kafka import committed_reader, is_behind
from workers.settings import Settings

PARTITIONS = 4


async def make_topics(settings: Settings) -> tuple[Topic, Topic]:
    """An input and an output topic of the test's own, with a ledger, beside the shared rejections and dead letters."""
    suffix = uuid.uuid4().hex[:8]
    source = replace(POSTINGS, name=f"in-{suffix}", partitions=PARTITIONS)
    target = replace(POSTING_FEATURES, name=f"out-{suffix}", partitions=PARTITIONS)
    await admin.apply(settings, (source, target, ledger_of(source), REJECTIONS, DEAD_LETTERS))
    return source, target


def ledger_of(source: Topic) -> Topic:
    """The ledger of a topic that `make_topics` made."""
    return replace(POSTINGS_LEDGER, name=f"ledger-{source.name}", partitions=source.partitions)


async def produce(settings: Settings, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Sends key-value pairs, in order within a key."""
    producer = AIOKafkaProducer(**kafka.connection(settings), enable_idempotence=True, max_request_size=20_000_000)
    async with producer:
        await asyncio.gather(*[await producer.send(topic, key=key, value=value) for key, value in records])


def postings(number: int, body: str = "ok") -> list[tuple[bytes, bytes]]:
    """`number` valid postings with ids of their own."""
    run = uuid.uuid4().hex[:6]
    return [(f"{run}-{i}".encode(), json.dumps({"id": f"{run}-{i}", "body": body}).encode()) for i in range(number)]


async def read_all(settings: Settings, topic: str) -> list[ConsumerRecord]:
    """Every committed record of the topic, from its beginning to its end."""
    consumer = committed_reader(settings, topic)
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        records: list[ConsumerRecord] = []
        while await is_behind(consumer, ends):
            for fetched in (await consumer.getmany(timeout_ms=200)).values():
                records += fetched
        return records


async def until_answered(settings: Settings, topic: str, keys: Iterable[bytes], timeout_s: float = 60) -> None:
    """Waits until each key has a committed record in the topic."""
    await until_counted(settings, [topic], dict.fromkeys(keys, 1), timeout_s)


async def until_counted(
    settings: Settings, topics: Sequence[str], expected: Mapping[bytes, int], timeout_s: float = 60
) -> None:
    """Waits until each key has so many committed records in the topics together."""
    missing = dict(expected)
    consumer = committed_reader(settings, *topics)
    async with consumer, asyncio.timeout(timeout_s):
        while any(count > 0 for count in missing.values()):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.key in missing:
                        missing[record.key] -= 1


def lost_and_doubled(expected: Sequence[bytes], records: Sequence[ConsumerRecord]) -> tuple[list[bytes], list[bytes]]:
    """Keys without a record, and keys with more than one."""
    seen: dict[bytes, int] = defaultdict(int)
    for record in records:
        seen[record.key] += 1
    return [key for key in expected if key not in seen], [key for key, times in seen.items() if times > 1]


def make_worker(source: Topic, target: Topic, handle: Handler, name: str = "w") -> Worker:
    """A worker from source to target."""
    return Worker(Flow(name, "posting", source, (target,), ledger_of(source)), handle, made_by=lambda: "test")
