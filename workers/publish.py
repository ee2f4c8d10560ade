"""Publishes a file of events as a producer would: validated first, keyed, with CloudEvents headers, idempotently."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from topics.catalogue import Topic
from topics.envelope import encode, input_headers
from workers import kafka
from workers.files import Line
from workers.settings import Settings

SOURCE = "/talentstream/publish"
# Sends not yet acknowledged; bounds memory on large files.
WINDOW = 1_000


def idempotent_producer(settings: Settings, topic: Topic, *, linger_ms: int = 5) -> AIOKafkaProducer:
    """For records as large as `topic` takes, which wait so long for others; to be started by the caller."""
    return AIOKafkaProducer(
        **kafka.connection(settings),
        enable_idempotence=True,
        max_request_size=topic.max_message_bytes,
        linger_ms=linger_ms,
    )


async def publish(settings: Settings, topic: Topic, lines: Iterable[Line]) -> None:
    """Sends each valid line; invalid ones are the caller's to report.

    Raises:
        KafkaError: the broker refuses or is out of reach; events before it may have been published.
    """
    producer = idempotent_producer(settings, topic)
    await producer.start()
    pending: list[asyncio.Future[Any]] = []
    try:
        for key, event in _events(lines):
            headers = input_headers(topic, event_id=f"{key}:{getattr(event, 'version', 0)}", source=SOURCE)
            pending.append(
                await producer.send(topic.name, key=key.encode(), value=encode(event), headers=list(headers))
            )
            if len(pending) >= WINDOW:
                await asyncio.gather(*pending)
                pending.clear()
        await asyncio.gather(*pending)
    finally:
        await producer.stop()


def _events(lines: Iterable[Line]) -> Iterator[tuple[str, Any]]:
    for line in lines:
        if line.event is not None and line.key is not None:
            yield line.key, line.event
