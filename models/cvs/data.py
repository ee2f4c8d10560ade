"""CVs and teacher labels to training examples.

Formats (JSON lines, plain or gzip): CVs have `cv_id` (or `id`) and `text`; labels have the annotation guide's keys.
The guide shows a CV's first 3,500 characters to its annotators, so examples are cut there.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from models.cvs.dates import Range, ranges
from models.cvs.labels import CHOICES, OUTSIDE, first
from models.cvs.preparing import Unit
from models.cvs.sections import Line, lines
from models.cvs.sectors import SECTORS, sector
from models.datasets import IGNORE, draw, near_duplicates, read_lines
from models.text.cleaning import clean

Label = dict[str, Any]
Part = Literal["train", "calibration", "test"]
SHOWN_CHARS = 3_500
_TEST_SHARE, _CALIBRATION_SHARE = 0.135, 0.11
# Where spans of two kinds share a word, the earlier of these has it.
_PRECEDENCE = ("title", "dates", "field", "education", "certificate", "company", "language", "skill")
# Least number of signs that an occurrence of a title is the heading of a job and not a word in a sentence.
_HEADS_A_JOB = 3
_SHORT_LINE = 90
_NEAR_LINES = 2


class Mark(NamedTuple):
    """A labelled half-open span of the text."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled CV, cleaned and cut.

    Attributes:
        marks: where the label's spans stand, in order, disjoint but for fields within education.
        sectors: of the closed list.
        written: composed for this project, not a real CV.
    """

    cv_id: str
    text: str
    label: Label
    marks: tuple[Mark, ...]
    sectors: frozenset[str]
    written: bool = False


def load(cvs: Path, labels: Sequence[Path], reserved: Path | None) -> list[Example]:
    """Examples of all labelled CVs, by id.

    Raises:
        ValueError: a label is of a reserved CV or of one that the CV file lacks, or a CV has two.
    """
    texts = {_id(row): row["text"] for row in read_lines(cvs)}
    refused = set(reserved.read_text("utf-8").split()) if reserved else set()
    examples: dict[str, Example] = {}
    for file in labels:
        for label in read_lines(file):
            own = _id(label)
            if own in refused:
                raise ValueError(f"{own} is reserved for tests and must not be trained on")
            if own not in texts:
                raise ValueError(f"{own} is labelled but not among the CVs")
            if own in examples:
                raise ValueError(f"{own} is labelled twice")
            examples[own] = example(own, texts[own], label)
    return [examples[own] for own in sorted(examples)]


def _id(row: dict[str, Any]) -> str:
    return str(row["cv_id"] if "cv_id" in row else row["id"])


def example(cv_id: str, raw: str, label: Label) -> Example:
    """Finds a label's spans in the text."""
    text = clean(raw[:SHOWN_CHARS]).text
    named = (sector(name) for name in label["sectors"])
    return Example(cv_id, text, label, tuple(_marks(text, label)), frozenset(name for name in named if name))


def occurrences(text: str, span: str) -> list[tuple[int, int]]:
    """Where a span stands in the text, white space folded, not within a word."""
    words = span.split()
    if not words:
        return []
    left = r"(?<!\w)" if words[0][0].isalnum() else ""
    right = r"(?!\w)" if words[-1][-1].isalnum() else ""
    pattern = left + r"\s+".join(re.escape(word) for word in words) + right
    return [match.span() for match in re.finditer(pattern, text)]


def _marks(text: str, label: Label) -> list[Mark]:
    rows = lines(text)
    stretches = ranges(text)
    found = [Mark(*span, "title") for span in _titles(text, rows, stretches, label)]
    found += [Mark(r.start, r.end, "dates") for r in stretches if _of_a_job(r, rows, found)]
    for degree in label["education"]:
        places = occurrences(text, degree["span"])
        at_home = [p for p in places if _line(rows, p[0]).kind == "education"]
        for start, end in (at_home or places)[:1]:
            found.append(Mark(start, end, "education"))
            field = re.search(re.escape(degree["field"]), text[start:end], re.IGNORECASE) if degree["field"] else None
            if field:
                found.append(Mark(start + field.start(), start + field.end(), "field"))
    found += [Mark(*p, "certificate") for name in label["certificates"] for p in occurrences(text, name)]
    found += [Mark(*p, "company") for name in label["companies"] for p in occurrences(text, name)]
    found += [Mark(*p, "language") for one in label["languages"] for p in occurrences(text, one["span"])]
    found += [Mark(*p, "skill") for name in label["skills"] for p in occurrences(text, name)]
    return disjoint(found)


