"""Variants of examples: other names in the same sentence, and the ways in which people type."""

import random
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.queries.written import Example, Mark

Names = Mapping[tuple[str, str], Sequence[str]]
# How often a span's words are replaced; the other types' words belong to their sentences.
_REPLACED = {"title": 0.35, "location": 0.5, "company": 0.6, "skill": 0.35, "industry": 0.35, "benefit": 0.15}
_REPLACED |= {"schedule": 0.15, "salary": 0.3, "employment_type": 0.2, "seniority": 0.15, "education": 0.15}
_REPLACED |= {"work_arrangement": 0.2, "experience_years": 0.3, "date_posted": 0.3}
_LOWER, _UPPER, _TITLE = 0.3, 0.33, 0.36
_ACCENTS, _MARKS, _TYPO = 0.3, 0.12, 0.25


def variant(example: Example, names: Names, draw: random.Random) -> Example:
    """A random variant of the example; spans move with the text."""
    pieces = [
        (_other(mark, text, example.language, names, draw) if mark else text, mark)
        for text, mark in _pieces(example.text, example.marks)
    ]
    draws = (draw.random(), draw.random(), draw.random(), draw.random())
    return _joined(example, [(_typed(text, draws, draw), mark) for text, mark in pieces])


def _pieces(text: str, marks: Sequence[Mark]) -> list[tuple[str, Mark | None]]:
    pieces: list[tuple[str, Mark | None]] = []
    at = 0
    for mark in sorted(marks, key=lambda mark: mark.start):
        pieces += [(text[at : mark.start], None), (text[mark.start : mark.end], mark)]
        at = mark.end
    return [*pieces, (text[at:], None)]


def _joined(example: Example, pieces: Sequence[tuple[str, Mark | None]]) -> Example:
    text = ""
    marks = []
    for piece, mark in pieces:
        if mark and piece.strip():
            inner = piece.strip()
            start = len(text) + piece.index(inner)
            marks.append(replace(mark, start=start, end=start + len(inner)))
        text += piece
    return replace(example, text=text, marks=tuple(marks))


def _other(mark: Mark, text: str, language: str, names: Names, draw: random.Random) -> str:
    pool = names.get((mark.type, language), ())
    if not pool or draw.random() > _REPLACED[mark.type]:
        return text
    return draw.choice(pool)


def _typed(text: str, draws: tuple[float, float, float, float], draw: random.Random) -> str:
    case, accents, marks, typo = draws
    if case < _LOWER:
        text = text.lower()
    elif case < _UPPER:
        text = text.upper()
    elif case < _TITLE:
        text = string.capwords(text, " ") if text.strip() else text
    if accents < _ACCENTS:
        text = without_accents(text)
    if marks < _MARKS:
        text = text.replace(",", "").replace(" - ", " ").replace("?", "").replace("!", "")
    if typo < _TYPO and len(text) > 5 and draw.random() < _TYPO:
        text = misspelt(text, draw)
    return text


def without_accents(text: str) -> str:
    """Letters without their marks."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def misspelt(text: str, draw: random.Random) -> str:
    """One letter dropped, doubled, swapped with the next or replaced, never the first."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    at = draw.choice(places)
    kind = draw.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + draw.choice(string.ascii_lowercase) + text[at + 1 :]
