"""What becomes of a bad input: a typed rejection for its producer, a dead letter for on-call."""

from typing import Literal

from pydantic import Field

from topics.fields import Model

RejectionCode = Literal[
    "invalid_encoding",
    "invalid_json",
    "too_deep",
    "too_large",
    "missing",
    "invalid",
    "key_mismatch",
    "unsupported_version",
    "processing_failed",
]


class FieldError(Model):
    """What is wrong with one field. Never repeats the field's value, which may be personal data."""

    code: RejectionCode
    field: str = Field(
        description="Dotted path in the event, a header's name, or `$key`/`$value` for the record's own."
    )
    message: str


class Rejection(Model):
    """Tells a producer which of its events was refused and why. Keyed by the input's own key."""

    key: str | None = Field(description="The input's key; bytes that are not UTF-8 appear as U+FFFD.")
    topic: str
    partition: int
    offset: int
    event_id: str | None = Field(description="`ce_id` of the input where it had one.")
    code: RejectionCode = Field(description="The first error's code.")
    errors: tuple[FieldError, ...] = Field(min_length=1)


# Header names of KIP-1034 (dead letter queue in Kafka Streams), so that tools made for it read ours.
DEAD_LETTER_HEADERS = (
    "__streams.errors.exception",
    "__streams.errors.stacktrace",
    "__streams.errors.message",
    "__streams.errors.topic",
    "__streams.errors.partition",
    "__streams.errors.offset",
)
