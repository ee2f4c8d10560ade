"""The matcher on Kafka: reads both sides whole, owns partitions of lists, publishes what differs.

**Why not the delivery engine.** It answers each record of one partition of one topic, in order, and commits how far it
came. A match needs both sides, and a record changes lists in every partition. So the matcher works by state, not by
record: each process reads *all* features of both sides (they are compacted: their newest records are the whole truth)
and *owns* the lists of some partitions, by membership in a consumer group; a posting's and a CV's list stand in that
partition of `matches.v1` that its features have in their topic.

**Why it is exact.** Lists are functions of the features (`matcher.py`). A new owner

1. fences the earlier one (the transactional id is the partition's, as in `workers/delivery/sink.py`),
2. reads what stands in its partition of `matches.v1`, the ledger of this worker,
3. reads the features up to where they ended then, and
4. makes each list anew, publishing those that differ from what stands there.

2 and 3 are done beside the rounds, which go on reading and publish nothing until then: the group waits for a member's
listener, and sends it no heartbeats meanwhile. A partition that came back to us without another owner in between, as
its epoch tells, is not read again.

So it needs no offsets: what a killed, paused or partitioned owner left undone, or half done, is a difference. A
replayed feature makes none. A subject that is gone while its list stands is one too. After that, changes touch lists
one by one. Making every list anew costs a takeover some milliseconds a list, in the background, behind the subjects
that change meanwhile; partitions that come back to the process that had them keep their lists. Offsets are committed
all the same, for whoever watches the group's lag.

Publishing is exactly once in that no list is published twice running; `TALENTSTREAM_DELIVERY` does not matter here.
"""

import asyncio
import contextlib
import gc
import random
import time
from collections.abc import Iterable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from topics.catalogue import MATCHER_FLOW
from topics.envelope import output_headers
from workers import kafka, telemetry, tracing
from workers.delivery import Backoff, Record, group_of
from workers.delivery.closing import stop_consumer
from workers.delivery.messages import Message
from workers.delivery.sink import TransactionalSink
from workers.errors import FatalError, FencedError, RetryableError
from workers.health import Health
from workers.matching.items import Side, read
from workers.matching.matcher import NAME, Change, Matcher, Update
from workers.matching.standing import Standing, read_standing
from workers.settings import Settings

log = structlog.get_logger()

TARGET = MATCHER_FLOW.target
_SIDES = {side.source.name: side for side in Side}
# Of one round: changes taken in, lists made. A new event waits for the round before it.
CHANGES, LISTS = 128, 32
# Read at once while the process starts.
_LOADED = 2_000
_COLLECT = (10_000, 10, 10_000)
_POLL_S, _LAG_S = 0.1, 5.0