def disjoint(marks: Iterable[Mark]) -> list[Mark]:
    """Drops what overlaps a mark of higher precedence or an earlier, longer one; fields may lie in education."""
    kept: list[Mark] = []
    for mark in sorted(set(marks), key=lambda m: (_PRECEDENCE.index(m.entity), m.start, -m.end)):
        rivals = [m for m in kept if m.start < mark.end and mark.start < m.end]
        if all(m.entity == "field" and mark.entity == "education" for m in rivals):
            kept.append(mark)
    return sorted(kept)


def _titles(text: str, rows: Sequence[Line], stretches: Sequence[Range], label: Label) -> list[tuple[int, int]]:
    found = []
    for title in dict.fromkeys(t for t in [label["current_title"], *label["past_titles"]] if t):
        signs = {place: _signs(text, rows, stretches, place) for place in occurrences(text, title)}
        best = max(signs.values(), default=0)
        found += [place for place, value in signs.items() if value >= min(best, _HEADS_A_JOB)]
    return found


def _signs(text: str, rows: Sequence[Line], stretches: Sequence[Range], place: tuple[int, int]) -> int:
    """How many signs there are that a title heads a job here."""
    index = _index(rows, place[0])
    row = rows[index]
    first_row, last_row = rows[max(0, index - 1)], rows[min(len(rows) - 1, index + 1)]
    same = any(row.start <= r.start < row.end for r in stretches)
    near = any(first_row.start <= r.start < last_row.end for r in stretches)
    return (
        2 * (row.kind == "experience")
        + same
        + near
        + (row.end - row.start <= _SHORT_LINE)
        + (place[0] - row.start <= 2)
        # The headline of the whole CV.
        + 3 * (index == 0 and place[1] - place[0] >= row.end - row.start - 2)
        - 2 * (row.kind == "education")
    )


def _of_a_job(stretch: Range, rows: Sequence[Line], marks: Sequence[Mark]) -> bool:
    index = _index(rows, stretch.start)
    distance = min((abs(index - _index(rows, m.start)) for m in marks if m.entity == "title"), default=99)
    if rows[index].kind == "education":
        return False
    return distance <= _NEAR_LINES if stretch.single else distance <= _NEAR_LINES or rows[index].kind == "experience"


def _index(rows: Sequence[Line], position: int) -> int:
    return max(i for i, row in enumerate(rows) if row.start <= position or i == 0)


def _line(rows: Sequence[Line], position: int) -> Line:
    return rows[_index(rows, position)]


def token_tags(unit: Unit, item: Example) -> list[int]:
    """Tag index of each token of a unit, `IGNORE` for special, break and context tokens."""
    tags = []
    previous: Mark | None = None
    for start, end in unit.token_spans:
        if start == end:
            tags.append(IGNORE)
            continue
        over = [m for m in item.marks if m.start < end and start < m.end]
        mark = min(over, key=lambda m: m.entity != "field") if over else None
        if mark is None:
            tags.append(OUTSIDE)
        else:
            tags.append(first(mark.entity) + (mark == previous))
        previous = mark
    return tags


def window_choices(label: Label) -> dict[str, int]:
    """Class index of each choice."""
    return {name: classes.index(label[name]) for name, classes in CHOICES.items()}


def sector_targets(item: Example) -> list[float]:
    """Of each sector 1 or 0."""
    return [float(name in item.sectors) for name in SECTORS]


def split(examples: Sequence[Example]) -> dict[Part, list[Example]]:
    """Splits by a hash of the id; near-duplicates stay together."""
    groups = near_duplicates([item.text for item in examples])
    members: dict[int, list[Example]] = {}
    for item, group in zip(examples, groups, strict=True):
        members.setdefault(group, []).append(item)
    parts: dict[Part, list[Example]] = {"train": [], "calibration": [], "test": []}
    for alike in members.values():
        lowest = min(draw(item.cv_id) for item in alike)
        part: Part = (
            "test" if lowest < _TEST_SHARE else "calibration" if lowest < _TEST_SHARE + _CALIBRATION_SHARE else "train"
        )
        parts[part] += alike
    return parts
