"""Where a batch's messages and offsets go: one Kafka transaction, or plainly at least once.

One transactional producer an *input partition*: aiokafka commits offsets in a transaction without the group's
generation, so the group can't fence a zombie. With the transactional id made of the partition, the new owner's
InitProducerId fences the old one by epoch (KIP-98; measured in the design: 0 lost, 0 doubled).
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer import sender
from aiokafka.structs import RecordMetadata

from topics.catalogue import CATALOGUE
from workers import kafka
from workers.delivery.closing import stop_producer
from workers.delivery.messages import Message
from workers.errors import FatalError, FencedError, RetryableError, WorkError
from workers.settings import Settings

MAX_REQUEST_BYTES = max(topic.max_message_bytes for topic in CATALOGUE if topic.direction == "out")
# Of one record batch; a larger record makes a batch of its own.
MAX_BATCH_BYTES = 512 * 1024
_PARTITIONER = DefaultPartitioner()

# A transaction begun while the broker still writes the last one's markers is refused, and aiokafka asks again after
# 20 ms, most of what an event then waits for: measured with back-to-back transactions, 19 ms each, 8 ms asked like so.
sender.BACKOFF_OVERRIDE = 0.002


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

    @abstractmethod
    async def prepare(self, topics: Sequence[str], next_offset: int, note: str = "") -> None:
        """Does what can be done before there are messages: one `publish` up to `next_offset` must follow, or `cancel`.

        Args:
            topics: that the messages will go to, as far as known.
            next_offset: that the publishing will commit.
            note: that it will put beside it.

        Raises:
            FencedError, RetryableError: as :meth:`publish`.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Undoes `prepare`; does nothing where nothing is prepared. Raises as :meth:`publish`."""

    async def publish(self, messages: Sequence[Message], next_offset: int, note: str = "") -> None:
        """Publishes all messages and commits `next_offset`, with a note beside it.

        Raises:
            FencedError: a newer owner exists; nothing was committed.
            RetryableError: the outcome is unknown; reopen and read the committed offset.
            FatalError: a topic is not configured for such a record.
        """
        await self._attempt(lambda producer: self._deliver(producer, messages, next_offset, note))

    async def publish_early(
        self, messages: Sequence[Message], offset: int, note: Callable[[TopicPartition, int], str]
    ) -> None:
        """Publishes messages of one partition ahead of their batch.

        Args:
            messages: at least one.
            offset: that is committed, and remains so.
            note: gives, by where the first message stands, what is put beside it.

        Raises:
            FencedError, RetryableError, FatalError: as :meth:`publish`.
        """
        await self._attempt(lambda producer: self._deliver_early(producer, messages, offset, note))

    async def _attempt(self, work: Callable[[AIOKafkaProducer], Awaitable[None]]) -> None:
        if self._producer is None:
            raise RuntimeError("publish before open")
        try:
            async with asyncio.timeout(self._timeout_s):
                await work(self._producer)
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
    async def _deliver(
        self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int, note: str
    ) -> None:
        """Messages and offset, by the sink's guarantee."""

    @abstractmethod
    async def _deliver_early(
        self,
        producer: AIOKafkaProducer,
        messages: Sequence[Message],
        offset: int,
        note: Callable[[TopicPartition, int], str],
    ) -> None:
        """Messages and note, by the sink's guarantee."""


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
        self._prepared = False

    @property
    def generation(self) -> tuple[int, int]:
        """Producer id and epoch, once open: opening it again adds one to the epoch, and so does any other owner."""
        if self._producer is None:
            raise RuntimeError("generation before open")
        return self._producer._txn_manager.producer_id, self._producer._txn_manager.producer_epoch

    async def prepare(self, topics: Sequence[str], next_offset: int, note: str = "") -> None:
        """Opens the transaction and puts the offset into it: three of the five requests that a transaction takes."""
        await self._attempt(lambda producer: self._prepare(producer, topics, next_offset, note))

    async def cancel(self) -> None:
        """Aborts it, so that it does not run into its timeout, which would fence us."""
        if self._prepared:
            self._prepared = False
            await self._attempt(lambda producer: producer.abort_transaction())

    async def _prepare(self, producer: AIOKafkaProducer, topics: Sequence[str], next_offset: int, note: str) -> None:
        destinations = [
            TopicPartition(topic, _same(self._partition.partition, sorted(await producer.partitions_for(topic))))
            for topic in topics
        ]
        await producer.begin_transaction()
        try:
            for destination in destinations:
                # Until records are written to it, an open transaction holds up no reader of the partition.
                producer._txn_manager.maybe_add_partition_to_txn(destination)
            await producer.send_offsets_to_transaction({self._partition: (next_offset, note)}, self._group)
        except KafkaError as error:
            raise _reason(producer, error) from error
        self._prepared = True

    async def close(self) -> None:
        """As :meth:`Sink.close`; what is merely prepared is aborted, where the broker answers."""
        with contextlib.suppress(WorkError, TimeoutError):
            async with asyncio.timeout(self._close_timeout_s):
                await self.cancel()
        await super().close()

    async def _deliver(
        self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int, note: str
    ) -> None:
        # No abort on failure: it needs the broker that has just failed us, and the next InitProducerId aborts.
        prepared, self._prepared = self._prepared, False
        if not prepared:
            await producer.begin_transaction()
        try:
            await _send_all(producer, messages)
            if not prepared:
                await producer.send_offsets_to_transaction({self._partition: (next_offset, note)}, self._group)
            await producer.commit_transaction()
        except KafkaError as error:
            raise _reason(producer, error) from error

    async def _deliver_early(
        self,
        producer: AIOKafkaProducer,
        messages: Sequence[Message],
        offset: int,
        note: Callable[[TopicPartition, int], str],
    ) -> None:
        await producer.begin_transaction()
        try:
            places = await _send_all(producer, messages)
            place = min(places, key=lambda sent: sent.offset)
            noted = note(place.topic_partition, place.offset)
            await producer.send_offsets_to_transaction({self._partition: (offset, noted)}, self._group)
            await producer.commit_transaction()
        except KafkaError as error:
            raise _reason(producer, error) from error


