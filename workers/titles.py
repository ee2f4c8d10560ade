"""Seniority and department of titles without Kafka: files in, files out, through the same Triton."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from models.repository import model_dir
from models.titles.student import TitleStudent
from topics.titles import TitleFeatures
from workers import served
from workers.files import open_lines
from workers.inference import Infer
from workers.settings import Settings
from workers.terminal import console, embedded, load_settings, run

BATCH = 512
COLUMNS = ("title", "seniority", "seniority_confidence", "department", "department_confidence")
_KEYS = ("title", "text")


@dataclass(frozen=True, slots=True)
class TitleReader:
    """The student and its served model."""

    infer: Infer
    student: TitleStudent

    async def read(self, titles: Sequence[str]) -> list[TitleFeatures]:
        """Features of each title, in order; equal ones are inferred once.

        Raises:
            RetryableError: Triton failed.
        """
        distinct = list(dict.fromkeys(titles))
        # Tokenising is Rust and Python at full speed: off the event loop.
        sequences = await asyncio.to_thread(self.student.tokenize, distinct)
        inferred = await self.infer(sequences)
        features = dict(zip(distinct, self.student.decode(inferred.outputs), strict=True))
        return [features[title] for title in titles]


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[TitleReader]:
    """The reader, its parts checked to belong together.

    Raises:
        RetryableError: Triton or the model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """
    student = TitleStudent.load(model_dir(TitleStudent.name))
    async with served.connect(settings, student) as infer:
        yield TitleReader(infer, student)


def read_file(path: Path) -> list[str]:
    """Titles of a file, a blank one where a row has none.

    Args:
        path: `.txt` (a title a line), `.csv` (column `title` or `text`) or `.jsonl` (key `title` or `text`); each may
            be followed by `.gz`.

    Raises:
        ValueError: another ending, no such column or key, or a line that is no JSON object.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind not in _READERS:
        raise ValueError(f"{path.name}: expected a file named .txt, .csv or .jsonl")
    with open_lines(path) as lines:
        return list(_READERS[kind](lines))


def _csv(lines: Any) -> Iterator[str]:
    rows = csv.DictReader(lines)
    name = next((key for key in _KEYS if key in (rows.fieldnames or ())), None)
    if name is None:
        raise ValueError("the CSV has neither a column `title` nor one `text`")
    for row in rows:
        yield row[name] or ""


def _jsonl(lines: Any) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        value = next((row[key] for key in _KEYS if key in row), None) if isinstance(row, dict) else None
        if not isinstance(value, str):
            raise ValueError(f"line {number} is no JSON object with a text `title` or `text`")
        yield value


_READERS: dict[str, Callable[[Any], Iterator[str]]] = {
    ".txt": lambda lines: (line.rstrip("\r\n") for line in lines),
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def write_file(path: Path, titles: Sequence[str], features: Sequence[TitleFeatures]) -> None:
    """One row for each title, in order: CSV where the name ends so, else JSON lines."""
    rows = [dict(zip(COLUMNS, _row(title, own), strict=True)) for title, own in zip(titles, features, strict=True)]
    # What was undecodable in the input (surrogates) can't be written as UTF-8.
    with path.open("w", encoding="utf-8", errors="replace", newline="") as out:
        if path.suffix == ".csv":
            writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        else:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _row(title: str, own: TitleFeatures) -> tuple[str | float, ...]:
    return (
        title, own.seniority.value, own.seniority.confidence, own.department.value, own.department.confidence,
    )  # fmt: skip


def titles(
    source: Annotated[Path, typer.Option("--in", help="Titles: .txt, .csv or .jsonl, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="Rows in the same order, .jsonl or .csv.")],
) -> None:
    """Seniority and department of job titles, through Triton (embedded where TRITON_URL is unset)."""
    settings = load_settings(log_level="error")

    async def work() -> int:
        read = read_file(source)
        found: list[TitleFeatures] = []
        async with embedded(settings, "triton") as complete, connect(complete) as reader:
            for start in range(0, len(read), BATCH):
                found += await reader.read(read[start : start + BATCH])
        write_file(target, read, found)
        return len(read)

    console.print(f"read {run(work())} titles")
