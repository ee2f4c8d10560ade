"""Where a batch's messages and offsets go: one Kafka transaction, or plainly at least once.

One transactional producer an *input partition*: aiokafka commits offsets in a transaction without the group's
generation, so the group can't fence a zombie. With the transactional id made of the partition, the new owner's
InitProducerId fences the old one by epoch (KIP-98; measured in the design: 0 lost, 0 doubled).
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.partitioner import DefaultPartitioner

from topics.catalogue import CATALOGUE
from workers import kafka
from workers.delivery.closing import stop_producer
from workers.delivery.process import Message
from workers.errors import FatalError, FencedError, RetryableError
from workers.settings import Settings

MAX_REQUEST_BYTES = max(topic.max_message_bytes for topic in CATALOGUE if topic.direction == "out")
# Of one record batch; a larger record makes a batch of its own.
MAX_BATCH_BYTES = 512 * 1024
_PARTITIONER = DefaultPartitioner()


class Sink(ABC):
    """Publishes the answers to one partition's batches."""

    def __init__(self, settings: Settings, partition: TopicPartition, **producer_options: object) -> None:
        self._partition = partition
        self._timeout_s = settings.transaction_timeout_s
        self._close_timeout_s = settings.drain_timeout_s
        self._options = {
            **kafka.connection(settings),
            "max_request_size": MAX_REQUEST_BYTES,
            "max_batch_size": MAX_BATCH_BYTES,
            **producer_options,
        }
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Ready to publish; for a transactional sink, earlier owners are fenced when this returns."""
        self._producer = AIOKafkaProducer(**self._options)
        await self._producer.start()

    async def publish(self, messages: Sequence[Message], next_offset: int) -> None:
        """Publishes all messages and commits `next_offset`.

        Raises:
            FencedError: a newer owner exists; nothing was committed.
            RetryableError: the outcome is unknown; reopen and read the committed offset.
            FatalError: a topic is not configured for such a record.
        """
        if self._producer is None:
            raise RuntimeError("publish before open")
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._deliver(self._producer, messages, next_offset)
        except ProducerFenced as error:
            raise FencedError(f"{self._partition.topic}/{self._partition.partition}") from error
        except MessageSizeTooLargeError as error:
            raise FatalError("an output is larger than its topic's max.message.bytes") from error
        except (KafkaError, TimeoutError) as error:
            raise RetryableError(f"publish failed: {type(error).__name__}") from error

    async def close(self) -> None:
        """Lets go of connections; an open transaction is left for the broker or the next owner to abort."""
        if self._producer is not None:
            await stop_producer(self._producer, self._close_timeout_s)

    @abstractmethod
    async def _deliver(self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int) -> None:
        """Messages and offset, by the sink's guarantee."""


class TransactionalSink(Sink):
    """Messages and offset in one transaction."""

    def __init__(self, settings: Settings, group: str, partition: TopicPartition) -> None:
        super().__init__(
            settings,
            partition,
            transactional_id=f"{group}-{partition.topic}-{partition.partition}",
            transaction_timeout_ms=int(settings.transaction_timeout_s * 1000),
        )
        self._group = group

    async def _deliver(self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int) -> None:
        # No abort on failure: it needs the broker that has just failed us, and the next InitProducerId aborts.
        await producer.begin_transaction()
        try:
            await _send_all(producer, messages)
            await producer.send_offsets_to_transaction({self._partition: next_offset}, self._group)
            await producer.commit_transaction()
        except KafkaError as error:
            raise _reason(producer, error) from error


class AtLeastOnceSink(Sink):
    """Messages first, then the offset; a crash between the two repeats the messages."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        super().__init__(settings, partition, enable_idempotence=True)
        self._consumer = consumer

    async def _deliver(self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int) -> None:
        # The ledger after what it speaks of: a crash between the two must not leave an answer that was never published.
        await _send_all(producer, [message for message in messages if not message.remembers])
        await _send_all(producer, [message for message in messages if message.remembers])
        await self._consumer.commit({self._partition: next_offset})


def _reason(producer: AIOKafkaProducer, error: KafkaError) -> BaseException:
    """What made the transaction fail: a partition that was refused to it fails the others with InvalidTxnState."""
    waiter = producer._txn_manager._transaction_waiter
    failed = waiter is not None and waiter.done() and not waiter.cancelled()
    reason: BaseException | None = waiter.exception() if failed else None
    return reason or error


async def _send_all(producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
    # Record batches built here, whole: measured at a fraction of the cost of aiokafka's send, which keeps a future and
    # takes several awaits for each message.
    partitions = {topic: sorted(await producer.partitions_for(topic)) for topic in {m.topic for m in messages}}
    by_partition: dict[TopicPartition, list[Message]] = {}
    for message in messages:
        by_partition.setdefault(_destination(message, partitions[message.topic]), []).append(message)
    delivered: list[asyncio.Future[object]] = []
    for partition, group in by_partition.items():
        for batch in _batches(producer, group):
            future = await producer.send_batch(batch, partition.topic, partition=partition.partition)
            # One failure ends the wait below; the others' errors are the same news and must not be reported as unread.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            delivered.append(future)
    await asyncio.gather(*delivered)


def _batches(producer: AIOKafkaProducer, messages: Sequence[Message]) -> Iterator[Any]:
    batch = producer.create_batch()
    for m in messages:
        while batch.append(timestamp=None, key=m.key, value=m.value, headers=list(m.headers)) is None:
            yield batch
            batch = producer.create_batch()
    yield batch


def _destination(message: Message, partitions: list[int]) -> TopicPartition:
    """The input's partition for the input's key, so that outputs stay in its order; Kafka's default for other keys."""
    if message.partition is not None:
        return TopicPartition(message.topic, partitions[message.partition % len(partitions)])
    return TopicPartition(message.topic, _PARTITIONER(message.key, partitions, partitions))
