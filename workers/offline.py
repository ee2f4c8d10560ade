"""Features without Kafka: a worker's own extraction through the same Triton, for back-fills and evaluation."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from workers.files import Line

BATCH = 32

Extract = Callable[[Sequence[Any]], Awaitable[Sequence[BaseModel]]]


async def extract_lines(lines: Iterable[Line], extract: Extract) -> AsyncIterator[tuple[Line, BaseModel | None]]:
    """Each line, in order, with its features; None for a line whose event is not valid.

    Args:
        extract: a worker's, from events to as many features.

    Raises:
        RetryableError: Triton failed; the lines yielded so far are good.
    """
    for batch in _batches(lines):
        events = [line.event for line in batch if line.event is not None]
        features = iter(await extract(events) if events else [])
        for line in batch:
            yield line, next(features) if line.event is not None else None


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
