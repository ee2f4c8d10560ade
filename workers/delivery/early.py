"""What of a batch is published before the batch is done, and is still published once.

A handler may announce an output as soon as it is known, long before the event's others. It goes out in a transaction of
its own, which moves no offset: after a crash the event is read again. So the same transaction leaves a note beside the
committed offset: where the first announced output stands, and up to which input there are any. The partition's next
owner reads them back from there, gives each event what it has announced, and publishes none of it again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from aiokafka import TopicPartition

from topics.catalogue import Topic
from topics.envelope import header, output_id
from workers import kafka
from workers.delivery.closing import stop_consumer
from workers.delivery.core import Record
from workers.delivery.messages import Message, make_message
from workers.delivery.outcomes import Output, Worker
from workers.delivery.sink import Sink
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept beside a committed offset.

    Attributes:
        place: where announced outputs are.
        start: offset there from which on they are.
        last: offset of the last input that has any.
    """

    place: TopicPartition
    start: int
    last: int

    def __str__(self) -> str:
        return f"early:{self.place.topic}/{self.place.partition}/{self.start}/{self.last}"

    @classmethod
    def read(cls, metadata: str) -> "Note | None":
        """From a committed offset's metadata; None where they are no such note."""
        if not metadata.startswith("early:"):
            return None
        topic, partition, start, last = metadata.removeprefix("early:").rsplit("/", 3)
        return cls(TopicPartition(topic, int(partition)), int(start), int(last))


async def read_back(settings: Settings, note: Note) -> dict[bytes, bytes]:
    """Values of announced outputs by their `ce_id`; to be called when earlier owners are fenced."""
    found: dict[bytes, bytes] = {}
    consumer = kafka.committed_reader(settings)
    try:
        await consumer.start()
        if note.place.partition not in await kafka.partitions_of(consumer, note.place.topic):
            # The topic was made anew since, with fewer partitions: what was announced is gone.
            return found
        consumer.assign([note.place])
        ends = await consumer.end_offsets([note.place])
        consumer.seek(note.place, note.start)
        while await kafka.is_behind(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    found[(header(record.headers, "ce_id") or "").encode()] = record.value or b""
    finally:
        await stop_consumer(consumer, settings.drain_timeout_s)
    return found


class Early:
    """What is announced of one partition's events.

    Args:
        worker: whose events they are.
        note: that stands beside the committed offset.
        known: what was read back by it.
    """

    def __init__(self, worker: Worker, note: Note | None = None, known: Mapping[bytes, bytes] | None = None) -> None:
        self._worker = worker
        # An earlier owner may have announced where this one does not.
        self._topic = note.place.topic if note is not None else worker.announces.name if worker.announces else None
        self._note = note
        self._known = known or {}
        self._values: dict[int, list[bytes]] = {}
        self._pending: list[tuple[int, Message]] = []
        self._changed = asyncio.Event()

    def announced(self, record: Record) -> tuple[bytes, ...]:
        """Values that were announced of a record, in order, by this owner of its partition or an earlier one."""
        return tuple(self._of(record))

    def announce(self, record: Record, output: Output) -> None:
        """Takes one more output of a record, for :meth:`publish`.

        Raises:
            ValueError: it is not the worker's to announce, or has another key than the record.
        """
        if output.topic is not self._worker.announces or output.key.encode() != record.key:
            raise ValueError(f"{self._worker.name} can't announce this to {output.topic.name}")
        values = self._of(record)
        message = make_message(self._worker.name, record, output.topic, record.key, output.value, len(values))
        values.append(message.value or b"")
        self._pending.append((record.offset, message))
        self._changed.set()

    def is_out(self, record: Record, topic: Topic, number: int) -> bool:
        """Whether a record's output to a topic, the `number`-th from 0, was announced."""
        return topic.name == self._topic and number < len(self._of(record))

    def note_at(self, next_offset: int) -> str:
        """Metadata for a commit of `next_offset`: the note while it speaks of inputs that are still to come."""
        return str(self._note) if self._note is not None and self._note.last >= next_offset else ""

    def forget(self, next_offset: int) -> None:
        """Of inputs before `next_offset`, which is committed, nothing will be asked any more."""
        self._values = {offset: values for offset, values in self._values.items() if offset >= next_offset}
        if self._note is not None and self._note.last < next_offset:
            self._note, self._known = None, {}

    async def publish(self, sink: Sink, offset: int, ended: asyncio.Event) -> None:
        """Publishes what is announced, as it comes, each time all that has come, until `ended` and nothing is left.

        Args:
            sink: of the partition, with no transaction open.
            offset: committed now, and for as long as this runs.
            ended: nothing more will be announced; :meth:`wake` after setting it.
        """
        while self._pending or not ended.is_set():
            self._changed.clear()
            if not self._pending:
                await self._changed.wait()
                continue
            pending, self._pending = self._pending, []
            last = max(input_offset for input_offset, _ in pending)
            await sink.publish_early([message for _, message in pending], offset, partial(self._noted, last))

    def wake(self) -> None:
        """Lets :meth:`publish` look again."""
        self._changed.set()

    def _noted(self, last: int, place: TopicPartition, start: int) -> str:
        if self._note is not None:
            place, start, last = self._note.place, self._note.start, max(last, self._note.last)
        self._note = Note(place, start, last)
        return str(self._note)

    def _of(self, record: Record) -> list[bytes]:
        values = self._values.get(record.offset)
        if values is None:
            values = self._values[record.offset] = []
            while self._known and self._topic:
                value = self._known.get(output_id(self._topic, record.identity, len(values)))
                if value is None:
                    break
                values.append(value)
        return values
