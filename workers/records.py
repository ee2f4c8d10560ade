"""Reads whole topics for the operators' commands: committed records, without a consumer group."""

from collections.abc import AsyncGenerator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers import kafka
from workers.delivery import Record
from workers.settings import Settings

Offsets = dict[TopicPartition, int]


async def end_offsets(settings: Settings, topics: Sequence[str]) -> Offsets:
    """Where each partition ends now.

    Raises:
        ValueError: a topic does not exist.
    """
    async with kafka.committed_reader(settings) as consumer:
        found: Offsets = await consumer.end_offsets(await _partitions(consumer, topics))
        return found


async def scan(
    settings: Settings, topics: Sequence[str], *, starts: Offsets | None = None, follow: bool = False
) -> AsyncGenerator[Record, None]:
    """Committed records, in order within a partition.

    Args:
        topics: their names.
        starts: where to begin; else at the oldest record.
        follow: go on past the ends as they were when reading began.

    Raises:
        ValueError: a topic does not exist.
    """
    async with kafka.committed_reader(settings) as consumer:
        partitions = await _partitions(consumer, topics)
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            if starts is None:
                await consumer.seek_to_beginning(partition)
            else:
                consumer.seek(partition, starts[partition])
        while follow or await kafka.is_behind(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for r in records:
                    yield Record(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp)


async def _partitions(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    partitions = []
    for topic in topics:
        numbers = await kafka.partitions_of(consumer, topic)
        if not numbers:
            raise ValueError(f"topic {topic} does not exist; `talentstream topics apply` creates it")
        partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
    return partitions
