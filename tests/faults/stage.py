"""What a scenario stands on: brokers, and a stream of its own with load, workers and a concurrent reader."""

import asyncio
import json
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.fleet import Fleet
from tests.faults.handlers import Behaviour
from tests.faults.judge import Answer, Input, Refusal, Verdict, as_answer, as_input, as_refusal, expected, judge
from tests.faults.load import PLAIN, Load, Mix, Sent, events
from tests.faults.worker import Plan
from tests.support.streams import read_all
from topics.catalogue import DEAD_LETTERS, REJECTIONS
from workers import admin
from workers.embedded import EmbeddedKafka
from workers.kafka import committed_reader
from workers.settings import Settings

ECHO = Behaviour()
PARTITIONS = 6
WORKERS = 3
# Over the embedded broker's own: a killed worker's transaction is aborted soon after its time, not at the next 10 s.
BROKER = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500"}
# Short, so that a fault is over in seconds.
SETTINGS = {
    "TALENTSTREAM_SESSION_TIMEOUT_S": "3",
    "TALENTSTREAM_TRANSACTION_TIMEOUT_S": "10",
    "TALENTSTREAM_DRAIN_TIMEOUT_S": "4",
    "TALENTSTREAM_RETRY_INITIAL_S": "0.05",
    "TALENTSTREAM_RETRY_MAX_S": "1",
    # Small batches: many transactions for a fault to fall into.
    "TALENTSTREAM_BATCH_EVENTS": "32",
    "TALENTSTREAM_QUEUE_EVENTS": "96",
    "TALENTSTREAM_LOG_LEVEL": "warning",
    "TALENTSTREAM_GROUP_PREFIX": "faults",
}
# No new answer for this long: what is missing then is lost.
STALL_S = 15.0
# Whatever is doubled shows once the workers have nothing left to do.
QUIET_S = 1.5


class NotRunError(Exception):
    """This machine can't run the fault."""


class Watcher:
    """A concurrent `read_committed` reader of outputs and rejections."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self.outputs: list[Answer] = []
        self.refusals: list[Refusal] = []
        self._answered: set[tuple[bytes | None, int]] = set()
        self._refused: set[tuple[int, int]] = set()
        self._settings = settings
        self._flow = plan.flow
        self._arrivals: dict[int, list[float]] = defaultdict(list)
        self._grown = asyncio.Event()

    async def watch(self) -> None:
        """Until cancelled."""
        target = self._flow.derived[0].name
        async with committed_reader(self._settings, target, REJECTIONS.name) as consumer:
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    if partition.topic == target:
                        outputs = [as_answer(record) for record in records]
                        self.outputs += outputs
                        self._answered |= {(answer.key, answer.version) for answer in outputs}
                        self._arrivals[partition.partition] += [time.monotonic()] * len(records)
                    else:
                        found = (as_refusal(record, self._flow.source.name) for record in records)
                        refusals = [refusal for refusal in found if refusal is not None]
                        self.refusals += refusals
                        self._refused |= {(refusal.partition, refusal.offset) for refusal in refusals}
                    self._grown.set()

    def recovery_s(self, mark: float, partitions: int) -> float | None:
        """Seconds from `mark` until each partition had a new output; None where one never had."""
        firsts = []
        for number in range(partitions):
            arrivals = self._arrivals[number]
            index = bisect_right(arrivals, mark)
            if index == len(arrivals):
                return None
            firsts.append(arrivals[index] - mark)
        return max(firsts)

    async def flow(self, partitions: int, timeout_s: float = 60.0) -> None:
        """Waits for a new output in each partition."""
        mark = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while self.recovery_s(mark, partitions) is None:
                self._grown.clear()
                await self._grown.wait()

    async def answer(self, inputs: Sequence[Input], stall_s: float) -> None:
        """Waits until all that must be answered is, or nothing new has come for `stall_s`."""
        to_answer, to_refuse = expected(inputs)
        while True:
            if to_answer.keys() <= self._answered and to_refuse.keys() <= self._refused:
                return
            self._grown.clear()
            try:
                await asyncio.wait_for(self._grown.wait(), stall_s)
            except TimeoutError:
                return
            await asyncio.sleep(0.2)


@dataclass
class Stream:
    """One run under way: topics of its own, a load, workers, a concurrent reader."""

    plan: Plan
    settings: Settings
    fleet: Fleet
    load: Load
    watcher: Watcher
    count: int
    stall_s: float
    loading: asyncio.Task[None]
    watching: asyncio.Task[None]
    marks: list[float] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The run's own."""
        return self.plan.folder

    @property
    def target(self) -> str:
        """Name of the output topic."""
        return self.plan.flow.derived[0].name

    def mark(self) -> None:
        """A fault ends here, or begins where it has no end: recovery counts from now."""
        self.marks.append(time.monotonic())

    async def flowing(self) -> None:
        """Waits for a new output in each partition."""
        await self.watcher.flow(self.plan.partitions)

    async def sent(self, share: float) -> None:
        """Waits until this share of the load is sent."""
        await self.load.reach(int(self.count * share))

    async def loaded(self) -> None:
        """Ends the load, once it is as long as was asked for."""
        self.load.enough.set()
        await self.loading

    async def notes(self) -> list[str]:
        """What the outputs say besides the digest."""
        return [json.loads(record.value)["note"] for record in await read_all(self.settings, self.target)]

    async def restart_from_nothing(self) -> None:
        """Outputs and ledger deleted and made anew; a new group starts at the input's beginning."""
        again = [topic for topic in (*self.plan.flow.derived, self.plan.flow.ledger) if topic is not None]
        client = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        await client.start()
        try:
            gone = {topic.name for topic in again}
            await client.delete_topics(list(gone))
            while not gone.isdisjoint(await client.list_topics()):  # noqa: ASYNC110 - the broker's doing
                await asyncio.sleep(0.1)
        finally:
            await client.close()
        await admin.apply(self.settings, again)
        await _cancel([self.watching])
        self.watcher = Watcher(self.settings, self.plan)
        self.watching = asyncio.create_task(self.watcher.watch())
        self.fleet.set_environment(TALENTSTREAM_GROUP_PREFIX="again")
        self.fleet.start(WORKERS)

    async def verdict(self, **further: int) -> Verdict:
        """Waits for the end of load and answers, ends the workers, reads all again and judges."""
        await self.loaded()
        source, target = self.plan.flow.source.name, self.target
        inputs = [as_input(record) for record in await read_all(self.settings, source)]
        await self.watcher.answer(inputs, self.stall_s)
        await asyncio.sleep(QUIET_S)
        await self.fleet.stop_all()
        await asyncio.sleep(0.5)  # for the concurrent reader
        outputs = [as_answer(record) for record in await read_all(self.settings, target)]
        rejections = [as_refusal(record, source) for record in await read_all(self.settings, REJECTIONS.name)]
        refusals = [refusal for refusal in rejections if refusal is not None]
        verdict = judge(inputs, outputs, refusals, self.watcher.outputs)
        recoveries = [self.watcher.recovery_s(mark, self.plan.partitions) for mark in self.marks]
        known = [recovery for recovery in recoveries if recovery is not None]
        further |= {"events not in the input topic": max(0, self.load.sent - len(inputs))}
        return replace(verdict, further=further, recovery_s=max(known, default=None))


