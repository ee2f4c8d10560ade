"""The envelope around each value: CloudEvents 1.0 in Kafka binary mode, W3C trace context, deterministic ids.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2 (binary content mode).
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import BaseModel

from topics.catalogue import Topic

Headers = tuple[tuple[str, bytes], ...]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:talentstream:events")
_NAMESPACE_BYTES = _NAMESPACE.bytes
_TRACE_HEADERS = ("traceparent", "tracestate")
CONTENT_TYPE = "application/json"
# CloudEvents extensions on inputs that our own commands publish: the original record (`topic/partition/offset`) that a
# replay repeats, and a tombstone that erases the key from the worker's memory as well.
REPLAY_OF = "ce_replayof"
ERASURE = "ce_erasure"


def header(headers: Iterable[tuple[str, bytes]], name: str) -> str | None:
    """The first header of that name, or None. Bytes that are not UTF-8 come back with U+FFFD."""
    for key, value in headers:
        if key == name:
            return value.decode("utf-8", "replace") if value is not None else None
    return None


def input_headers(topic: Topic, *, event_id: str, source: str) -> Headers:
    """Headers for an event that a producer publishes."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": topic.event_type or "",
        "content-type": CONTENT_TYPE,
    }
    return tuple((name, value.encode()) for name, value in attributes.items())


def output_headers(
    topic: Topic,
    *,
    worker: str,
    subject: str | None,
    cause: str,
    number: int = 0,
    time_ms: int,
    inherited: Iterable[tuple[str, bytes]] = (),
) -> Headers:
    """Headers for what a worker publishes.

    Args:
        topic: the output topic.
        worker: name of the publishing worker, for `ce_source`.
        subject: the record key, for `ce_subject`.
        cause: identity of the input (`topic/partition/offset`); with the output topic it determines `ce_id`, so a
            replay of the same input repeats the id and consumers can drop what they have seen.
        number: of this output among those of the same cause in the same topic, from 0.
        time_ms: the input's timestamp in milliseconds; outputs never carry the wall clock.
        inherited: the input's headers, of which the trace context is carried on.
    """
    headers = [
        *_constant_headers(topic, worker),
        ("ce_id", output_id(topic.name, cause, number)),
        ("ce_time", _time(time_ms)),
    ]
    if subject is not None:
        headers.append(("ce_subject", subject.encode("utf-8", "replace")))
    if inherited:
        headers += [(name, value) for name, value in inherited if name in _TRACE_HEADERS]
    return tuple(headers)


def output_id(topic: str, cause: str, number: int = 0) -> bytes:
    """`ce_id` of what :func:`output_headers` describes, `topic` being the name."""
    return _event_id(f"{cause}>{topic}#{number}" if number else f"{cause}>{topic}")


@lru_cache
def _constant_headers(topic: Topic, worker: str) -> Headers:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", f"/talentstream/{worker}".encode()),
        ("ce_type", (topic.event_type or "").encode()),
        ("content-type", CONTENT_TYPE.encode()),
    )


def _event_id(name: str) -> bytes:
    """`uuid.uuid5` of the name, in a third of its time (a worker makes one for each output)."""
    digest = hashlib.sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest()
    text = digest[:16].hex()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{digest[8] & 0x3F | 0x80:02x}{text[18:20]}-{text[20:]}".encode()


def _time(time_ms: int) -> bytes:
    """RFC 3339 in UTC, to the millisecond."""
    second, fraction = divmod(time_ms, 1000)
    return f"{_second(second)}.{fraction:03d}Z".encode()


@lru_cache
def _second(second: int) -> str:
    # Records come in the order of their time: most share the second of the one before.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def encode(value: BaseModel) -> bytes:
    """Plain JSON, keys in the model's order: equal models give equal bytes."""
    return value.model_dump_json().encode()
