"""JSON Lines in and out of the CLI: the same validation that a record from Kafka meets, with line numbers."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel

from topics.catalogue import OUTCOMES, Topic
from topics.rejections import FieldError
from topics.validation import InvalidEventError, parse


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: an event, or what is wrong with it."""

    number: int
    key: str | None
    event: BaseModel | None
    errors: tuple[FieldError, ...] = ()


@contextmanager
def open_lines(path: Path) -> Iterator[TextIO]:
    """Opens a `.jsonl` or `.jsonl.gz` file; undecodable bytes come through as surrogates, to be rejected by line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="surrogateescape") as lines:
        yield lines


def read_events(path: Path, topic: Topic, rename: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Each non-empty line by `topic`'s contract.

    Args:
        path: JSON Lines, plain or gzip.
        topic: an input topic.
        rename: keys of the file to the contract's keys, for files made elsewhere.
    """
    with open_lines(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _read(number, line, topic, rename or {})


def _read(number: int, line: str, topic: Topic, rename: Mapping[str, str]) -> Line:
    value = line.encode("utf-8", "surrogateescape")
    key: str | None = None
    try:
        row: Any = json.loads(line)
        if isinstance(row, dict):
            if rename:
                row = {rename.get(name, name): content for name, content in row.items()}
                value = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogateescape")
            key = _key(topic, row)
    except (ValueError, RecursionError):
        pass  # parse below names what is wrong
    try:
        # A line has no record key; its id stands for it, and a missing id is then reported as such.
        return Line(number, key, parse(topic, (key or "").encode("utf-8", "replace"), value))
    except InvalidEventError as error:
        return Line(number, key, None, error.errors)


def _key(topic: Topic, row: dict[str, Any]) -> str | None:
    names = ("posting_id", "cv_id") if topic is OUTCOMES else ("id",)
    parts = [row.get(name) for name in names]
    return ":".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None


def parse_rename(options: list[str]) -> dict[str, str]:
    """`["text=body"]` to `{"text": "body"}`.

    Raises:
        ValueError: an option without `=`.
    """
    pairs = [option.partition("=") for option in options]
    if bad := [name for name, equals, _ in pairs if not equals]:
        raise ValueError(f"expected FROM=TO, got {bad[0]!r}")
    return {name: target for name, _, target in pairs}
