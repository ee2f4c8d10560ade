"""A CV without what tells who the person is, every character traceable to the text as it came."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from models.anonymise import known, labelled, patterns, personal, phones
from models.anonymise.kinds import KINDS, PLACEHOLDER, PLACEHOLDERS, Found, Kind
from models.anonymise.lines import Lines
from models.anonymise.tagger import Tagger

# Between two spans of a kind, these belong to it: an address in two lines and one in three look alike then.
_GLUE = re.compile(r"[\s,;:.|/\\()\[\]'’\"“”«»_•·*–—-]*")
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
# Masking changes what stands beside a word; a text settles after two or three passes.
_MAX_PASSES = 5


class Span(NamedTuple):
    """One placeholder.

    Attributes:
        start: of the masked characters in the text as it came; `end` likewise, half-open, in code points.
        masked_start: of the placeholder in the masked text; `masked_end` likewise.
    """

    kind: Kind
    start: int
    end: int
    masked_start: int
    masked_end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked text and its way back.

    Attributes:
        text: with one placeholder, such as `[NAME]`, for each run of personal data of a kind.
        spans: the placeholders, in order.
    """

    text: str
    spans: tuple[Span, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the text as it came that `text[start:end]` stands for; placeholders count whole.

        Raises:
            ValueError: not `0 <= start < end <= len(text)`.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"no span [{start}, {end}) in {len(self.text)} characters")
        return self._back(start)[0], self._back(end - 1)[1]

    def _back(self, position: int) -> tuple[int, int]:
        """The original span of one masked character."""
        index = bisect_right(self.spans, position, key=lambda span: span.masked_start) - 1
        if index < 0:
            return position, position + 1
        span = self.spans[index]
        if position < span.masked_end:
            return span.start, span.end
        first = position - span.masked_end + span.end
        return first, first + 1

    def report(self) -> dict[Kind, int]:
        """How many placeholders there are of each kind that occurs; no values."""
        counts = Counter(span.kind for span in self.spans)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}


@cache
def _tagger() -> Tagger:
    return Tagger.load(Path(__file__).parent)


def anonymise(text: str) -> Masked:
    """Masks personal data in a CV; masking its result again changes nothing."""
    return _anonymise(text, frozenset())


def anonymise_sections(sections: Mapping[str, str]) -> dict[str, Masked]:
    """Masks the sections of one CV; a name found in one of them is masked in all."""
    names: frozenset[str] = frozenset()
    for text in sections.values():
        names |= known.parts(text, [found for found in _find(text, names) if found.kind == "name"])
    return {key: _anonymise(text, names) for key, text in sections.items()}


def _anonymise(text: str, names: frozenset[str]) -> Masked:
    masked = _mask(text, _find(text, names))
    names |= known.parts(text, [Found(s.start, s.end, s.kind) for s in masked.spans if s.kind == "name"])
    for _ in range(_MAX_PASSES - 1):
        again = _mask(masked.text, _find(masked.text, names))
        if again.text == masked.text:
            break
        spans = (Span(s.kind, *masked.original(s.start, s.end), s.masked_start, s.masked_end) for s in again.spans)
        masked = Masked(again.text, tuple(spans))
    return masked


def _find(text: str, names: frozenset[str]) -> list[Found]:
    """All personal data, in order, without overlaps."""
    lines = Lines(text)
    formed = [Found(*m.span(), _kind(m)) for m in PLACEHOLDER.finditer(text)]
    for module in (patterns, phones, personal):
        formed += module.find(text, lines)
    certain = resolve(formed, first=len(formed) and len(PLACEHOLDER.findall(text)))
    tagger = _tagger()
    words = [*tagger.find(text, lines, certain), *labelled.find(text, lines, certain, tagger.featuriser)]
    people = merge(text, resolve([*certain, *words], first=len(certain)))
    people += labelled.titles(text, people)
    names |= known.parts(text, [found for found in people if found.kind == "name"])
    people = resolve([*people, *known.find(text, names, tagger.featuriser)], first=len(people))
    return merge(text, people)


def _kind(match: re.Match[str]) -> Kind:
    return next(kind for kind in KINDS if kind.upper() == match[1])


def resolve(found: Sequence[Found], first: int = 0) -> list[Found]:
    """In order and without overlaps: what is taken stays whole or in the pieces that are left of it.

    Args:
        first: the first so many win over all others; among the rest the rank of the kind decides, then length.
    """
    ranked = sorted(found[first:], key=lambda f: (_RANK[f.kind], f.start - f.end, f.start))
    taken: list[Found] = []
    for item in [*found[:first], *ranked]:
        taken += _left(item, taken)
    return sorted(taken)


def _left(item: Found, taken: Iterable[Found]) -> list[Found]:
    pieces = [item]
    for other in taken:
        if other.start < item.end and item.start < other.end:
            pieces = [
                Found(start, end, item.kind)
                for piece in pieces
                for start, end in ((piece.start, min(piece.end, other.start)), (max(piece.start, other.end), piece.end))
                if start < end
            ]
    return pieces


def merge(text: str, found: Sequence[Found]) -> list[Found]:
    """Joins neighbours of a kind that only white space and punctuation keep apart."""
    merged: list[Found] = []
    for item in found:
        if merged and merged[-1].kind == item.kind and _GLUE.fullmatch(text, merged[-1].end, item.start):
            merged[-1] = Found(merged[-1].start, item.end, item.kind)
        else:
            merged.append(item)
    return [item for item in merged if any(c.isalnum() for c in text[item.start : item.end])]


def _mask(text: str, found: Sequence[Found]) -> Masked:
    pieces: list[str] = []
    spans: list[Span] = []
    position = length = 0
    for start, end, kind in found:
        placeholder = PLACEHOLDERS[kind]
        length += start - position
        pieces += [text[position:start], placeholder]
        spans.append(Span(kind, start, end, length, length + len(placeholder)))
        length += len(placeholder)
        position = end
    return Masked("".join([*pieces, text[position:]]), tuple(spans))
