"""Titles to learn from and to test on: labelled lists, the teacher's labels, plain titles."""

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from models.titles.cleaning import clean, key
from models.titles.labels import HEADS

Part = Literal["train", "calibration", "test"]
_TEST_SHARE, _CALIBRATION_SHARE = 0.30, 0.15
REAL = "positions"


@dataclass(frozen=True, slots=True)
class Title:
    """A cleaned title with what is known of it.

    Attributes:
        classes: of each head that is known, the class.
        second: of a head, the class that is right as well by another convention.
        real: of a CV or profile: what is calibrated and tested on.
    """

    text: str
    classes: dict[str, str]
    second: dict[str, str]
    real: bool


def read_list(path: Path, head: str) -> list[Title]:
    """A CSV list with the columns `text` and `label`, the labels of one head."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [
            Title(clean(row["text"]), {head: _checked(head, row["label"])}, {}, False) for row in csv.DictReader(lines)
        ]
    return [row for row in rows if row.text]


def read_labels(path: Path) -> list[Title]:
    """The teacher's labels, JSON lines: `title`, `origin`, `seniority`, `department`, and maybe both with `_alt`.

    A null class is not known. Titles whose `origin` is `positions` are real ones, the others only train.
    """
    titles = []
    for row in _rows(path):
        classes = {head: _checked(head, row[head]) for head in HEADS if row[head] is not None}
        second = {head: _checked(head, row[f"{head}_alt"]) for head in HEADS if row.get(f"{head}_alt") is not None}
        text = clean(row["title"])
        if text and classes:
            titles.append(Title(text, classes, second, row["origin"] == REAL))
    return titles


def read_plain(path: Path) -> list[str]:
    """Titles without labels: `.txt`, one a line, or JSON lines (or `.gz` of them) with the key `title`."""
    if path.suffix == ".txt":
        found = path.read_text("utf-8").splitlines()
    else:
        found = [row.get("title") or "" for row in _rows(path)]
    return unique(clean(title) for title in found)


def read_occupations(path: Path) -> list[str]:
    """All names in a file of ESCO occupations (`.csv.gz`): `preferredLabel`, `altLabels`."""
    csv.field_size_limit(2**24)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = (
        name for row in rows for text in (row["preferredLabel"], row["altLabels"] or "") for name in text.split("\n")
    )
    # Masculine and feminine in one label, "Kaufmann/Kauffrau": each stands for itself.
    return unique(clean(part) for name in names for part in name.split("/"))


def unique(titles: Iterable[str]) -> list[str]:
    """Without blanks and duplicates, in the same order."""
    return list(dict.fromkeys(title for title in titles if title))


def split(titles: Sequence[Title]) -> dict[Part, list[Title]]:
    """Splits by a hash of the key, so that near-duplicates stay together; titles that are not real only train.

    They do not train either where a real one of calibration or test is like them.
    """
    parts: dict[Part, list[Title]] = {"train": [], "calibration": [], "test": []}
    for title in titles:
        if title.real:
            parts[part_of(title.text)].append(title)
    others = [title for title in titles if not title.real]
    parts["train"] += unlike(others, [*parts["calibration"], *parts["test"]])
    return parts


def unlike(titles: Sequence[Title], evaluated: Sequence[Title]) -> list[Title]:
    """Those whose key is none of the evaluated ones'."""
    keys = {key(title.text) for title in evaluated}
    return [title for title in titles if key(title.text) not in keys]


def part_of(title: str) -> Part:
    """The same for all titles of one key."""
    draw = int(sha256(key(title).encode()).hexdigest()[:8], 16) / 2**32
    if draw < _TEST_SHARE:
        return "test"
    return "calibration" if draw < _TEST_SHARE + _CALIBRATION_SHARE else "train"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _checked(head: str, value: str) -> str:
    if value not in HEADS[head]:
        raise ValueError(f"{value!r} is no {head}")
    return value
