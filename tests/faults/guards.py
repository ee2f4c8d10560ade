"""The engine's guards, each with what takes it away in a worker process, so that a run shows what it was good for.

Patches of the harness; the product has no such switch.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from topics.catalogue import DEAD_LETTERS
from workers.delivery import core, partition, process, sink
from workers.delivery import ledger as memory
from workers.delivery.messages import Message


def transactions() -> None:
    """Outputs in one transaction, the offset and the ledger's entries in the next."""

    async def deliver(self: Any, producer: AIOKafkaProducer, batch: Sequence[Message], offset: int, note: str) -> None:
        entries = [message for message in batch if message.topic.endswith("-ledger")]
        await producer.begin_transaction()
        await sink._send_all(producer, [message for message in batch if message not in entries])
        await producer.commit_transaction()
        await producer.begin_transaction()
        await sink._send_all(producer, entries)
        await producer.send_offsets_to_transaction({self._partition: (offset, note)}, self._group)
        await producer.commit_transaction()

    async def prepare(self: Any, topics: Sequence[str], next_offset: int, note: str = "") -> None:
        """Nothing: its transactions are begun above."""

    sink.TransactionalSink._deliver = deliver  # type: ignore[method-assign, assignment]
    sink.TransactionalSink.prepare = prepare  # type: ignore[method-assign]


def drain() -> None:
    """A shutdown or revoke cancels the batch in flight at once."""
    close = partition.PartitionRunner.close

    async def at_once(self: partition.PartitionRunner, timeout_s: float) -> None:
        await close(self, 0.0)

    partition.PartitionRunner.close = at_once  # type: ignore[method-assign]


def fencing() -> None:
    """A transactional id for each process, so that a new owner fences nobody."""
    start = sink.Sink.__init__

    def unfenced(self: sink.Sink, *args: Any, **options: Any) -> None:
        if "transactional_id" in options:
            options["transactional_id"] += f"-{os.getpid()}"
        start(self, *args, **options)

    sink.Sink.__init__ = unfenced  # type: ignore[method-assign]


def takeover() -> None:
    """A revoke doesn't wait for the batch in flight, and nobody fences it: each alone would be enough."""
    close = partition.PartitionRunner.close

    async def later(self: partition.PartitionRunner, timeout_s: float) -> None:
        LATE.add(asyncio.create_task(close(self, timeout_s)))

    partition.PartitionRunner.close = later  # type: ignore[method-assign]
    fencing()


# Keeps the tasks alive that nobody waits for.
LATE: set[asyncio.Task[None]] = set()


def splitting() -> None:
    """A batch on which the handler fails is dead-lettered whole."""
    split = process._handle

    async def whole(worker: Any, events: Any, answers: dict[int, Any], *rest: Any) -> None:
        try:
            await worker.handle(events)
        except Exception as error:
            answers |= {event.record.offset: process._failure(worker, event.record, error) for event in events}
        else:
            await split(worker, events, answers, *rest)

    process._handle = whole  # type: ignore[assignment]


def ledger() -> None:
    """Every input is news."""
    memory.Ledger.judge = lambda *_: memory.Verdict.new  # type: ignore[method-assign]


def poison_limit() -> None:
    """However many events fail, the worker goes on."""
    core.PoisonLimit.observe = lambda *_: False  # type: ignore[method-assign]


def pausing() -> None:
    """Fetching goes on however much is queued."""
    core.PartitionQueue.should_pause = property(lambda self: False)  # type: ignore[assignment]


def answers() -> None:
    """Numbers that are none are taken for answers."""
    from workers import inference

    class Trusting:
        """numpy, to which everything is finite."""

        def __getattr__(self, name: str) -> Any:
            return np.ones_like if name == "isfinite" else getattr(np, name)

    inference.np = Trusting()  # type: ignore[assignment, attr-defined]


def handle_deadline() -> None:
    """A batch may take for ever in the handler."""
    answer = process.process

    async def patient(*args: Any, **options: Any) -> process.Answers:
        return await answer(*args, **options | {"timeout_s": 1e9})

    partition.process = patient  # type: ignore[attr-defined]


def deadline() -> None:
    """Requests to Triton wait for ever, and so does their batch: each deadline alone would be enough."""
    from workers import inference

    handle_deadline()

    start = inference.TritonInfer.__init__

    def patient(self: inference.TritonInfer, *args: Any) -> None:
        start(self, *args)
        self._timeout_s = None  # type: ignore[assignment]

    inference.TritonInfer.__init__ = patient  # type: ignore[method-assign, assignment]


def version() -> None:
    """Whatever version of the model is there answers, under the name of the first."""
    from workers import inference

    request = inference.TritonInfer._request

    async def of_any(self: Any, model: inference.ServedModel, tensors: Any) -> Any:
        return await request(self, replace(model, version=""), tensors)

    async def never(self: inference.TritonInfer) -> None:
        return None

    inference.TritonInfer._request = of_any  # type: ignore[method-assign]
    inference.TritonInfer._refresh = never  # type: ignore[method-assign]


def cache_deadline() -> None:
    """Calls to Redis wait for ever, and so does their batch."""
    from redis.asyncio import Redis

    handle_deadline()

    from_url = Redis.from_url

    def patient(url: str, **options: Any) -> Any:
        return from_url(url, **options | {"socket_timeout": None, "socket_connect_timeout": None})

    Redis.from_url = patient  # type: ignore[method-assign, assignment]


def cache_optional() -> None:
    """An error of Redis is an error of the event."""
    from workers import cache

    def failed(self: cache.ResultCache, error: Exception) -> None:
        raise error

    cache.ResultCache._failed = failed  # type: ignore[method-assign]


def dead_letters() -> None:
    """Dead letters are sent beside the transaction, and what becomes of them is nobody's business."""
    send_all = sink._send_all

    async def without(producer: AIOKafkaProducer, messages: Sequence[Any]) -> list[Any]:
        return await send_all(producer, [message for message in messages if message.topic != DEAD_LETTERS.name])

    sink._send_all = without


GUARDS: dict[str, Callable[[], None]] = {
    guard.__name__: guard
    for guard in (
        transactions,
        drain,
        fencing,
        takeover,
        splitting,
        ledger,
        poison_limit,
        pausing,
        answers,
        deadline,
        version,
        cache_deadline,
        cache_optional,
        dead_letters,
    )
}
