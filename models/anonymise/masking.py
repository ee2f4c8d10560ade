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
from models.anonymise.lines import Lines, Zone, zone_of
from models.anonymise.tagger import Tagger, View

# Between two spans of a kind, these belong to it: an address in two lines and one in three look alike then.
_GLUE = re.compile(r"[\s,;:.|/\\()\[\]'’\"“”«»_•·*–—-]*")
# What the tagger leaves between two pieces of an address: a sign of a building, a line with the village.
_ADDRESS_GAP = re.compile(r"[^\n|•:@\[\]]{0,14}(?:\n\s*)?|\n[^\n|•:@\[\]]{1,30}\n")
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
    return _anonymise(text, frozenset(), "header")


def anonymise_sections(sections: Mapping[str, str]) -> dict[str, Masked]:
    """Masks the sections of one CV, by their titles; a name found in one of them is masked in all.

    A section counts as one that speaks of the person where its title says so ("header", "contact", "état civil").
    """
    names: frozenset[str] = frozenset()
    for title, text in sections.items():
        names |= _names(text, _find(text, names, zone_of(title), {}))
    return {title: _anonymise(text, names, zone_of(title)) for title, text in sections.items()}


def _anonymise(text: str, names: frozenset[str], zone: Zone) -> Masked:
    # Most lines are the same in all passes. Nothing of a text is kept after its last.
    memo: dict[View, list[str]] = {}
    found = _find(text, names, zone, memo)
    masked = _mask(text, found)
    names |= _names(text, found)
    for _ in range(_MAX_PASSES - 1):
        again = _mask(masked.text, _find(masked.text, names, zone, memo))
        if again.text == masked.text:
            break
        spans = (Span(s.kind, *masked.original(s.start, s.end), s.masked_start, s.masked_end) for s in again.spans)
        masked = Masked(again.text, tuple(spans))
    return masked


def _names(text: str, found: Sequence[Found]) -> frozenset[str]:
    return known.parts(text, [item for item in found if item.kind == "name"])


def _find(text: str, names: frozenset[str], zone: Zone, memo: dict[View, list[str]]) -> list[Found]:
    """All personal data, in order, without overlaps."""
    lines = Lines(text, zone)
    placeholders = [Found(*m.span(), _kind(m)) for m in PLACEHOLDER.finditer(text)]
    formed = [found for module in (patterns, phones, personal) for found in module.find(text, lines)]
    certain = resolve([*placeholders, *formed], first=len(placeholders))
    tagger = _tagger()
    words = [*tagger.find(text, lines, certain, memo), *labelled.find(text, lines, certain, tagger.featuriser)]
    people = merge(text, resolve([*certain, *words], first=len(certain)))
    people = [item for item in people if not (_in_body(lines, item) and known.is_organisation(text, item))]
    people += labelled.titles(text, people)
    people = resolve([*people, *known.find(text, names | _names(text, people), tagger.featuriser)], first=len(people))
    return merge(text, people)


def _in_body(lines: Lines, item: Found) -> bool:
    line = lines.at(item.start)
    return item.kind == "name" and line is not None and not line.personal


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
        if merged and merged[-1].kind == item.kind and _joined(text, merged[-1].end, item):
            merged[-1] = Found(merged[-1].start, item.end, item.kind)
        else:
            merged.append(item)
    return [item for item in merged if any(c.isalnum() for c in text[item.start : item.end])]


def _joined(text: str, position: int, item: Found) -> bool:
    if _GLUE.fullmatch(text, position, item.start):
        return True
    return item.kind == "address" and _ADDRESS_GAP.fullmatch(text, position, item.start) is not None


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