class Stage:
    """What a scenario is given.

    Attributes:
        events: how many its load must have.
        without: the guard to take away in the workers.
        minutes: how long the mixed run lasts.
        say: takes lines on how it goes.
    """

    def __init__(
        self,
        folder: Path,
        kafka: EmbeddedKafka,
        *,
        events: int,
        seed: int,
        without: str | None = None,
        minutes: float = 20.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.kafka = kafka
        self.events = events
        self.seed = seed
        self.without = without
        self.minutes = minutes
        self.say = say
        self._streams = 0

    @asynccontextmanager
    async def broker(self, kind: type[EmbeddedKafka] = EmbeddedKafka, **options: Any) -> AsyncIterator[EmbeddedKafka]:
        """Brokers of the scenario's own, to be hurt."""
        settings = BROKER | options.pop("settings", {})
        async with kind(self.folder / "kafka", settings=settings, **options) as kafka:
            yield kafka

    @asynccontextmanager
    async def stream(
        self,
        kafka: EmbeddedKafka | None = None,
        *,
        seconds: float = 12.0,
        workers: int = WORKERS,
        partitions: int = PARTITIONS,
        count: int | None = None,
        mix: Mix = PLAIN,
        records: Sequence[Sent] | None = None,
        behaviour: Behaviour = ECHO,
        settings: Mapping[str, str] | None = None,
        stall_s: float = STALL_S,
        replication: int = 1,
        **fleet: Any,
    ) -> AsyncIterator[Stream]:
        """A stream on `kafka` (the shared broker where not named), its load spread over `seconds`."""
        kafka = kafka or self.kafka
        self._streams += 1
        folder = self.folder / f"stream-{self._streams}"
        folder.mkdir(parents=True)
        count = len(records) if records is not None else count or self.events
        plan = Plan(
            name=f"{self.folder.name}-{self._streams}",
            partitions=partitions,
            behaviour=behaviour,
            folder=folder,
            without=self.without,
        )
        direct = Settings(
            KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers, partitions=partitions, replication_factor=replication
        )
        topics = (plan.flow.source, *plan.flow.derived, *([plan.flow.ledger] if plan.flow.ledger else []))
        await admin.apply(direct, (*topics, REJECTIONS, DEAD_LETTERS))
        environment = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, **SETTINGS, **(settings or {})}
        source = iter(records) if records is not None else events(count, self.seed, mix)
        workers_of = Fleet(folder, plan, environment, seed=self.seed, **fleet)
        load = Load(kafka.bootstrap_servers, plan.flow.source.name, source, count / seconds)
        watcher = Watcher(direct, plan)
        async with AsyncExitStack() as after:
            workers_of.start(workers)
            after.push_async_callback(workers_of.stop_all)
            supervising = asyncio.create_task(workers_of.watch())
            after.push_async_callback(_cancel, [supervising])
            stream = Stream(
                plan=plan,
                settings=direct,
                fleet=workers_of,
                load=load,
                watcher=watcher,
                count=count,
                stall_s=stall_s,
                loading=asyncio.create_task(load.run()),
                watching=asyncio.create_task(watcher.watch()),
            )
            try:
                yield stream
            finally:
                await _cancel([stream.loading, stream.watching])


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        await asyncio.wait([task])
