"""Queries written for training, in a short markup; and what is known of each example, whatever its source.

A line of `written.txt`: language, intent (`c`riteria, `s`elf_reference, `m`ixed, `n`avigational, `o`ut_of_scope), the
profile's fields that the query needs (`t`itle, s`k`ills, `l`ocation, `s`eniority, or `-`), then the query, spans as
`[type words]` or, where excluded, `[-type words]`:

    fr c - [title infirmière|nurse] [location Lyon] sans [-schedule nuits|nights]

Behind `|` stands the value, where it is another than the words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.datasets import text_lines
from models.queries.labels import FIELDS, INTENTS, TYPES

FILE = Path(__file__).with_name("written.txt")
# Never trained on: what calibration is fitted to, beside labelled queries.
HELD_OUT = Path(__file__).with_name("held_out.txt")
_LETTERS = dict(zip("tkls", FIELDS, strict=True))
_INTENTS = {intent[0]: intent for intent in INTENTS}
_SPAN = re.compile(r"\[(?P<negated>-?)(?P<type>[a-z_]+) (?P<words>[^\]|]+)(?:\|(?P<value>[^\]|]+))?\]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled span, half-open."""

    type: str
    start: int
    end: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A query with its targets.

    Attributes:
        needs: of each profile field whether the query needs it; None where that is not known.
        facets: the (type, value) pairs offered; None where nobody was asked.
        weight: what it counts beside a labelled query.
        tagged: whether its spans are known.
    """

    text: str
    marks: tuple[Mark, ...]
    intent: str
    language: str
    needs: tuple[bool | None, ...]
    facets: frozenset[tuple[str, str]] | None = None
    weight: float = 1.0
    tagged: bool = True


def marked(markup: str) -> tuple[str, tuple[Mark, ...]]:
    """Text and spans of a query in the markup.

    Raises:
        ValueError: an unknown type, or a bracket that is none of the markup.
    """
    text, marks, at = "", [], 0
    for match in _SPAN.finditer(markup):
        text += markup[at : match.start()]
        if match["type"] not in TYPES:
            raise ValueError(f"no criterion is called {match['type']!r}: {markup}")
        marks.append(Mark(match["type"], len(text), len(text) + len(match["words"]), bool(match["negated"])))
        text += match["words"]
        at = match.end()
    text += markup[at:]
    if "[" in text or "]" in text:
        raise ValueError(f"a bracket without type: {markup}")
    return text, tuple(marks)


def parse(line: str) -> Example:
    """One line of the file.

    Raises:
        ValueError: not as described above.
    """
    language, intent, needs, markup = line.split(" ", 3)
    if intent not in _INTENTS or not set(needs) <= {*_LETTERS, "-"}:
        raise ValueError(f"not a written query: {line}")
    text, marks = marked(markup)
    needed = tuple(letter in needs for letter in _LETTERS)
    return Example(text, marks, _INTENTS[intent], language, needed)


def read(path: Path = FILE) -> Iterator[Example]:
    """All queries of the file; blank lines and those that begin with `#` are passed over."""
    return map(parse, text_lines(path))


def values(path: Path = FILE) -> Iterator[tuple[str, str, str]]:
    """Type, words and value of all spans."""
    for line in text_lines(path):
        for match in _SPAN.finditer(line):
            yield match["type"], match["words"], match["value"] or match["words"]
