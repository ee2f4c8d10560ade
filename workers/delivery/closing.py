"""Closing aiokafka's clients within a time: they wait for a broker that may be gone, and may raise while at it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def stop_consumer(consumer: AIOKafkaConsumer, timeout_s: float) -> bool:
    """Leaves the group and closes; False where it had to be cut short."""
    if await _ends_well(consumer.stop(), timeout_s):
        return True
    # A consumer whose stop failed keeps its connections and goes on looking for the broker.
    await _ends_well(consumer._client.close(), timeout_s)
    return False


async def stop_producer(producer: AIOKafkaProducer, timeout_s: float) -> bool:
    """Closes; False where it had to be cut short."""
    if await _ends_well(producer.stop(), timeout_s):
        return True
    await _ends_well(producer.client.close(), timeout_s)
    return False


async def _ends_well(work: Coroutine[Any, Any, None], timeout_s: float) -> bool:
    # A task of its own: aiokafka's fetcher lets the CancelledError of its inner tasks out, which is not ours.
    task = asyncio.create_task(work)
    await asyncio.wait([task], timeout=timeout_s)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1.0)
    return task.done() and not task.cancelled() and task.exception() is None
