"""What a partition's keys were answered with last, so that neither an older input nor the same one again changes it.

The decisions here are pure; :class:`LedgerReader` reads the memory back from its topic when a partition changes hands.
Entries are written in the transaction of the outputs (`process.py`), by the partition's one owner.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics.envelope import REPLAY_OF, header
from topics.ledger import LedgerEntry
from workers import kafka
from workers.delivery.closing import stop_consumer
from workers.delivery.core import Record
from workers.errors import FatalError, RetryableError
from workers.settings import Settings


class Verdict(StrEnum):
    """What an input is to the answer that its key has."""

    new = "new"
    stale = "stale"
    duplicate = "duplicate"


def digest(value: bytes) -> str:
    """Of an input's bytes, as the ledger keeps it: 128 bits of SHA-256 in hex."""
    return hashlib.sha256(value).hexdigest()[:32]


def position(record: Record) -> int:
    """The record's offset; a replayed one stands where the original stood, so it can't overtake a newer input."""
    if not record.headers:
        return record.offset
    name, _, offset = (header(record.headers, REPLAY_OF) or "").rpartition("/")
    if name == f"{record.topic}/{record.partition}" and offset.isdecimal():
        return int(offset)
    return record.offset


class Ledger:
    """One partition's memory: key to encoded entry, as in the topic."""

    def __init__(self) -> None:
        self._entries: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> LedgerEntry | None:
        """What the key was answered with last."""
        entry = self._entries.get(key)
        return LedgerEntry.model_validate_json(entry) if entry is not None else None

    def set(self, key: bytes, entry: bytes | None) -> None:
        """As the topic says; None forgets."""
        if entry is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def judge(self, key: bytes, version: int, position: int, digest: str, made_by: str) -> Verdict:
        """Whether an input is to be answered, before `made_by` answers it."""
        known = self.get(key)
        if known is None:
            return Verdict.new
        if (version, position) < (known.version, known.position):
            return Verdict.stale
        if known.deleted:
            # The tombstone took away that version; a producer that gives no versions may publish the key again.
            return Verdict.stale if 0 < version <= known.version else Verdict.new
        if known.digest == digest and known.made_by == made_by and not known.degraded:
            return Verdict.duplicate
        return Verdict.new


class LedgerReader:
    """Reads the ledgers of newly assigned partitions in the background, while their first records are fetched.

    To be made when earlier owners are fenced: what they had written is then complete.
    """

    def __init__(
        self, settings: Settings, topic: str, partitions: Iterable[int], on_progress: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._on_progress = on_progress
        self._ledgers = {partition: Ledger() for partition in partitions}
        self._task = asyncio.create_task(self._read())
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def ledger(self, partition: int) -> Ledger:
        """Of one of the partitions, once all are read.

        Raises:
            RetryableError: the topic is not there (yet).
            FatalError: it has fewer partitions than the source.
        """
        await asyncio.shield(self._task)
        return self._ledgers[partition]

    async def close(self) -> None:
        """Gives up what is not read yet."""
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):  # `ledger` has told
            await self._task

    async def _read(self) -> None:
        consumer = kafka.committed_reader(self._settings)
        try:
            await consumer.start()
            await self._read_with(consumer)
        finally:
            await stop_consumer(consumer, self._settings.drain_timeout_s)

    async def _read_with(self, consumer: AIOKafkaConsumer) -> None:
        existing = await kafka.partitions_of(consumer, self._topic)
        if not existing:
            raise RetryableError(f"topic {self._topic} does not exist; `talentstream topics apply` creates it")
        if missing := self._ledgers.keys() - existing:
            raise FatalError(f"{self._topic} lacks partitions {sorted(missing)}; it needs as many as its source")
        partitions = [TopicPartition(self._topic, number) for number in self._ledgers]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            await consumer.seek_to_beginning(partition)
        while await kafka.is_behind(consumer, ends):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    self._ledgers[partition.partition].set(record.key, record.value)
                self._on_progress()
