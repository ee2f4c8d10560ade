"""Runs a worker over its topic: joins the group, polls always, hands partitions to runners, survives rebalances.

Clients are built anew for each session (aiokafka's do not restart); a session ends by shutdown, by a failed or fenced
partition, or by a broker error, and all but the first lead to the next session after a back-off.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from workers import kafka, telemetry
from workers.delivery.closing import stop_consumer
from workers.delivery.core import Backoff, Limits, PartitionQueue, Record
from workers.delivery.early import Early, Note, read_back
from workers.delivery.ledger import Ledger, LedgerReader
from workers.delivery.outcomes import Worker, group_of
from workers.delivery.partition import PartitionRunner
from workers.delivery.sink import AtLeastOnceSink, Sink, TransactionalSink
from workers.errors import FatalError, FencedError, RetryableError
from workers.health import Health
from workers.settings import Settings

log = structlog.get_logger()

POLL_S = 0.2
# The broker is asked for the ends of the partitions this often: the lag, whether or not anything is fetched.
LAG_S = 5.0


async def run_worker(worker: Worker, settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Runs until `stop` is set.

    Raises:
        FatalError: the worker can't do its work; what was in flight is not committed.
    """
    backoff = Backoff(settings.retry_initial_s, settings.retry_max_s)
    attempt = 0
    while not stop.is_set():
        health.beat()
        session = _Session(worker, settings, health)
        try:
            await session.run(stop)
        except FencedError as error:
            attempt = 1
            telemetry.FENCED.labels(worker.name).inc()
            log.warning("fenced by a newer owner; rejoining", worker=worker.name, partition=str(error))
        except (RetryableError, KafkaError, OSError, TimeoutError) as error:
            await kafka.raise_refusal(settings, error)
            attempt = 1 if session.joined else attempt + 1
            telemetry.RETRIES.labels(worker.name, type(error).__name__).inc()
            log.warning("session ended; starting anew", worker=worker.name, error=str(error), attempt=attempt)
        else:
            continue
        finally:
            health.ready = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), backoff.delay(attempt, random.random))


class _Opened(NamedTuple):
    """A partition taken over: its sink, which fences earlier owners, and what they had committed and announced."""

    sink: Sink
    committed: int
    early: Early


