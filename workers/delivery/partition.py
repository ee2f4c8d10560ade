"""One assigned partition: take, handle, publish; the next batch is handled while the last is published."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from workers import telemetry
from workers.delivery.core import Backoff, Limits, PartitionQueue, Record
from workers.delivery.outcomes import Worker
from workers.delivery.process import Message, process
from workers.delivery.sink import Sink
from workers.errors import RetryableError

log = structlog.get_logger()


class PartitionRunner:
    """Owns one partition from assignment to revocation.

    Args:
        worker: whose handler is called.
        sink: opened; closed by :meth:`close`.
        next_offset: the committed offset, read after the sink was opened.
        on_change: called when the queue has room again or the runner failed, so that the poll loop looks.
    """

    def __init__(
        self,
        worker: Worker,
        sink: Sink,
        next_offset: int,
        limits: Limits,
        backoff: Backoff,
        on_change: Callable[[], None],
    ) -> None:
        self.queue = PartitionQueue(limits, next_offset)
        self._worker = worker
        self._sink = sink
        self._backoff = backoff
        self._on_change = on_change
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: on_change())

    def offer(self, records: Iterable[Record]) -> None:
        """Queues fetched records."""
        self.queue.offer(records)
        self._wake.set()

    @property
    def failure(self) -> BaseException | None:
        """What ended the runner before it was closed, if anything did."""
        return self._task.exception() if self._task.done() and not self._task.cancelled() else None

    async def close(self, timeout_s: float) -> None:
        """Finishes the batches in flight, at most `timeout_s` long, and leaves the rest to the next owner."""
        self._closing.set()
        self._wake.set()
        await asyncio.wait([self._task], timeout=timeout_s)
        if not self._task.done():
            log.warning("drain timed out; the batch in flight is left to the next owner", worker=self._worker.name)
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # reported through `failure`
            await self._task
        await self._sink.close()

    async def _run(self) -> None:
        publishing: asyncio.Task[None] | None = None
        try:
            while (batch := await self._take(publishing)) and (messages := await self._handle(batch)) is not None:
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

    async def _take(self, publishing: asyncio.Task[None] | None) -> list[Record]:
        """The next batch; empty when closing. Raises what the last publish raised, without waiting for a record."""
        while not self._closing.is_set():
            if publishing is not None and publishing.done():
                publishing.result()
            if batch := self.queue.take():
                self._on_change()
                return batch
            self._wake.clear()
            await self._wake.wait()
        return []

    async def _handle(self, batch: Sequence[Record]) -> list[Message] | None:
        """The batch's messages; None when closed while waiting for a part that is down."""
        name = self._worker.name
        telemetry.BATCH.labels(name).observe(len(batch))
        attempt = 0
        while True:
            try:
                with telemetry.STAGE.labels(name, "handle").time():
                    return await process(self._worker, batch)
            except RetryableError as error:
                attempt += 1
                delay = self._backoff.delay(attempt, random.random)
                telemetry.RETRIES.labels(name, type(error.__cause__ or error).__name__).inc()
                log.warning("waiting to retry", worker=name, error=str(error), attempt=attempt, delay_s=round(delay, 2))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), delay)
                    return None

    async def _publish(self, batch: Sequence[Record], messages: Sequence[Message]) -> None:
        name = self._worker.name
        with telemetry.STAGE.labels(name, "publish").time():
            await self._sink.publish(messages, batch[-1].offset + 1)
        now = time.time()
        for record in batch:
            telemetry.EVENT_AGE.labels(name).observe(max(0.0, now - record.timestamp_ms / 1000))
