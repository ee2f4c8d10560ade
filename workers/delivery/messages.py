"""Records to produce."""

from typing import NamedTuple

from pydantic import BaseModel

from topics.catalogue import Topic
from topics.envelope import Headers, encode, output_headers
from workers.delivery.core import Record


class Message(NamedTuple):
    """One record to produce, encoded.

    Attributes:
        partition: the input's where the key is the input's, else None.
        remembers: it is the ledger's, and speaks of the others.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    remembers: bool = False


def make_message(
    worker: str, record: Record, topic: Topic, key: bytes | None, value: BaseModel | None, number: int = 0
) -> Message:
    """What `worker` answers to `record` in `topic`, for the `number`-th time."""
    headers = output_headers(
        topic,
        worker=worker,
        subject=key.decode("utf-8", "replace") if key is not None else None,
        cause=record.identity,
        number=number,
        time_ms=record.timestamp_ms,
        inherited=record.headers,
    )
    partition = record.partition if key == record.key else None
    return Message(topic.name, key, encode(value) if value is not None else None, headers, partition)
