"""Inputs that are bad, late, repeated, replayed, too many; clocks that jump."""

import asyncio
import contextlib
import json
import signal
from dataclasses import replace

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import ConsumerRecord

from tests.faults.handlers import Behaviour
from tests.faults.judge import Verdict
from tests.faults.load import TOO_LARGE, Mix, events
from tests.faults.stage import PARTITIONS, WORKERS, Stage, Stream
from tests.support.streams import read_all
from topics.catalogue import DEAD_LETTERS
from topics.envelope import header
from workers.settings import Settings


async def dead_letters_of(stream: Stream) -> list[ConsumerRecord]:
    """Those of the stream's own inputs."""
    source = stream.plan.flow.source.name
    records = await read_all(stream.settings, DEAD_LETTERS.name)
    return [record for record in records if header(record.headers, "__streams.errors.topic") == source]


async def poison(stage: Stage) -> Verdict:
    """Bad events of every kind among good ones, and handlers that fail in every way.

    Guard: a batch is halved until the event at fault stands alone.
    """
    records = [*(TOO_LARGE(f"large{n}") for n in range(3)), *events(stage.events, stage.seed, Mix(poison=0.02))]
    async with stage.stream(seconds=12, records=records) as stream:
        verdict = await stream.verdict()
        failed = sum(refusal.code == "processing_failed" for refusal in stream.watcher.refusals)
        letters = len(await dead_letters_of(stream))
    return verdict.and_further(dead_letters_too_many_or_few=abs(failed - letters))


async def poison_burst(stage: Stage) -> Verdict:
    """A handler that fails on every event; then, after a while, one that works.

    Guard: so many dead letters in a row stop the worker.
    """
    broken = Behaviour(poison_all=True)
    async with stage.stream(seconds=10, behaviour=broken, supervised=False, stall_s=20) as stream:
        await stream.loaded()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while stream.fleet.running:  # noqa: ASYNC110 - other processes' doing
                    await asyncio.sleep(0.1)
        still_running = stream.fleet.running
        stopped_in_order = sum(code == 0 for code in stream.fleet.exits)
        letters = len(await dead_letters_of(stream))
        (stream.folder / "control.json").write_text(json.dumps({"poison_all": False}))
        stream.mark()
        stream.fleet.start(WORKERS)
        verdict = await stream.verdict()
    # Those that were dead-lettered are answered: by a rejection, which of a good input the judge calls wrong.
    return replace(verdict, wrong=max(0, verdict.wrong - letters)).and_further(
        workers_not_stopped=still_running,
        workers_that_exited_with_0=stopped_in_order,
        dead_letters_over_the_limit=max(0, letters - Settings().poison_run * PARTITIONS * WORKERS),
    )


async def dead_letters_stuck(stage: Stage) -> Verdict:
    """The dead-letter topic takes nothing for a while.

    Guard: a dead letter is part of its input's transaction, so the input stays uncommitted.
    """
    async with stage.stream(seconds=20, mix=Mix(poison=0.01), stall_s=30) as stream:
        await stream.flowing()
        await require_replicas(stream, 2)
        try:
            await asyncio.sleep(6.0)
        finally:
            await require_replicas(stream, 1)
        stream.mark()
        verdict = await stream.verdict()
        failed = sum(refusal.code == "processing_failed" for refusal in stream.watcher.refusals)
        letters = len(await dead_letters_of(stream))
    return verdict.and_further(
        dead_letters_lost=max(0, failed - letters), dead_letters_doubled=max(0, letters - failed)
    )


async def require_replicas(stream: Stream, replicas: int) -> None:
    """With 2 on one broker the dead-letter topic takes nothing."""
    config = DEAD_LETTERS.config() | {"min.insync.replicas": str(replicas)}
    admin = AIOKafkaAdminClient(bootstrap_servers=stream.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, DEAD_LETTERS.name, configs=config)])
    finally:
        await admin.close()


async def repeats(stage: Stage) -> Verdict:
    """Events sent again, and old versions after newer ones, while workers are killed.

    Guard: the ledger of what was answered.
    """
    mix = Mix(repeats=0.1, late=0.05)
    async with stage.stream(seconds=15, mix=mix, strikes=("committed", "produced", "committed")) as stream:
        await stream.flowing()
        stream.mark()
        return await stream.verdict()


async def clock_jumps(stage: Stage) -> Verdict:
    """The workers' wall clocks jump an hour ahead, back, and an hour behind.

    Guard: nothing that is decided or published looks at the wall clock.
    """
    async with stage.stream(seconds=12) as stream:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR2):
            await stream.flowing()
            stream.fleet.signal(number)
            stream.mark()
            await asyncio.sleep(1.0)
        return await stream.verdict()


async def replay(stage: Stage) -> Verdict:
    """All inputs again, by a new group into new topics of the same names: byte-identical outputs and headers.

    Guard: everything published is a function of the input.
    """
    mix = Mix(repeats=0.02, late=0.02)
    async with stage.stream(seconds=10, mix=mix) as stream:
        verdict = await stream.verdict()
        first = await _state(stream)
        await stream.restart_from_nothing()
        again = await stream.verdict()
        second = await _state(stream)
    changed = sum(first.get(key) != second.get(key) for key in first.keys() | second.keys())
    failures = {f"replay_{name}": figure for name, figure in again.failures.items()}
    return verdict.and_further(changed_by_the_replay=changed, **failures)


async def _state(stream: Stream) -> dict[bytes, tuple[object, ...]]:
    records = await read_all(stream.settings, stream.plan.flow.derived[0].name)
    return {record.key: (record.value, tuple(record.headers)) for record in records}


async def overload(stage: Stage) -> Verdict:
    """Ten times as many events as the workers can do, for two minutes; then workers at full speed.

    Guard: full partitions are paused.
    """
    seconds = 120.0 * stage.events / 20_000
    capacity = 300.0
    slow = Behaviour(delay_s=PARTITIONS / capacity)
    count = int(seconds * capacity * 10)
    # Large, so that a queue without a bound soon shows.
    mix = Mix(payload_bytes=490)
    async with stage.stream(seconds=seconds, count=count, mix=mix, behaviour=slow, stall_s=30) as stream:
        await stream.sent(0.2)
        early = max(stream.fleet.rss_mb())
        largest = early
        while stream.load.sent < count:
            await asyncio.sleep(0.5)
            largest = max([largest, *stream.fleet.rss_mb()])
        (stream.folder / "control.json").write_text(json.dumps({"delay_s": 0.0}))
        stream.mark()
        verdict = await stream.verdict()
    return verdict.and_further(
        megabytes_over_250=max(0, round(largest - 250)), megabytes_grown=max(0, round(largest - early - 25))
    )
