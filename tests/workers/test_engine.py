"""Delivery on a real broker: everything out once, whatever happens to handlers, workers and broker."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel
from structlog.testing import capture_logs

from tests.support.streams import (
    PARTITIONS,
    lost_and_doubled,
    make_topics,
    make_worker,
    postings,
    produce,
    read_all,
    until_answered,
)
from topics.catalogue import DEAD_LETTERS, REJECTIONS, Topic
from workers.delivery import Event, Handler, Outcome, Output
from workers.delivery.messages import Message
from workers.delivery.sink import TransactionalSink
from workers.embedded import EmbeddedKafka
from workers.errors import FatalError, FencedError, RetryableError
from workers.runtime import in_background
from workers.settings import Settings


class Echo(BaseModel):
    id: str
    version: int = 0


def echo(target: Topic, delay_s: float = 0.0) -> Handler:
    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        await asyncio.sleep(delay_s)
        return [(Output(target, e.key, Echo(id=e.key, version=e.value.version)),) for e in events]

    return handle


async def test_everything_comes_out_once(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(500)
    async with in_background(make_worker(source, target, echo(target)), kafka_settings):
        await produce(kafka_settings, source.name, inputs)
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    records = await read_all(kafka_settings, target.name)
    assert lost_and_doubled([key for key, _ in inputs], records) == ([], [])


async def test_order_within_a_key_is_kept(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    updates = [
        (f"k{key}".encode(), json.dumps({"id": f"k{key}", "version": version, "body": "x"}).encode())
        for version in range(50)
        for key in range(5)
    ]
    async with in_background(make_worker(source, target, echo(target)), kafka_settings):
        await produce(kafka_settings, source.name, [*updates, (b"end", b"{}")])
        await until_answered(kafka_settings, REJECTIONS.name, [b"end"])
        await until_answered(kafka_settings, target.name, [f"k{key}".encode() for key in range(5)])
    records = await read_all(kafka_settings, target.name)
    for key in range(5):
        versions = [json.loads(r.value)["version"] for r in records if r.key == f"k{key}".encode()]
        assert versions == list(range(50))


async def test_an_outage_is_waited_out(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(50)
    failures = iter(range(6))

    async def flaky(events: Sequence[Event[Any]]) -> list[Outcome]:
        if next(failures, None) is not None:
            raise RetryableError("Triton: UNAVAILABLE")
        return list(await echo(target)(events))

    await produce(kafka_settings, source.name, inputs)
    async with in_background(make_worker(source, target, flaky), kafka_settings):
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])
    dead = {record.key for record in await read_all(kafka_settings, DEAD_LETTERS.name)}
    assert dead.isdisjoint(key for key, _ in inputs)


async def test_fatal_stops_the_worker_and_commits_nothing(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(20)
    await produce(kafka_settings, source.name, inputs)

    async def broken(events: Sequence[Event[Any]]) -> list[Outcome]:
        raise FatalError("wrong model")

    with pytest.raises(FatalError, match="wrong model"):
        async with in_background(make_worker(source, target, broken), kafka_settings) as task:
            await asyncio.wait([task], timeout=30)
    assert await read_all(kafka_settings, target.name) == []
    async with in_background(make_worker(source, target, echo(target)), kafka_settings):
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])


async def test_a_stop_finishes_the_batch_in_flight(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(200)
    handled: list[str] = []

    async def remember(events: Sequence[Event[Any]]) -> list[Outcome]:
        handled.extend(event.key for event in events)
        return list(await echo(target, 0.1)(events))

    await produce(kafka_settings, source.name, inputs)
    for _ in range(4):
        async with in_background(make_worker(source, target, remember), kafka_settings):
            await asyncio.sleep(0.15)
    async with in_background(make_worker(source, target, remember), kafka_settings):
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])
    assert len(handled) == len(set(handled)), "a batch in flight was thrown away and done again"


async def test_partitions_move_between_workers_without_loss_or_repeat(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(1500)
    await produce(kafka_settings, source.name, inputs)
    worker = make_worker(source, target, echo(target, 0.03))
    async with in_background(worker, kafka_settings):
        for _ in range(3):
            async with in_background(worker, kafka_settings):
                await asyncio.sleep(0.3)
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])


async def test_a_newer_owner_fences_the_older(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    partition = TopicPartition(source.name, 0)
    zombie, owner = (TransactionalSink(kafka_settings, "group", partition) for _ in range(2))
    await zombie.open()
    await zombie.publish([Message(target.name, b"first", b"{}", ())], 1)
    await owner.open()
    with pytest.raises(FencedError):
        await zombie.publish([Message(target.name, b"late", b"{}", ())], 2)
    await owner.publish([Message(target.name, b"second", b"{}", ())], 2)
    await asyncio.gather(zombie.close(), owner.close())
    assert {r.key for r in await read_all(kafka_settings, target.name)} == {b"first", b"second"}


async def test_a_newer_owner_fences_an_older_one_that_had_prepared(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    partition = TopicPartition(source.name, 0)
    zombie, waiting, owner = (TransactionalSink(kafka_settings, "prepared", partition) for _ in range(3))
    await zombie.open()
    await zombie.prepare([target.name], 1)
    await waiting.open()
    with pytest.raises(FencedError):
        await zombie.publish([Message(target.name, b"late", b"{}", (), 0)], 1)
    await waiting.prepare([target.name], 1)
    await owner.open()
    with pytest.raises(FencedError):
        await waiting.cancel()
    await owner.prepare([target.name], 1)
    await owner.publish([Message(target.name, b"only", b"{}", (), 0)], 1)
    await asyncio.gather(zombie.close(), waiting.close(), owner.close())
    assert [r.key for r in await read_all(kafka_settings, target.name)] == [b"only"]


async def test_what_is_prepared_and_not_published_leaves_nothing(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    partition = TopicPartition(source.name, 0)
    sink = TransactionalSink(kafka_settings, "unused", partition)
    await sink.open()
    await sink.prepare([target.name], 7)
    await sink.cancel()
    await sink.publish([Message(target.name, b"k", b"{}", (), 0)], 1)
    await sink.prepare([target.name], 9)
    await sink.close()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka_settings.kafka_bootstrap_servers, group_id="unused", enable_auto_commit=False
    )
    async with consumer:
        assert await consumer.committed(partition) == 1
    assert [r.key for r in await read_all(kafka_settings, target.name)] == [b"k"]


async def test_a_handler_slower_than_a_transaction_may_be_open_is_not_fenced(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"transaction_timeout_s": 2.0})
    source, target = await make_topics(settings)
    inputs = postings(20)
    with capture_logs() as logs:
        async with in_background(make_worker(source, target, echo(target, 4.0)), settings):
            await produce(settings, source.name, inputs)
            await until_answered(settings, target.name, [key for key, _ in inputs])
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == []
    assert lost_and_doubled([key for key, _ in inputs], await read_all(settings, target.name)) == ([], [])


async def test_a_fenced_worker_rejoins(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(100)
    async with in_background(make_worker(source, target, echo(target)), kafka_settings):
        thieves = [
            TransactionalSink(kafka_settings, f"{kafka_settings.group_prefix}-w", TopicPartition(source.name, number))
            for number in range(PARTITIONS)
        ]
        await asyncio.gather(*(thief.open() for thief in thieves))
        await asyncio.gather(*(thief.close() for thief in thieves))
        await produce(kafka_settings, source.name, inputs)
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])


async def test_at_least_once_loses_nothing(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"delivery": "at_least_once"})
    source, target = await make_topics(settings)
    inputs = postings(300)
    await produce(settings, source.name, inputs)
    for _ in range(2):
        async with in_background(make_worker(source, target, echo(target, 0.02)), settings):
            await asyncio.sleep(0.1)
    async with in_background(make_worker(source, target, echo(target)), settings):
        await until_answered(settings, target.name, [key for key, _ in inputs])
    lost, doubled = lost_and_doubled([key for key, _ in inputs], await read_all(settings, target.name))
    assert lost == []
    assert doubled == [], "stopped in order, nothing is repeated even at least once"


async def test_the_broker_dies_and_comes_back(kafka_settings: Settings, kafka: EmbeddedKafka) -> None:
    source, target = await make_topics(kafka_settings)
    inputs = postings(600)
    async with in_background(make_worker(source, target, echo(target, 0.05)), kafka_settings):
        await produce(kafka_settings, source.name, inputs)
        kafka.kill()
        await kafka.start()
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs], timeout_s=90)
    assert lost_and_doubled([key for key, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])


async def test_a_stop_does_not_wait_for_a_dead_broker(kafka_settings: Settings, kafka: EmbeddedKafka) -> None:
    settings = kafka_settings.model_copy(update={"drain_timeout_s": 1.0})
    source, target = await make_topics(settings)
    await produce(settings, source.name, postings(100))
    try:
        async with asyncio.timeout(30), in_background(make_worker(source, target, echo(target, 0.2)), settings):
            await asyncio.sleep(0.5)
            kafka.kill()
    finally:
        await kafka.start()
