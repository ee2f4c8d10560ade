"""One assigned partition: take, handle, publish; the next batch is handled while the last is published."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from workers import telemetry, tracing
from workers.delivery.core import Backoff, PartitionQueue, Patience, PoisonLimit, Record
from workers.delivery.early import Early
from workers.delivery.ledger import Ledger
from workers.delivery.messages import Message
from workers.delivery.outcomes import Worker, group_of
from workers.delivery.process import process
from workers.delivery.sink import Sink
from workers.errors import FatalError, RetryableError, SuspectError
from workers.settings import Settings

log = structlog.get_logger()


class PartitionRunner:
    """Owns one partition from assignment to revocation.

    Args:
        worker: whose handler is called.
        settings: time-outs and limits.
        sink: opened; closed by :meth:`close`.
        queue: of the partition, from the committed offset on, read after the sink was opened.
        early: what earlier owners had announced.
        turns: of all partitions' batches, each taken before a batch is, and given back when it is handled or waits to
            be tried again: an outage holds up no other partition.
        restore: gives what earlier owners had answered.
        on_change: called when the queue has room again or the runner failed, so that the poll loop looks.
    """

    def __init__(
        self,
        worker: Worker,
        settings: Settings,
        sink: Sink,
        queue: PartitionQueue,
        early: Early,
        turns: asyncio.Semaphore,
        restore: Callable[[], Awaitable[Ledger]],
        on_change: Callable[[], None],
    ) -> None:
        self.queue = queue
        self.in_flight = 0
        self._worker = worker
        self._settings = settings
        self._sink = sink
        self._early = early
        self._turns = turns
        self._has_turn = False
        flow = worker.flow
        self._topics = [topic.name for topic in (*flow.derived, *([flow.ledger] if flow.ledger is not None else []))]
        self._backoff = Backoff(settings.retry_initial_s, settings.retry_max_s)
        self._poison = PoisonLimit(settings.poison_run, settings.poison_ratio, settings.poison_window)
        self._on_change = on_change
        self._behind = False
        self._restored = False
        self._progress_at = time.monotonic()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._run(restore))
        self._task.add_done_callback(lambda _: on_change())

    def offer(self, records: Iterable[Record]) -> None:
        """Queues fetched records."""
        if not self._has_work:
            self.progressed()
        self.queue.offer(records, time.monotonic())
        self._wake.set()

    @property
    def failure(self) -> BaseException | None:
        """What ended the runner before it was closed, if anything did."""
        return self._task.exception() if self._task.done() and not self._task.cancelled() else None

    @property
    def behind(self) -> bool:
        """The topic has records that were not even fetched."""
        return self._behind

    @behind.setter
    def behind(self, behind: bool) -> None:
        if behind and not self._has_work:
            self.progressed()
        self._behind = behind

    def progressed(self) -> None:
        """Something was fetched, published, or failed in a way that is waited out: the partition is not stuck."""
        self._progress_at = time.monotonic()

    @property
    def stalled_s(self) -> float:
        """How long there has been work and no progress."""
        return time.monotonic() - self._progress_at if self._has_work else 0.0

    @property
    def _has_work(self) -> bool:
        return bool(len(self.queue) or self.in_flight or self._behind)

    async def close(self, timeout_s: float) -> None:
        """Finishes the batches in flight, at most `timeout_s` long, and leaves the rest to the next owner."""
        self._closing.set()
        self._wake.set()
        if not self._restored:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=timeout_s)
        if not self._task.done():
            log.warning("drain timed out; the batch in flight is left to the next owner", worker=self._worker.name)
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # reported through `failure`
            await self._task
        await self._sink.close()

    async def _run(self, restore: Callable[[], Awaitable[Ledger]]) -> None:
        ledger = await restore()
        self._restored = True
        publishing: asyncio.Task[None] | None = None
        try:
            while batch := await self._take(publishing):
                # A task created inside is part of the batch's span, and may outlive it.
                with tracing.batch_span(
                    group_of(self._settings, self._worker.name),
                    batch[0].topic,
                    batch[0].partition,
                    [record.headers for record in batch],
                ):
                    messages = await self._handle_prepared(batch, ledger, publishing)
                    if messages is None:
                        break
                    if publishing is not None:
                        await publishing
                    publishing = asyncio.create_task(self._publish(batch, messages))
                    publishing.add_done_callback(lambda _: self._wake.set())
            if publishing is not None:
                await publishing
        except BaseException:
            if publishing is not None and not publishing.done():
                publishing.cancel()
                await asyncio.wait([publishing])
            raise
        finally:
            self._give_turn()

    async def _take(self, publishing: asyncio.Task[None] | None) -> list[Record]:
        """The next batch, which has a turn; empty when closing.

        Raises what the last publish raised, without waiting for a record.
        """
        while not self._closing.is_set():
            if publishing is not None and publishing.done():
                publishing.result()
            due = self.queue.due_in(time.monotonic())
            if due == 0.0:
                await self._take_turn()
                if self._closing.is_set():
                    break
                if publishing is not None and publishing.done():
                    publishing.result()
                batch = self.queue.take(time.monotonic())
                self.in_flight += len(batch)
                self._on_change()
                return batch
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), due)
        return []

    async def _take_turn(self) -> None:
        """Waits for a turn, unless there is one."""
        if not self._has_turn:
            await self._turns.acquire()
            self._has_turn = True

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.release()

    async def _handle_prepared(
        self, batch: Sequence[Record], ledger: Ledger, publishing: asyncio.Task[None] | None
    ) -> list[Message] | None:
        """As :meth:`_handle`; what can be published, or done of publishing, is done meanwhile."""
        ended = asyncio.Event()
        handling = asyncio.create_task(self._handle(batch, ledger))
        handling.add_done_callback(lambda _: self._give_turn())
        meanwhile = asyncio.create_task(self._meanwhile(batch, publishing, ended))
        try:
            await asyncio.wait([handling, meanwhile], return_when=asyncio.FIRST_COMPLETED)
            if not handling.done():
                meanwhile.result()
                await asyncio.wait([handling], timeout=self._settings.transaction_timeout_s / 2)
            if not handling.done():
                # It waits out an outage, perhaps for longer than the broker lets a transaction be open.
                await self._sink.cancel()
            messages = await handling
            ended.set()
            self._early.wake()
            await meanwhile
            return messages
        finally:
            unfinished = [task for task in (meanwhile, handling) if not task.done()]
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)

    async def _meanwhile(
        self, batch: Sequence[Record], publishing: asyncio.Task[None] | None, ended: asyncio.Event
    ) -> None:
        """What is announced is published or, where the worker announces nothing, the transaction is opened."""
        if publishing is not None:
            await asyncio.wait([publishing])
            if publishing.cancelled() or publishing.exception() is not None:
                return
        if self._worker.announces is not None:
            await self._early.publish(self._sink, batch[0].offset, ended)
        else:
            next_offset = batch[-1].offset + 1
            await self._sink.prepare(self._topics, next_offset, self._early.note_at(next_offset))

    async def _handle(self, batch: Sequence[Record], ledger: Ledger) -> list[Message] | None:
        """The batch's messages; None when closed while waiting for a part that is down."""
        name = self._worker.name
        telemetry.BATCH.labels(name).observe(len(batch))
        attempt = 0
        patience = Patience(self._settings.suspect_timeout_s)
        while True:
            await self._take_turn()
            try:
                with tracing.stage(name, "handle"):
                    answers = await process(
                        self._worker,
                        batch,
                        ledger,
                        timeout_s=self._settings.handle_timeout_s,
                        condemn=patience.spent(time.monotonic()),
                        early=self._early,
                    )
            except RetryableError as error:
                self._give_turn()
                attempt += 1
                patience.failed(isinstance(error, SuspectError), time.monotonic())
                self.progressed()
                delay = self._backoff.delay(attempt, random.random)
                telemetry.RETRIES.labels(name, type(error.__cause__ or error).__name__).inc()
                log.warning("waiting to retry", worker=name, error=str(error), attempt=attempt, delay_s=round(delay, 2))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), delay)
                    return None
            else:
                if any(self._poison.observe(poisoned) for poisoned in answers.poisoned):
                    raise FatalError(
                        f"{name}: too many events of partition {batch[0].partition} can't be processed; stopped at "
                        f"{batch[0].identity}, not committed. See `talentstream dlq list`; the limits are "
                        "TALENTSTREAM_POISON_RUN and TALENTSTREAM_POISON_RATIO"
                    )
                return answers.messages

    async def _publish(self, batch: Sequence[Record], messages: Sequence[Message]) -> None:
        name = self._worker.name
        with tracing.stage(name, "publish"):
            next_offset = batch[-1].offset + 1
            await self._sink.publish(messages, next_offset, self._early.note_at(next_offset))
        self._early.forget(next_offset)
        self.in_flight -= len(batch)
        self.progressed()
        # The oldest record's: one figure a batch, and the one that an indexer waits for.
        telemetry.EVENT_AGE.labels(name).observe(max(0.0, time.time() - batch[0].timestamp_ms / 1000))