class _Session(ConsumerRebalanceListener):  # type: ignore[misc]
    """One membership in the consumer group."""

    def __init__(self, worker: Worker, settings: Settings, health: Health) -> None:
        self.joined = False
        self._worker = worker
        self._settings = settings
        self._health = health
        self._group = group_of(settings, worker.name)
        self._limits = Limits(
            batch_events=settings.batch_events,
            batch_tokens=settings.batch_tokens,
            batch_wait_s=settings.batch_wait_s,
            queue_events=settings.queue_events,
            queue_bytes=settings.queue_bytes,
        )
        self._runners: dict[TopicPartition, PartitionRunner] = {}
        self._restoring: LedgerReader | None = None
        self._changed = asyncio.Event()
        self._turns = asyncio.Semaphore(worker.batches_at_once or sys.maxsize)
        self._failure: BaseException | None = None
        self._consumer = AIOKafkaConsumer(
            **kafka.connection(settings),
            group_id=self._group,
            group_instance_id=settings.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 4),
            # The revoke callback may drain this long before the group moves on without us.
            rebalance_timeout_ms=int((settings.session_timeout_s + settings.drain_timeout_s) * 1000),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Polls until `stop` or a failure; in either case drains, then leaves the group."""
        watching = asyncio.create_task(self._watch_lag())
        try:
            async with asyncio.timeout(self._settings.stall_timeout_s / 2):
                await self._consumer.start()
            self._consumer.subscribe([self._worker.flow.source.name], listener=self)
            while not stop.is_set():
                await self._poll()
                self._report()
                self._raise_failure()
                kafka.raise_denied_topics(self._consumer)
        finally:
            watching.cancel()
            try:
                await self._release(self._runners)
            finally:
                if not await stop_consumer(self._consumer, self._settings.drain_timeout_s):
                    log.warning("left the group without a goodbye", worker=self._worker.name)
                # A takeover that was still under way may have added some meanwhile.
                await self._release(self._runners)

    async def _poll(self) -> None:
        # Always polling keeps the membership alive whatever the handlers do; full partitions are merely paused.
        fetched = await self._consumer.getmany(timeout_ms=int(POLL_S * 1000))
        for partition, records in fetched.items():
            # No runner yet: the partition is being set up and will be sought back to its committed offset.
            if runner := self._runners.get(partition):
                runner.offer(_record(r) for r in records)
        self._apply_pauses()
        if not fetched and len(self._consumer.paused()) == len(self._runners) > 0:
            # getmany returns at once when all is paused; wait for room instead of spinning.
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_S)

    def _apply_pauses(self) -> None:
        paused = self._consumer.paused()
        for partition, runner in self._runners.items():
            if partition in paused and runner.queue.should_resume:
                self._consumer.resume(partition)
            elif partition not in paused and runner.queue.should_pause:
                self._consumer.pause(partition)

    def _report(self) -> None:
        name, runners = self._worker.name, self._runners.values()
        stalled_s = max((runner.stalled_s for runner in runners), default=0.0)
        self._health.beat(stalled_s)
        telemetry.STALL.labels(name).set(stalled_s)
        telemetry.PAUSED.labels(name).set(len(self._consumer.paused()))
        telemetry.QUEUED.labels(name).set(sum(len(runner.queue) for runner in runners))
        telemetry.IN_FLIGHT.labels(name).set(sum(runner.in_flight for runner in runners))

    async def _watch_lag(self) -> None:
        while True:
            await asyncio.sleep(LAG_S)
            runners = dict(self._runners)
            if not runners:
                # The topic may be newer than what this client knows, and would ask for again in five minutes.
                await self._consumer._client.force_metadata_update()
                continue
            try:
                ends = await self._consumer.end_offsets(list(runners))
                positions = {partition: await self._consumer.position(partition) for partition in runners}
            except (KafkaError, ValueError):  # the poll loop meets it too, or the partitions have just gone
                continue
            for partition, runner in runners.items():
                unfetched = ends[partition] - positions[partition]
                runner.behind = unfetched > 0
                lag = unfetched + len(runner.queue) + runner.in_flight
                telemetry.LAG.labels(self._worker.name, str(partition.partition)).set(lag)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        for runner in self._runners.values():
            if runner.failure is not None:
                raise runner.failure

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Drains before the group hands the partitions on."""
        self._health.ready = False
        await self._release(set(revoked) & self._runners.keys())

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Fences earlier owners, then starts from what they had committed."""
        opening: dict[TopicPartition, asyncio.Task[_Opened]] = {}
        try:
            await self._check_announced()
            async with asyncio.timeout(self._settings.transaction_timeout_s), asyncio.TaskGroup() as tasks:
                for partition in assigned:
                    opening[partition] = tasks.create_task(self._open(partition))
        except FatalError as error:
            self._failure = error
            return
        except BaseException as error:
            opened = [t for t in opening.values() if t.done() and not t.cancelled() and t.exception() is None]
            await asyncio.gather(*(task.result().sink.close() for task in opened))
            if not isinstance(error, ExceptionGroup | TimeoutError):
                raise
            # aiokafka logs and swallows what a listener raises; the poll loop must hear of it.
            self._failure = RetryableError(f"could not take over the partitions: {error!r}")
            self._failure.__cause__ = error
            return
        self._start({partition: task.result() for partition, task in opening.items()})
        self.joined = self._health.ready = True
        telemetry.ASSIGNED.labels(self._worker.name).set(len(self._runners))
        log.info("partitions assigned", worker=self._worker.name, partitions=sorted(p.partition for p in self._runners))

    async def _check_announced(self) -> None:
        """Two partitions that announced into one could not tell, after a crash, whether the other is fenced."""
        topic = self._worker.announces
        if topic is None:
            return
        source = self._worker.flow.source
        wanted, found = [len(await kafka.partitions_of(self._consumer, name)) for name in (source.name, topic.name)]
        if 0 < found < wanted:
            raise FatalError(f"{topic.name} must have at least the {wanted} partitions of {source.name}, not {found}")

    async def _open(self, partition: TopicPartition) -> "_Opened":
        sink = self._sink(partition)
        try:
            await sink.open()
            committed, metadata = await self._committed(partition)
            note = Note.read(metadata)
            known = await read_back(self._settings, note) if note is not None else {}
            return _Opened(sink, committed, Early(self._worker, note, known))
        except BaseException:
            await sink.close()
            raise

    def _start(self, opened: dict[TopicPartition, "_Opened"]) -> None:
        # Every earlier owner is fenced now: what the ledgers hold is complete.
        topic = self._worker.flow.ledger
        if topic is not None:
            partitions = {partition.partition for partition in opened}
            self._restoring = LedgerReader(self._settings, topic.name, partitions, self._progressed)
        for partition, (sink, committed, early) in opened.items():
            self._runners[partition] = PartitionRunner(
                self._worker,
                self._settings,
                sink,
                PartitionQueue(self._limits, committed),
                early,
                self._turns,
                partial(self._ledger, partition.partition),
                self._changed.set,
            )
            self._consumer.seek(partition, committed)

    async def _ledger(self, partition: int) -> Ledger:
        return await self._restoring.ledger(partition) if self._restoring is not None else Ledger()

    def _progressed(self) -> None:
        for runner in self._runners.values():
            runner.progressed()

    async def _committed(self, partition: TopicPartition) -> tuple[int, str]:
        # aiokafka reads committed offsets beside this callback, perhaps before the fence stands: a zombie could commit
        # in between and its batch would be done twice. So read again behind the fence, and seek.
        # `AIOKafkaConsumer.committed` asks the same and drops the metadata.
        found = (await self._consumer._coordinator.fetch_committed_offsets([partition])).get(partition)
        if found is not None and found.offset >= 0:
            return int(found.offset), str(found.metadata or "")
        return int((await self._consumer.beginning_offsets([partition]))[partition]), ""

    def _sink(self, partition: TopicPartition) -> Sink:
        if self._settings.delivery == "at_least_once":
            return AtLeastOnceSink(self._settings, self._consumer, partition)
        return TransactionalSink(self._settings, self._group, partition)

    async def _release(self, partitions: Iterable[TopicPartition]) -> None:
        partitions = list(partitions)
        runners = [self._runners.pop(partition) for partition in partitions]
        for partition in partitions:
            # Else the value of a former owner would stay, and hide the present one's.
            with contextlib.suppress(KeyError):
                telemetry.LAG.remove(self._worker.name, str(partition.partition))
        await asyncio.gather(*(runner.close(self._settings.drain_timeout_s) for runner in runners))
        if self._restoring is not None and not self._runners:
            await self._restoring.close()
            self._restoring = None
        for runner in runners:
            if runner.failure is not None and self._failure is None:
                self._failure = runner.failure
        telemetry.ASSIGNED.labels(self._worker.name).set(len(self._runners))


def _record(record: ConsumerRecord) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        timestamp_ms=record.timestamp,
    )
