"""What stands in `matches.v1`, the ledger of the matcher, for a new owner."""

import asyncio
from collections.abc import Collection
from typing import NamedTuple

from aiokafka import TopicPartition

from topics.catalogue import MATCHER_FLOW
from workers import kafka
from workers.delivery.closing import stop_consumer
from workers.matching.matcher import digest
from workers.settings import Settings

_TOPIC = MATCHER_FLOW.target.name


class Standing(NamedTuple):
    """What the earlier owners of some partitions have left.

    Attributes:
        lists: by partition and subject, the newest list's digest; None for one that was removed.
        ends: where each source ended afterwards: whatever the lists were made of lies before.
    """

    lists: dict[int, dict[str, bytes | None]]
    ends: dict[TopicPartition, int]


async def read_standing(settings: Settings, numbers: Collection[int], sources: Collection[TopicPartition]) -> Standing:
    """Reads these partitions whole; to be called when earlier owners are fenced.

    Raises:
        TimeoutError: nothing came for `stall_timeout_s`.
        KafkaError: the broker fails, or refuses us.
    """
    loop = asyncio.get_running_loop()
    lists: dict[int, dict[str, bytes | None]] = {number: {} for number in numbers}
    partitions = [TopicPartition(_TOPIC, number) for number in numbers]
    reader = kafka.committed_reader(settings)
    try:
        async with asyncio.timeout(settings.stall_timeout_s) as deadline:
            await reader.start()
            reader.assign(partitions)
            ends = await reader.end_offsets(partitions)
            await reader.seek_to_beginning(*partitions)
            while await kafka.is_behind(reader, ends):
                for partition, records in (await reader.getmany(timeout_ms=200)).items():
                    own = lists[partition.partition]
                    own |= {r.key.decode(): digest(r.value) if r.value is not None else None for r in records}
                    deadline.reschedule(loop.time() + settings.stall_timeout_s)
            return Standing(lists, await reader.end_offsets(list(sources)))
    finally:
        await stop_consumer(reader, settings.drain_timeout_s)
