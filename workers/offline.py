"""Features without Kafka: the worker's own extraction through the same Triton, for back-fills and evaluation."""

from collections.abc import AsyncIterator, Iterable, Iterator

from models.postings.student import Student
from topics.postings import Posting, PostingFeatures
from workers.files import Line
from workers.inference import Infer
from workers.postings import extract

BATCH = 32


async def extract_lines(
    lines: Iterable[Line], infer: Infer, student: Student
) -> AsyncIterator[tuple[Line, PostingFeatures | None]]:
    """Each line, in order, with its features; None for a line whose event is not valid.

    Raises:
        RetryableError: Triton failed; the lines yielded so far are good.
    """
    for batch in _batches(lines):
        postings = [line.event for line in batch if isinstance(line.event, Posting)]
        features = iter(await extract(postings, infer, student) if postings else [])
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
