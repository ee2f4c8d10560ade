"""The shipped student in this process: what it reads in labelled queries; serving goes through Triton."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from models.assets import WEIGHTS
from models.queries.student import Outputs, Prepared, QueryStudent
from models.running import run, session
from topics.queries import Profile, Query, QueryReading

# Ages of the labels' profiles are counted to the day on which they were written.
LABELLED_ON = datetime(2026, 11, 26, tzinfo=UTC).date()


def query(row: Mapping[str, Any], asked_on: date = LABELLED_ON) -> Query:
    """A labelled row as an event."""
    profile = Profile.model_validate(row["profile"], strict=False) if row["profile"] else None
    return Query(id=str(row["id"]), text=row["query"], profile=profile, asked_on=asked_on)


def outputs(student: QueryStudent, prepared: Sequence[Prepared], directory: Path) -> list[Outputs]:
    """The model's outputs of each query."""
    return list(run(session(directory / WEIGHTS), [one.token_ids for one in prepared]))


def read(rows: Sequence[Mapping[str, Any]], directory: Path) -> list[QueryReading]:
    """What a model folder reads in each row."""
    student = QueryStudent.load(directory)
    prepared = [student.prepare(query(row)) for row in rows]
    return [student.decode(*both) for both in zip(prepared, outputs(student, prepared, directory), strict=True)]