class AtLeastOnceSink(Sink):
    """Messages first, then the offset; a crash between the two repeats the messages."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        super().__init__(settings, partition, enable_idempotence=True)
        self._consumer = consumer

    async def prepare(self, topics: Sequence[str], next_offset: int, note: str = "") -> None:
        """Nothing is to be done before there are messages."""

    async def cancel(self) -> None:
        """Nothing was done."""

    async def _deliver(
        self, producer: AIOKafkaProducer, messages: Sequence[Message], next_offset: int, note: str
    ) -> None:
        # The ledger after what it speaks of: a crash between the two must not leave an answer that was never published.
        await _send_all(producer, [message for message in messages if not message.remembers])
        await _send_all(producer, [message for message in messages if message.remembers])
        await self._consumer.commit({self._partition: (next_offset, note)})

    async def _deliver_early(
        self,
        producer: AIOKafkaProducer,
        messages: Sequence[Message],
        offset: int,
        note: Callable[[TopicPartition, int], str],
    ) -> None:
        await _send_all(producer, messages)


def _reason(producer: AIOKafkaProducer, error: KafkaError) -> BaseException:
    """What made the transaction fail: a partition that was refused to it fails the others with InvalidTxnState."""
    waiter = producer._txn_manager._transaction_waiter
    failed = waiter is not None and waiter.done() and not waiter.cancelled()
    reason: BaseException | None = waiter.exception() if failed else None
    return reason or error


async def _send_all(producer: AIOKafkaProducer, messages: Sequence[Message]) -> list[RecordMetadata]:
    # Record batches built here, whole: measured at a fraction of the cost of aiokafka's send, which keeps a future and
    # takes several awaits for each message.
    partitions = {topic: sorted(await producer.partitions_for(topic)) for topic in {m.topic for m in messages}}
    by_partition: dict[TopicPartition, list[Message]] = {}
    for message in messages:
        by_partition.setdefault(_destination(message, partitions[message.topic]), []).append(message)
    delivered: list[asyncio.Future[RecordMetadata]] = []
    for partition, group in by_partition.items():
        for batch in _batches(producer, group):
            future = await producer.send_batch(batch, partition.topic, partition=partition.partition)
            # One failure ends the wait below; the others' errors are the same news and must not be reported as unread.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            delivered.append(future)
    return await asyncio.gather(*delivered)


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
        return TopicPartition(message.topic, _same(message.partition, partitions))
    return TopicPartition(message.topic, _PARTITIONER(message.key, partitions, partitions))


def _same(partition: int, partitions: Sequence[int]) -> int:
    return partitions[partition % len(partitions)]
