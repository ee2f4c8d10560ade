"""Reads an input record by its topic's contract, or says what is wrong with it.

Producers may call :func:`parse` before they publish; workers call it on what arrives.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ValidationError

from topics.catalogue import Topic
from topics.envelope import CONTENT_TYPE, header
from topics.rejections import FieldError, RejectionCode

MAX_VALUE_BYTES = 1024 * 1024
MAX_ERRORS = 10


class InvalidEventError(ValueError):
    """An event that breaks its contract.

    Attributes:
        errors: at least one, at most :data:`MAX_ERRORS`, in the order of the event's fields.
    """

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


def _invalid(code: RejectionCode, field: str, message: str) -> InvalidEventError:
    return InvalidEventError(FieldError(code=code, field=field, message=message))


def _check_headers(topic: Topic, headers: Iterable[tuple[str, bytes]]) -> None:
    # Headers are optional, so that any producer can start with plain JSON; present ones must be ours.
    headers = tuple(headers)
    if not headers:
        return
    expected = {"ce_specversion": "1.0", "ce_type": topic.event_type}
    for name, supported in expected.items():
        value = header(headers, name)
        if value is not None and value != supported:
            raise _invalid("unsupported_version", name, f"{name} must be {supported} on {topic.name}")
    content_type = header(headers, "content-type")
    if content_type is not None and content_type.split(";")[0].strip().lower() != CONTENT_TYPE:
        raise _invalid("invalid", "content-type", f"content-type must be {CONTENT_TYPE}")


def _code(kind: str, message: str) -> RejectionCode:
    if kind == "json_invalid":
        return "too_deep" if "recursion limit" in message else "invalid_json"
    if kind == "missing":
        return "missing"
    if kind in {"string_too_long", "too_long", "bytes_too_long"}:
        return "too_large"
    return "invalid"


def parse(topic: Topic, key: bytes | None, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> BaseModel:
    """The event in `value`.

    Args:
        topic: an `in` topic; its model must have an `id`.
        key: the record's key, which must be the event's id in UTF-8.
        value: the record's value, not null (null is a tombstone, not an event).
        headers: the record's headers.

    Raises:
        InvalidEventError: naming each field that is wrong and how.
    """
    if topic.model is None:
        raise TypeError(f"{topic.name} carries opaque bytes")
    if key is None:
        raise _invalid("missing", "$key", "the record has no key; it must be the event's id")
    try:
        text_key = key.decode()
    except UnicodeDecodeError:
        raise _invalid("invalid_encoding", "$key", "the record key is not UTF-8") from None
    _check_headers(topic, headers)
    if len(value) > MAX_VALUE_BYTES:
        raise _invalid("too_large", "$value", f"the event has {len(value)} bytes, at most {MAX_VALUE_BYTES} are read")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise _invalid("invalid_encoding", "$value", f"not UTF-8 at byte {error.start}") from None
    try:
        event = topic.model.model_validate_json(value)
    except ValidationError as error:
        raise InvalidEventError(
            *(
                FieldError(
                    code=_code(e["type"], e["msg"]),
                    field=".".join(str(part) for part in e["loc"]) or "$value",
                    message=e["msg"],
                )
                for e in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
            )
        ) from None
    if text_key != event.id:  # type: ignore[attr-defined]
        raise _invalid("key_mismatch", "id", "the record key must be the event's id")
    return event
