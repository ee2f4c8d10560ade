"""On a real broker: versions over a change of owner, limits, deadlines, static members, the watchdog."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from structlog.testing import capture_logs

from tests.support.streams import (
    ledger_of,
    lost_and_doubled,
    make_topics,
    make_worker,
    postings,
    produce,
    read_all,
    until_answered,
    until_counted,
)
from tests.workers.test_engine import echo
from topics.catalogue import DEAD_LETTERS, REJECTIONS, Flow, Topic
from topics.envelope import header
from workers import admin
from workers.delivery import Event, Handler, Outcome, Worker, run_worker
from workers.delivery.messages import Message
from workers.delivery.sink import AtLeastOnceSink
from workers.errors import FatalError, RetryableError, SuspectError
from workers.health import Health
from workers.runtime import in_background
from workers.settings import Settings


def posting(key: str, version: int, body: str = "x") -> tuple[bytes, bytes]:
    return key.encode(), json.dumps({"id": key, "version": version, "body": body}).encode()


def failing(target: Topic, error: Exception, bad: str = "bad") -> Handler:
    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        if any(event.value.body == bad for event in events):
            raise error
        return list(await echo(target)(events))

    return handle


async def versions_of(settings: Settings, topic: Topic, key: bytes) -> list[int | None]:
    records = [record for record in await read_all(settings, topic.name) if record.key == key]
    return [json.loads(record.value)["version"] if record.value is not None else None for record in records]


async def test_a_new_owner_remembers_what_the_last_one_answered(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    worker = make_worker(source, target, echo(target))
    async with in_background(worker, kafka_settings):
        await produce(kafka_settings, source.name, [posting("a", 5), posting("gone", 5), (b"gone", None)])
        await until_counted(kafka_settings, [target.name], {b"a": 1, b"gone": 2})
    async with in_background(worker, kafka_settings):
        late = [posting("a", 4), posting("a", 5), posting("gone", 4), posting("a", 6), posting("gone", 6)]
        await produce(kafka_settings, source.name, late)
        await until_counted(kafka_settings, [target.name], {b"a": 2, b"gone": 3})
    assert await versions_of(kafka_settings, target, b"a") == [5, 6]
    assert await versions_of(kafka_settings, target, b"gone") == [5, None, 6]


async def test_a_flood_of_poison_stops_the_worker_and_is_not_committed(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"poison_run": 20, "batch_events": 8})
    source, target = await make_topics(settings)
    inputs = postings(400, body="bad")
    await produce(settings, source.name, inputs)
    with pytest.raises(FatalError, match="TALENTSTREAM_POISON_RUN"):
        async with (
            asyncio.timeout(60),
            in_background(make_worker(source, target, failing(target, ValueError("broken"))), settings) as task,
        ):
            await asyncio.wait([task])
    keys = {key for key, _ in inputs}
    dead = [record for record in await read_all(settings, DEAD_LETTERS.name) if record.key in keys]
    assert len(dead) < source.partitions * 20
    # Mended, the rest is answered: each input has one output or one rejection.
    async with in_background(make_worker(source, target, echo(target)), settings):
        await until_counted(settings, [target.name, REJECTIONS.name], dict.fromkeys(keys, 1))
    answers = [r for topic in (target, REJECTIONS) for r in await read_all(settings, topic.name) if r.key in keys]
    assert lost_and_doubled(list(keys), answers) == ([], [])


async def test_a_few_poisoned_events_do_not(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"poison_run": 3})
    source, target = await make_topics(settings)
    inputs = [*postings(30), *postings(2, "bad"), *postings(30)]
    async with in_background(make_worker(source, target, failing(target, ValueError("broken"))), settings):
        await produce(settings, source.name, inputs)
        await until_counted(settings, [target.name, REJECTIONS.name], dict.fromkeys((key for key, _ in inputs), 1))


async def test_an_event_on_which_a_live_part_answers_nonsense_is_dead_lettered_in_the_end(
    kafka_settings: Settings,
) -> None:
    settings = kafka_settings.model_copy(update={"suspect_timeout_s": 1.0})
    source, target = await make_topics(settings)
    inputs = [*postings(20), *postings(1, "bad"), *postings(20)]
    async with in_background(make_worker(source, target, failing(target, SuspectError("not finite"))), settings):
        await produce(settings, source.name, inputs)
        await until_counted(settings, [target.name, REJECTIONS.name], dict.fromkeys((key for key, _ in inputs), 1))
    bad = inputs[20][0]
    dead = [record for record in await read_all(settings, DEAD_LETTERS.name) if record.key == bad]
    assert [header(tuple(record.headers), "__streams.errors.exception") for record in dead] == [
        "workers.errors.SuspectError"
    ]


async def test_a_handler_that_hangs_on_one_event_meets_its_deadline(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"handle_timeout_s": 0.3, "suspect_timeout_s": 0.5})
    source, target = await make_topics(settings)

    async def hangs(events: Sequence[Event[Any]]) -> list[Outcome]:
        if any(event.value.body == "bad" for event in events):
            await asyncio.sleep(3600)
        return list(await echo(target)(events))

    inputs = [*postings(8), *postings(1, "bad"), *postings(8)]
    async with in_background(make_worker(source, target, hangs), settings):
        await produce(settings, source.name, inputs)
        await until_counted(settings, [target.name, REJECTIONS.name], dict.fromkeys((key for key, _ in inputs), 1))


@pytest.mark.parametrize("static", [True, False])
async def test_a_restart_of_a_static_member_causes_no_rebalance(kafka_settings: Settings, static: bool) -> None:
    source, target = await make_topics(kafka_settings)
    worker = make_worker(source, target, echo(target))
    one, two = (
        kafka_settings.model_copy(update={"group_instance_id": name if static else None}) for name in ("one", "two")
    )
    inputs = postings(200)
    async with in_background(worker, one):
        async with in_background(worker, two):
            await produce(kafka_settings, source.name, inputs[:100])
            await until_answered(kafka_settings, target.name, [key for key, _ in inputs[:100]])
        with capture_logs() as logs:
            async with in_background(worker, two):
                await produce(kafka_settings, source.name, inputs[100:])
                await until_answered(kafka_settings, target.name, [key for key, _ in inputs])
    assignments = [entry for entry in logs if entry["event"] == "partitions assigned"]
    assert (len(assignments) == 1) == static, "only the one that restarts is given its partitions, which it had before"
    assert lost_and_doubled([k for k, _ in inputs], await read_all(kafka_settings, target.name)) == ([], [])


@pytest.mark.parametrize("batches_at_once", [None, 1])
async def test_a_stuck_partition_fails_liveness_and_an_outage_does_not(
    kafka_settings: Settings, batches_at_once: int | None
) -> None:
    settings = kafka_settings.model_copy(update={"stall_timeout_s": 2.0, "handle_timeout_s": 3600.0})
    source, target = await make_topics(settings)
    release, down = asyncio.Event(), asyncio.Event()

    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        if down.is_set():
            raise RetryableError("Triton: UNAVAILABLE")
        await release.wait()
        return list(await echo(target)(events))

    health, stop = Health(settings.stall_timeout_s), asyncio.Event()
    worker = replace(make_worker(source, target, handle), batches_at_once=batches_at_once)
    work = asyncio.create_task(run_worker(worker, settings, health, stop))
    try:
        await health.wait_ready()
        await asyncio.sleep(2.5)
        assert health.live, "idle is not stuck"
        down.set()
        await produce(settings, source.name, postings(20))
        await asyncio.sleep(3.5)
        assert health.live, "an outage is waited out"
        down.clear()
        async with asyncio.timeout(20):
            while health.live:  # noqa: ASYNC110 - health has no event
                await asyncio.sleep(0.1)
        release.set()
        async with asyncio.timeout(20):
            while not health.live:  # noqa: ASYNC110 - health has no event
                await asyncio.sleep(0.1)
    finally:
        release.set()
        stop.set()
        await work


async def test_at_least_once_remembers_nothing_that_was_not_published(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    small = replace(target, name=f"small-{target.name}", max_message_bytes=1000)
    await admin.apply(kafka_settings, [small])
    sink = AtLeastOnceSink(kafka_settings, AIOKafkaConsumer(), TopicPartition(source.name, 0))
    await sink.open()
    try:
        with pytest.raises(FatalError, match=r"max\.message\.bytes"):
            await sink.publish(
                [
                    Message(small.name, b"p", b"x" * 2000, (), 0),
                    Message(ledger_of(source).name, b"p", b"{}", (), 0, remembers=True),
                ],
                next_offset=1,
            )
    finally:
        await sink.close()
    assert await read_all(kafka_settings, ledger_of(source).name) == []


async def test_a_missing_ledger_is_waited_for(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    ledger = replace(ledger_of(source), name=f"late-{source.name}")
    flow = Flow("w", "posting", source, (target,), ledger)
    inputs = postings(20)
    await produce(kafka_settings, source.name, inputs)
    async with in_background(Worker(flow, echo(target), lambda: "test"), kafka_settings):
        await asyncio.sleep(1.5)
        assert await read_all(kafka_settings, target.name) == []
        await admin.apply(kafka_settings, [ledger])
        await until_answered(kafka_settings, target.name, [key for key, _ in inputs])


async def test_a_ledger_with_too_few_partitions_is_a_configuration_error(kafka_settings: Settings) -> None:
    source, target = await make_topics(kafka_settings)
    ledger = replace(ledger_of(source), name=f"small-{source.name}", partitions=1)
    await admin.apply(kafka_settings, [ledger])
    worker = Worker(Flow("w", "posting", source, (target,), ledger), echo(target), lambda: "test")
    with pytest.raises(FatalError, match="lacks partitions"):
        async with asyncio.timeout(30), in_background(worker, kafka_settings) as task:
            await asyncio.wait([task])
