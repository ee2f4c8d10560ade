"""`talentstream bench queries`: how long a query waits, at several rates, for its first tool call and understanding.

Queries come at random times, as from many people (a Poisson process), whatever has become of those before; a time runs
from when a query was due, so that a late sender hides nothing, to when a consumer of committed records has the answer.
The worker is a process of its own, as in production; sender, consumer, broker and Triton share the machine with it.
"""

import asyncio
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from topics.catalogue import QUERIES, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from topics.envelope import encode
from topics.queries import Query
from workers import admin, kafka
from workers.bench import THREADS
from workers.embedded.child import Child
from workers.errors import FatalError
from workers.files import Line
from workers.llm import local
from workers.publish import idempotent_producer
from workers.settings import Settings

# What is published of the LLM pipeline that this one replaces.
PUBLISHED_RATE = local.RATE
LIMIT_S = 0.05
# Between the rates at which the highest that holds the limit is looked for.
STEP = 1.25
MAX_RATE = 5_000.0
START_TIMEOUT_S = 90.0
# Without a further answer for so long, the rest is taken as lost.
STALL_S = 30.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from due to received, sorted, of one run."""

    first_call: list[float]
    understanding: list[float]


async def run(
    settings: Settings,
    lines: Sequence[Line],
    *,
    rates: Sequence[float],
    seconds: float,
    llm: bool,
    console: Console,
) -> None:
    """Measures and prints the tables.

    Raises:
        FatalError: a query was not answered.
        EmbeddedError: the worker ended; with its log's last lines.
    """
    await admin.apply(settings)
    queries = [line.event for line in lines if isinstance(line.event, Query)]
    if not queries:
        raise FatalError("no valid query to measure with")
    columns = [f"{what} {share}" for what in ("first call", "whole") for share in ("p50", "p95", "p99")]
    table = Table("engine", "queries/s", *columns, title="milliseconds from due to read", title_justify="left")
    with tempfile.TemporaryDirectory() as folder:
        async with _worker(settings, Path(folder), {"TALENTSTREAM_QUERY_ENGINE": "student"}):
            await _warm_up(settings, queries)
            waits = {rate: await _measure(settings, queries, rate, seconds) for rate in rates}
            for rate, own in waits.items():
                table.add_row("student", f"{rate:g}", *_cells(own))
            highest = await _highest(settings, queries, waits, seconds)
        if llm:
            async with local.published() as url:
                environment = {
                    "TALENTSTREAM_QUERY_ENGINE": "llm",
                    "TALENTSTREAM_LLM_URL": url,
                    "TALENTSTREAM_LLM_MODEL": "local",
                }
                async with _worker(settings, Path(folder), environment):
                    await _warm_up(settings, queries)
                    for rate in (PUBLISHED_RATE / 4, PUBLISHED_RATE / 2):
                        own = await _measure(settings, queries, rate, seconds)
                        table.add_row("llm", f"{rate:g}", *_cells(own))
    console.print(
        f"{seconds:g} s a rate, {settings.partitions or QUERIES.partitions} partitions, {settings.delivery}, "
        f"{THREADS} cores"
    )
    if llm:
        console.print(
            f"llm: a local server that streams at the published pace, {local.MEDIAN_S * 1000:g} ms at the median, "
            f"{local.P95_S * 1000:g} ms at the 95th percentile, {local.SLOTS} answers at once"
        )
    console.print(table)
    console.print(f"highest rate measured at which the whole's p95 is below {LIMIT_S * 1000:g} ms: {highest:g}/s")


@asynccontextmanager
async def _worker(settings: Settings, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """The worker as a process of its own, which takes what else it needs from our environment."""
    child = Child(
        "queries worker",
        [sys.executable, "-m", "workers", "worker", "run", "queries"],
        log=folder / "worker.log",
        folder=folder,
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
            "TRITON_URL": settings.triton_url or "",
            "TALENTSTREAM_HTTP_PORT": "0",
            "TALENTSTREAM_LOG_LEVEL": "error",
            **environment,
        },
    )
    child.start()
    try:
        yield
        if not child.running:
            raise child.failure(f"ended (exit code {child.exit_code})")
    finally:
        await child.stop(10.0)


async def _warm_up(settings: Settings, queries: Sequence[Query]) -> None:
    """Until the worker answers, and once more at a moderate rate: the JVM compiles what it runs often."""
    await _measure(settings, queries, 5.0, 2.0, START_TIMEOUT_S)
    await _measure(settings, queries, 20.0, 5.0)


async def _highest(
    settings: Settings, queries: Sequence[Query], measured: Mapping[float, Waits], seconds: float
) -> float:
    """The highest rate, of those measured and then in growing steps, that holds the limit; 0 where none does."""
    held = [rate for rate, waits in measured.items() if quantile(waits.understanding, 0.95) < LIMIT_S]
    highest = max(held, default=0.0)
    if highest < max(measured):
        return highest
    while (rate := float(round(highest * STEP))) <= MAX_RATE:
        waits = await _measure(settings, queries, rate, seconds)
        if quantile(waits.understanding, 0.95) >= LIMIT_S:
            break
        highest = rate
    return highest


async def _measure(
    settings: Settings, queries: Sequence[Query], rate: float, seconds: float, stall_s: float = STALL_S
) -> Waits:
    """What each of `rate` times `seconds` queries waited.

    Raises:
        FatalError: nothing came for `stall_s` seconds.
    """
    count = max(1, round(rate * seconds))
    generator = random.Random(count)  # noqa: S311 - of arrival times
    run = f"bench-{time.time_ns()}"
    received: dict[str, dict[str, float]] = {QUERY_TOOL_CALLS.name: {}, QUERY_UNDERSTANDING.name: {}}
    due: dict[str, float] = {}
    consumer = kafka.committed_reader(settings, *received, offset_reset="latest")
    async with consumer, idempotent_producer(settings, QUERIES, linger_ms=0) as producer:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        receiving = asyncio.create_task(_receive(consumer, received, run, count, stall_s))
        moment = time.perf_counter()
        for number in range(count):
            moment += generator.expovariate(rate)
            await asyncio.sleep(moment - time.perf_counter())
            query = queries[number % len(queries)].model_copy(update={"id": f"{run}-{number}"})
            due[query.id] = moment
            await producer.send(QUERIES.name, key=query.id.encode(), value=encode(query))
        await receiving
    return Waits(*(sorted(at - due[key] for key, at in times.items()) for times in received.values()))


async def _receive(
    consumer: AIOKafkaConsumer, received: dict[str, dict[str, float]], run: str, count: int, stall_s: float
) -> None:
    """Notes when each query's first tool call and its understanding came, until all have."""
    moved = time.monotonic()
    while any(len(times) < count for times in received.values()):
        fetched = await consumer.getmany(timeout_ms=200)
        now = time.perf_counter()
        for partition, records in fetched.items():
            for record in records:
                key = record.key.decode()
                if key.startswith(run):
                    received[partition.topic].setdefault(key, now)
                    moved = time.monotonic()
        if time.monotonic() - moved > stall_s:
            raise FatalError(f"no further answer for {stall_s:g} s; there are {[len(t) for t in received.values()]}")


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values, the least that so large a share of them does not exceed."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def _cells(waits: Waits) -> list[str]:
    return [
        f"{1000 * quantile(values, share):.1f}"
        for values in (waits.first_call, waits.understanding)
        for share in (0.5, 0.95, 0.99)
    ]
