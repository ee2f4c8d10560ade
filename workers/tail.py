"""Reads a topic as a downstream consumer should: committed records only."""

import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from topics.catalogue import POSTING_FEATURES
from topics.envelope import header
from topics.postings import PostingExtraction
from workers import kafka
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Received:
    """One committed record; `value` is None for a tombstone and bytes where it is not JSON."""

    partition: int
    offset: int
    key: str | None
    event_type: str | None
    value: Any


async def read(
    settings: Settings, topic: str, *, from_beginning: bool, follow: bool = True
) -> AsyncGenerator[Received, None]:
    """Committed records of `topic`.

    Args:
        topic: its name.
        from_beginning: else only what comes from now on.
        follow: else ends at the end of the topic as it was when reading began.
    """
    consumer = kafka.committed_reader(settings, topic, offset_reset="earliest" if from_beginning else "latest")
    await consumer.start()
    try:
        if not from_beginning:
            await consumer.seek_to_end()
        # Under read_committed this is the last stable offset; position passes the transaction markers on the way.
        ends = await consumer.end_offsets(consumer.assignment())
        while follow or await kafka.is_behind(consumer, ends):
            fetched = await consumer.getmany(timeout_ms=200)
            for partition, records in fetched.items():
                for record in records:
                    yield Received(
                        partition.partition,
                        record.offset,
                        record.key.decode("utf-8", "replace") if record.key is not None else None,
                        header(record.headers, "ce_type"),
                        _decode(record.value),
                    )
    finally:
        await consumer.stop()


async def first_of_each(settings: Settings, topic: str, keys: Iterable[str | None]) -> list[Received]:
    """Waits until each key has a committed record in the topic; the first of each, by key."""
    found: dict[str | None, Received] = {}
    waiting = set(keys)
    async with aclosing(read(settings, topic, from_beginning=True)) as records:
        async for record in records:
            if record.key in waiting:
                found.setdefault(record.key, record)
            if len(found) == len(waiting):
                break
    return sorted(found.values(), key=lambda record: record.key or "")


def _decode(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return json.loads(value)
    except ValueError:
        return value


def as_json(record: Received) -> str:
    """One line with the key, position and value; bytes that are not JSON appear as text."""
    value = record.value.decode("utf-8", "replace") if isinstance(record.value, bytes) else record.value
    return json.dumps(
        {"key": record.key, "partition": record.partition, "offset": record.offset, "value": value}, ensure_ascii=False
    )


def show(record: Received, console: Console) -> None:
    """One record for a person: a line that says what it is, then what it holds, stated fields only."""
    title = Text.assemble(
        (f"{record.partition}:{record.offset} ", "dim"),
        (record.key or "(no key)", "bold"),
        f"  {record.event_type or ''}",
    )
    console.print(title)
    if record.value is None:
        console.print(Text("  deleted", style="red"))
    elif isinstance(record.value, bytes):
        console.print(Text(f"  {len(record.value)} bytes", style="dim"))
    elif record.event_type == POSTING_FEATURES.event_type:
        for name, feature in stated(record.value):
            mark = " review" if feature.get("review") else ""
            console.print(Text(f"  {name:24} {feature['value']!s:28} {feature['confidence']:.2f}{mark}"))
        if skills := [skill["value"] for skill in record.value["skills"]]:
            console.print(Text(f"  {'skills':24} {', '.join(skills)}"))
    else:
        console.print_json(data=record.value)


def stated(features: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The fields on which the posting says something, in the contract's order; skills, a list, are left out."""
    silent = (None, "not_stated", "no")
    return [
        (name, features[name])
        for name in PostingExtraction.model_fields
        if name != "skills" and features[name]["value"] not in silent
    ]
