"""Records to produce."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from pydantic import BaseModel

from topics.catalogue import REJECTIONS, Topic
from topics.envelope import Headers, encode, header, output_headers
from topics.rejections import FieldError, Rejection
from workers import telemetry
from workers.delivery.core import Record

log = structlog.get_logger()


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


def make_rejection(worker: str, record: Record, errors: Sequence[FieldError]) -> Message:
    """What `worker` answers to a record that it refuses, which is logged and counted."""
    code = errors[0].code
    log.warning("event rejected", worker=worker, record=record.identity, code=code, field=errors[0].field)
    telemetry.REJECTIONS.labels(worker, code).inc()
    rejection = Rejection(
        key=record.key.decode("utf-8", "replace") if record.key is not None else None,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        event_id=header(record.headers, "ce_id"),
        code=code,
        errors=tuple(errors),
    )
    return make_message(worker, record, REJECTIONS, record.key, rejection)
