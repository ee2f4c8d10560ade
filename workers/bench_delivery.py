"""`talentstream bench delivery`: what exactly once costs with our engine, with a bare loop and with Faust.

Each copies the same backlog to a topic of its own, in a process of its own, in alternating rounds on one broker. The
outputs bear the broker's append time and are read only when all are there, so the measuring costs the measured
nothing. A round's rate is that of the last nine tenths of its outputs: starting and joining the group are not in it.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from topics.catalogue import POSTINGS, POSTINGS_LEDGER, Topic
from topics.envelope import encode
from topics.postings import Posting
from workers import admin
from workers.delivery import group_of
from workers.embedded.child import Child
from workers.errors import FatalError
from workers.files import Line
from workers.kafka import committed_reader, is_behind
from workers.publish import publish
from workers.settings import Settings

# Outputs before this share of the backlog are not timed.
WARM_UP = 0.1
STALL_S = 60.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that copies a topic."""

    name: str
    module: str
    meaning: str


ENGINE = Contender("engine", "engine", "the delivery engine, a handler that does nothing")
CONTENDERS = (
    ENGINE,
    Contender("bare loop", "bare_loop", "aiokafka, one transactional producer, bytes forwarded"),
    Contender("faust", "faust_echo", "a Faust agent, processing_guarantee=exactly_once"),
)


async def run(settings: Settings, *, events: int, rounds: int, size: int, console: Console) -> None:
    """Measures in alternating rounds and prints the table.

    Raises:
        FatalError: a contender lost an event or copied one twice.
        EmbeddedError: a contender ended or stood still; with its log's last lines.
    """
    # An imported Faust has no spec that could be found.
    if "faust" not in sys.modules and find_spec("faust") is None:
        raise FatalError("the benchmark compares with Faust: `uv sync --extra monitor`")
    if settings.kafka_bootstrap_servers is None:
        raise FatalError("no broker to measure on")
    rates: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(settings, events, Path(folder))
        await bench.prepare(size)
        for round_ in range(rounds):
            for contender in CONTENDERS:
                rates[contender.name].append(await bench.rate(contender, round_))
    console.print(
        f"{events} events of {size} bytes a round, {rounds} rounds, {bench.partitions} partitions, "
        f"at most {settings.batch_events} events a transaction, {os.cpu_count()} cores"
    )
    console.print(_table(rates))


class _Bench:
    """The backlog and what is made of it."""

    def __init__(self, settings: Settings, events: int, folder: Path) -> None:
        self.partitions = settings.partitions or POSTINGS.partitions
        self._settings = settings
        self._events = events
        self._folder = folder
        self._source = replace(POSTINGS, name=f"bench-{uuid.uuid4().hex[:8]}", cleanup="delete")

    async def prepare(self, size: int) -> None:
        """Publishes the backlog, as `talentstream publish` would."""
        await admin.apply(self._settings, [self._source])
        await publish(self._settings, self._source, _backlog(self._events, size))

    async def rate(self, contender: Contender, round_: int) -> float:
        """Events/s of one contender in one round."""
        name = f"{self._source.name}-{contender.module}-{round_}"
        target = _output_topic(name)
        ledger = replace(POSTINGS_LEDGER, name=f"{name}-ledger")
        await admin.apply(self._settings, [target, ledger])
        child = Child(
            contender.name,
            [
                *(sys.executable, "-m", f"workers.baselines.{contender.module}"),
                *(self._source.name, target.name, ledger.name, name),
            ],
            log=self._folder / f"{name}.log",
            folder=self._folder,
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": self._settings.kafka_bootstrap_servers or "",
                "TALENTSTREAM_GROUP_PREFIX": self._settings.group_prefix,
                "TALENTSTREAM_BATCH_EVENTS": str(self._settings.batch_events),
                "TALENTSTREAM_QUEUE_EVENTS": str(self._settings.queue_events),
                "TALENTSTREAM_LOG_LEVEL": "error",
            },
        )
        child.start()
        try:
            await self._all_committed(group_of(self._settings, name), child)
        finally:
            await child.stop(5.0)
        return _rate(await self._appended(target.name, contender))

    async def _all_committed(self, group: str, child: Child) -> None:
        """Until the group has committed the whole backlog: a question now and then, while the outputs stay unread."""
        partitions = [TopicPartition(self._source.name, number) for number in range(self.partitions)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers, group_id=group, enable_auto_commit=False
        )
        async with consumer:
            done, moved = 0, time.monotonic()
            while done < self._events:
                if not child.running:
                    raise child.failure(f"ended (exit code {child.exit_code})")
                if time.monotonic() - moved > STALL_S:
                    raise child.failure(f"committed nothing for {STALL_S:.0f} s")
                await asyncio.sleep(POLL_S)
                before, done = done, sum([await consumer.committed(p) or 0 for p in partitions])
                if done != before:
                    moved = time.monotonic()

    async def _appended(self, topic: str, contender: Contender) -> list[int]:
        """When the broker appended each committed output, in milliseconds, sorted."""
        times: list[int] = []
        keys: set[bytes] = set()
        consumer = committed_reader(self._settings, topic)
        async with consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            while await is_behind(consumer, ends):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    times += (record.timestamp for record in records)
                    keys |= {record.key for record in records}
        if len(keys) != self._events or len(times) != self._events:
            raise FatalError(f"{contender.name}: {len(times)} outputs of {len(keys)} keys for {self._events} events")
        return sorted(times)


def _backlog(events: int, size: int) -> Iterator[Line]:
    for number in range(events):
        bare = Posting(id=f"posting-{number:08}", version=1, title="Line cook", body="")
        yield Line(number, bare.id, bare.model_copy(update={"body": "x" * max(0, size - len(encode(bare)))}))


@dataclass(frozen=True, slots=True)
class _Stamped(Topic):
    """A topic whose records bear the broker's time of appending."""

    def config(self) -> dict[str, str]:
        return {**Topic.config(self), "message.timestamp.type": "LogAppendTime"}


def _output_topic(name: str) -> Topic:
    return _Stamped(name, POSTINGS.key, POSTINGS.event_type, Posting, "out", "delete", "Copies of the backlog.")


def _rate(times_ms: list[int]) -> float:
    first = int(len(times_ms) * WARM_UP)
    return (len(times_ms) - 1 - first) / (max(1, times_ms[-1] - times_ms[first]) / 1000)


def _table(rates: dict[str, list[float]]) -> Table:
    table = Table("", "what copies", "events/s (median)", "min", "max", "engine ÷ this")
    engine = statistics.median(rates[ENGINE.name])
    for contender in CONTENDERS:
        values = rates[contender.name]
        median = statistics.median(values)
        table.add_row(
            contender.name,
            contender.meaning,
            f"{median:,.0f}",
            f"{min(values):,.0f}",
            f"{max(values):,.0f}",
            f"{engine / median:.2f}×",
        )
    return table
