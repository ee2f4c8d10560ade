"""One batch of records to the messages that answer it: each input gives its outputs, or one rejection.

An input that fails though it is valid leaves two records: a rejection for its producer and, for on-call, a dead letter
with the original bytes (headers of KIP-1034).
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import BaseModel

from topics.catalogue import DEAD_LETTERS, REJECTIONS, Topic
from topics.envelope import Headers, encode, header, output_headers
from topics.rejections import DEAD_LETTER_HEADERS, FieldError, Rejection
from topics.validation import InvalidEventError, parse
from workers import telemetry
from workers.delivery.core import Record
from workers.delivery.outcomes import Event, Worker
from workers.errors import FatalError, RetryableError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Message:
    """One record to produce, encoded."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


async def process(worker: Worker, records: Sequence[Record]) -> list[Message]:
    """Messages for all records, in the records' order.

    Raises:
        RetryableError: nothing is to be committed; the same records are to be tried again.
        FatalError: the worker must stop.
    """
    answers: dict[int, list[Message]] = {}
    events: list[Event[Any]] = []
    for record in records:
        if record.value is None and record.key is not None:
            answers[record.offset] = [_message(worker, record, topic, None) for topic in worker.flow.derived]
            telemetry.EVENTS.labels(worker.name, "tombstone").inc()
            continue
        try:
            value = parse(worker.flow.source, record.key, record.value or b"", record.headers)
        except InvalidEventError as error:
            answers[record.offset] = [_rejection(worker, record, error.errors)]
        else:
            events.append(Event(key=(record.key or b"").decode(), value=value, record=record))
    await _handle(worker, events, answers)
    return [message for record in records for message in answers[record.offset]]


async def _handle(worker: Worker, events: Sequence[Event[Any]], answers: dict[int, list[Message]]) -> None:
    """Fills `answers`; a batch on which the handler fails is halved until the event at fault stands alone."""
    if not events:
        return
    try:
        outcomes = await worker.handle(events)
        if len(outcomes) != len(events):
            raise FatalError(f"{worker.name}: {len(outcomes)} outcomes for {len(events)} events")
    except (RetryableError, FatalError):
        raise
    except Exception as error:
        if len(events) == 1:
            answers[events[0].record.offset] = _failure(worker, events[0].record, error)
            return
        middle = len(events) // 2
        await _handle(worker, events[:middle], answers)
        await _handle(worker, events[middle:], answers)
        return
    for event, outcome in zip(events, outcomes, strict=True):
        answers[event.record.offset] = [_message(worker, event.record, o.topic, o.value) for o in outcome]
        telemetry.EVENTS.labels(worker.name, "processed").inc()


def _message(worker: Worker, record: Record, topic: Topic, value: BaseModel | None) -> Message:
    headers = output_headers(
        topic,
        worker=worker.name,
        subject=record.key.decode("utf-8", "replace") if record.key is not None else None,
        cause=record.identity,
        time_ms=record.timestamp_ms,
        inherited=record.headers,
    )
    return Message(topic.name, record.key, encode(value) if value is not None else None, headers)


def _rejection(worker: Worker, record: Record, errors: Sequence[FieldError]) -> Message:
    code = errors[0].code
    log.warning("event rejected", worker=worker.name, record=record.identity, code=code, field=errors[0].field)
    telemetry.EVENTS.labels(worker.name, "rejected").inc()
    telemetry.REJECTIONS.labels(worker.name, code).inc()
    rejection = Rejection(
        key=record.key.decode("utf-8", "replace") if record.key is not None else None,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        event_id=header(record.headers, "ce_id"),
        code=code,
        errors=tuple(errors),
    )
    return _message(worker, record, REJECTIONS, rejection)


def _failure(worker: Worker, record: Record, error: Exception) -> list[Message]:
    # The type alone goes to the log: an exception's text may quote the event. The dead letter, which holds the event
    # anyway, gets everything.
    log.error("event dead-lettered", worker=worker.name, record=record.identity, error=type(error).__name__)
    telemetry.DEAD_LETTERS.labels(worker.name, type(error).__name__).inc()
    details = (
        f"{type(error).__module__}.{type(error).__qualname__}",
        "".join(traceback.format_exception(error)),
        str(error),
        record.topic,
        str(record.partition),
        str(record.offset),
    )
    headers = record.headers + tuple(
        (name, value.encode("utf-8", "replace")) for name, value in zip(DEAD_LETTER_HEADERS, details, strict=True)
    )
    dead_letter = Message(DEAD_LETTERS.name, record.key, record.value, headers)
    notice = FieldError(code="processing_failed", field="$value", message="processing failed; kept as a dead letter")
    return [_rejection(worker, record, [notice]), dead_letter]