async def run_matcher(matcher: Matcher, settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. What was read and made is kept over a lost connection.

    Raises:
        FatalError: topics do not belong together, or Kafka refuses us.
    """
    backoff = Backoff(settings.retry_initial_s, settings.retry_max_s)
    positions: dict[TopicPartition, int] = {}
    generations: dict[int, tuple[int, int]] = {}
    attempt = 0
    while not stop.is_set():
        health.beat()
        session = _Session(matcher, settings, health, positions, generations)
        try:
            await session.run(stop)
        except FencedError as error:
            attempt = 1
            telemetry.FENCED.labels(NAME).inc()
            log.warning("fenced by a newer owner; rejoining", worker=NAME, partition=str(error))
        except (RetryableError, KafkaError, OSError, TimeoutError) as error:
            await kafka.raise_refusal(settings, error)
            attempt = 1 if session.joined else attempt + 1
            telemetry.RETRIES.labels(NAME, type(error).__name__).inc()
            log.warning("session ended; starting anew", worker=NAME, error=str(error), attempt=attempt)
        else:
            continue
        finally:
            health.ready = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), backoff.delay(attempt, random.random))


def group(settings: Settings) -> str:
    """Of the matchers, one in a cluster: two would write the same lists and not see each other."""
    return group_of(settings, NAME)


class _Session(ConsumerRebalanceListener):  # type: ignore[misc]
    """One connection: a reader of both sides, and a membership that says which lists are ours.

    Args:
        positions: how far `matcher` has read; goes on from there.
        generations: of the sink of each partition in which stands what `matcher` thinks.
    """

    def __init__(
        self,
        matcher: Matcher,
        settings: Settings,
        health: Health,
        positions: dict[TopicPartition, int],
        generations: dict[int, tuple[int, int]],
    ) -> None:
        self.joined = False
        self._matcher = matcher
        self._settings = settings
        self._health = health
        self._positions = positions
        self._generations = generations
        self._group = group(settings)
        self._sinks: dict[int, TransactionalSink] = {}
        self._committed: dict[int, int] = {}
        self._failure: BaseException | None = None
        # A round is not interrupted by a rebalance, nor a takeover by a round.
        self._turn = asyncio.Lock()
        # What a new owner must have read before it publishes: what stands there, then the sources up to these ends.
        self._reading: asyncio.Task[Standing] | None = None
        self._awaited: dict[TopicPartition, int] = {}
        self._lag_due = 0.0
        self._reader = kafka.committed_reader(settings)
        self._member = AIOKafkaConsumer(
            **kafka.connection(settings),
            group_id=self._group,
            group_instance_id=settings.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 4),
            rebalance_timeout_ms=int((settings.session_timeout_s + settings.drain_timeout_s) * 1000),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` or a failure, then leaves the group."""
        try:
            async with asyncio.timeout(self._settings.stall_timeout_s / 2):
                await self._reader.start()
                await self._seek()
            await self._load(stop)
            await self._matcher.restore(
                {
                    side: {tp.partition: at for tp, at in self._positions.items() if tp.topic == name}
                    for name, side in _SIDES.items()
                }
            )
            async with asyncio.timeout(self._settings.stall_timeout_s / 2):
                await self._member.start()
            self._member.subscribe([MATCHER_FLOW.sources[0].name], listener=self)
            while not stop.is_set():
                await self._round()
                for consumer in (self._reader, self._member):
                    kafka.raise_denied_topics(consumer)
        finally:
            await stop_consumer(self._member, self._settings.drain_timeout_s)
            await stop_consumer(self._reader, self._settings.drain_timeout_s)
            async with self._turn:
                await self._stop_reading()
                await self._close(list(self._sinks))

    # Reading both sides -------------------------------------------------------------------------------------------

    async def _seek(self) -> None:
        """All partitions of both sides, each where the matcher stands."""
        numbers = {topic.name: await kafka.partitions_of(self._reader, topic.name) for topic in MATCHER_FLOW.sources}
        numbers[TARGET.name] = await kafka.partitions_of(self._reader, TARGET.name)
        if missing := [name for name, found in numbers.items() if not found]:
            raise RetryableError(f"no topic {missing[0]} to be seen: `talentstream topics apply`, or an ACL to Read it")
        if len(set(map(frozenset, numbers.values()))) > 1:
            raise FatalError(f"{', '.join(numbers)} must have the same number of partitions")
        partitions = [TopicPartition(name, number) for name in _SIDES for number in sorted(numbers[name])]
        self._reader.assign(partitions)
        # Before the ends are asked for: others go on writing.
        indexed = (await self._matcher.reached()).items()
        known = [(TopicPartition(side.source.name, n), at + 1) for side, own in indexed for n, at in own.items()]
        starts, ends = await self._reader.beginning_offsets(partitions), await self._reader.end_offsets(partitions)
        if any(not starts.get(tp, 0) <= at <= ends.get(tp, -1) for tp, at in [*self._positions.items(), *known]):
            # A topic was made anew or cut: what was in between, removals perhaps, is not to be had any more.
            await self._matcher.clear()
            self._positions.clear()
        for partition in partitions:
            self._reader.seek(partition, self._positions.setdefault(partition, starts[partition]))

    async def _load(self, stop: asyncio.Event) -> None:
        ends = await self._reader.end_offsets(list(self._positions))
        started = time.monotonic()
        while not stop.is_set() and any(self._positions[partition] < end for partition, end in ends.items()):
            self._health.beat()
            await self._take_in(_LOADED, _POLL_S)
        if self._matcher.items:
            # They stay: the collector need not look at each of them again and again. Nor should it look at a million
            # parsed features at once: seconds of standing still, measured as p95 with 100,000 CVs.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECT)
        log.info("features read", worker=NAME, items=self._matcher.items, seconds=round(time.monotonic() - started, 1))

    async def _take_in(self, limit: int, timeout_s: float) -> None:
        """Waits for records no longer than `timeout_s`; they count as read when the matcher has them."""
        fetched = await self._reader.getmany(timeout_ms=int(timeout_s * 1000), max_records=limit)
        async with self._turn:
            changes = await asyncio.to_thread(self._parsed, [r for records in fetched.values() for r in records])
            if changes:
                telemetry.BATCH.labels(NAME).observe(len(changes))
                with tracing.stage(NAME, "index"):
                    await self._matcher.apply(changes)
            # Past the markers of transactions as well.
            for partition in self._positions:
                self._positions[partition] = await self._reader.position(partition)

    def _parsed(self, records: Sequence[ConsumerRecord]) -> list[Change]:
        changes = []
        for r in records:
            side, item, result = _SIDES[r.topic], None, "tombstone"
            record = Record(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp)
            if record.value is not None:
                try:
                    item, result = read(side, record, self._settings.match_filters), "processed"
                except ValueError as error:
                    # Whoever wrote it, its key has no features that we can read: it is matched with nothing.
                    result = "rejected"
                    log.warning("features not read", worker=NAME, record=record.identity, error=type(error).__name__)
            telemetry.EVENTS.labels(NAME, result).inc()
            key = (side, (record.key or b"").decode("utf-8", "replace"))
            changes.append(Change(key, item, r.partition, r.offset, r.timestamp))
        return changes

    # Making lists -------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        self._health.beat()
        idle = not (self._matcher.waiting and self._sinks) or self._reading is not None or bool(self._awaited)
        await self._take_in(CHANGES, _POLL_S if idle else 0.0)
        # Its records are none of ours; asking shows that we live, and brings out what went wrong in the group.
        await self._member.getmany(timeout_ms=0)
        async with self._turn:
            if self._failure is not None:
                raise RetryableError(f"could not take over: {self._failure!r}") from self._failure
            if self._reading is not None and self._reading.done():
                await self._take_over(self._reading)
            self._awaited = {tp: end for tp, end in self._awaited.items() if self._positions[tp] < end}
            # Between a rebalance's two halves lists wait whose owner is not known.
            settled = self._matcher.partitions <= self._sinks.keys()
            if self._matcher.waiting and settled and self._reading is None and not self._awaited:
                await self._publish(await self._matcher.refresh(LISTS))
            await self._report()

    async def _publish(self, updates: Sequence[Update]) -> None:
        by_partition: dict[int, list[Update]] = {}
        for update in updates:
            by_partition.setdefault(update.partition, []).append(update)
        with tracing.stage(NAME, "publish"):
            results = await asyncio.gather(
                *(self._deliver(number, own) for number, own in by_partition.items()), return_exceptions=True
            )
        for (number, own), result in zip(by_partition.items(), results, strict=True):
            if isinstance(result, BaseException):
                self._generations.pop(number, None)
                self._matcher.retry(own)
            else:
                self._matcher.confirm(own)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        for update in updates:
            cause = "removed" if update.value is None else "changed" if update.is_new else "touched"
            telemetry.LISTS.labels(cause).inc()
        new = [update.timestamp_ms for update in updates if update.is_new]
        if new:
            telemetry.EVENT_AGE.labels(NAME).observe(max(0.0, time.time() - min(new) / 1000))

    async def _deliver(self, number: int, updates: Sequence[Update]) -> None:
        source = _source(number)
        await self._sinks[number].publish([_message(update) for update in updates], self._positions[source])
        self._committed[number] = self._positions[source]

    async def _report(self) -> None:
        telemetry.QUEUED.labels(NAME).set(self._matcher.waiting)
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + _LAG_S
        ends = await self._reader.end_offsets(list(self._positions))
        for number in self._sinks:
            behind = sum(end - self._positions[tp] for tp, end in ends.items() if tp.partition == number)
            telemetry.LAG.labels(NAME, str(number)).set(behind)
        if not self._matcher.waiting and self._reading is None:
            moved = [n for n in self._sinks if self._positions[_source(n)] != self._committed.get(n)]
            await asyncio.gather(*(self._deliver(number, ()) for number in moved))

    # Whose lists are ours -----------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Ends the round under way. The lists stay: most partitions come back to whoever had them."""
        async with self._turn:
            self._health.ready = False
            await self._stop_reading()
            await self._close([partition.partition for partition in revoked])

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Fences earlier owners; what they have published is read when this has returned."""
        numbers = sorted(partition.partition for partition in assigned)
        self._member.pause(*assigned)
        async with self._turn:
            try:
                async with asyncio.timeout(self._settings.transaction_timeout_s):
                    await self._fence(numbers)
            except Exception as error:
                # aiokafka logs and swallows what a listener raises; the loop must hear of it.
                self._failure = error
                return
            unknown = [number for number in numbers if not self._is_unbroken(number)]
            log.info("partitions assigned", worker=NAME, partitions=numbers, unknown=unknown)
            telemetry.ASSIGNED.labels(NAME).set(len(numbers))
            if unknown:
                reading = read_standing(self._settings, unknown, list(self._positions))
                self._reading = asyncio.create_task(reading)
            else:
                self.joined = self._health.ready = True

    async def _fence(self, numbers: Sequence[int]) -> None:
        for number in self._matcher.partitions - set(numbers):
            self._matcher.disown(number)
        sinks = {n: TransactionalSink(self._settings, self._group, _source(n)) for n in numbers}
        try:
            async with asyncio.TaskGroup() as tasks:
                for sink in sinks.values():
                    tasks.create_task(sink.open())
        except BaseException:
            await asyncio.gather(*(sink.close() for sink in sinks.values()))
            raise
        self._sinks |= sinks

    def _is_unbroken(self, number: int) -> bool:
        """We had it last, and know what we published there."""
        producer, epoch = self._sinks[number].generation
        if number in self._matcher.partitions and self._generations.get(number) == (producer, epoch - 1):
            self._generations[number] = (producer, epoch)
            return True
        self._generations.pop(number, None)
        return False

    async def _take_over(self, reading: asyncio.Task[Standing]) -> None:
        if error := reading.exception():
            raise RetryableError(f"could not take over: {error!r}") from error
        lists, ends = reading.result()
        for number, own in lists.items():
            # All items are gone through: many milliseconds each.
            await asyncio.to_thread(self._matcher.own, number, own)
            self._generations[number] = self._sinks[number].generation
        self._awaited |= ends
        self._reading = None
        self.joined = self._health.ready = True
        log.info("lists read", worker=NAME, partitions=sorted(lists), waiting=self._matcher.waiting)

    async def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _close(self, numbers: Sequence[int]) -> None:
        sinks = [sink for number in numbers if (sink := self._sinks.pop(number, None)) is not None]
        for number in numbers:
            self._committed.pop(number, None)
            with contextlib.suppress(KeyError):
                telemetry.LAG.remove(NAME, str(number))
        await asyncio.gather(*(sink.close() for sink in sinks))
        telemetry.ASSIGNED.labels(NAME).set(len(self._sinks))


def _source(number: int) -> TopicPartition:
    return TopicPartition(MATCHER_FLOW.sources[0].name, number)


def _message(update: Update) -> Message:
    value = update.value
    headers = output_headers(
        TARGET,
        worker=NAME,
        subject=update.subject,
        # Equal lists repeat the id; a consumer that has seen it has lost nothing.
        cause=f"{update.subject}/{update.cause}",
        time_ms=update.timestamp_ms,
    )
    return Message(TARGET.name, update.subject.encode(), value, headers, update.partition)
