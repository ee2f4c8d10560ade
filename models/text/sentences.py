"""Sentences of clean text, as offsets.

Rules of our own: sentence libraries either lose offsets or cost more than the encoder, and none knows how boards glue
lines together ("…servicesProvide…"). A wrong split costs little here, a lost character would cost evidence.
"""

import re
from typing import NamedTuple

MAX_WORDS = 60
# A line this long that ends without punctuation was wrapped by an editor, not ended by its writer.
_WRAPPED_CHARS = 55
_ABBREVIATIONS = frozenset(
    [
        "e.g",
        "eg",
        "i.e",
        "ie",
        "mr",
        "mrs",
        "ms",
        "dr",
        "st",
        "no",
        "nr",
        "vs",
        "approx",
        "min",
        "max",
        "dept",
        "sr",
        "jr",
        "u.s",
        "u.k",
        "m",
        "mme",
        "mlle",
        "cf",
        "ex",
        "tel",
        "tél",
        "env",
        "prof",
        "fig",
        "art",
        "incl",
        "resp",
        "ph.d",
        "b.s",
        "m.s",
        "b.a",
    ]
)
_BOUNDARY = re.compile(
    r"(?P<line>\n+)"
    r"|(?P<stop>(?<![.!?…])[.!?…]++[\"'’”)\]]*)[^\S\n]+(?=[A-ZÀ-ÖØ-Þ0-9\"“«(\[•*-])"
    r"|(?P<bullet>(?<=\S)[^\S\n]+(?=[•▪●○◦➢➤✓✔·⁃■□]))"
    r"|(?P<semicolon>;)[^\S\n]+(?=\S)"
    # Glued: a word all in lower case runs into a capitalised one; brands ("JavaScript", "eBay") do not look so.
    r"|(?P<glued>(?<![^\W_])[a-zà-öø-ÿ]{4,40}+[.!?:;)]{0,3})(?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{2,})"
    r"|(?P<years>(?<![^\W_])[a-zà-öø-ÿ]{4,40}+[.)]?)(?=\d{1,2}\+? ?(?:(?:-|–|to|à) ?\d{1,2}\+? ?)?(?:years|yrs|ans)\b)"
)
_LAST_WORD = re.compile(r"\S*$")
_WORD = re.compile(r"\S+")
_BULLET_START = re.compile(r"[-–—*•▪●○◦➢➤✓✔·⁃■□>]|\d{1,2}[.)]")


class Span(NamedTuple):
    """A half-open span of the text, in code points."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """Sentence spans in order, disjoint, without space at their edges, covering all characters but white space.

    No span has more than `MAX_WORDS` words: longer stretches are cut at the best mark inside.
    """
    spans: list[Span] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        end = match.end()
        if match.lastgroup == "line":
            if len(match.group()) == 1 and _is_wrapped(text, start, match.start(), end):
                continue
        elif match.lastgroup == "stop" and _is_abbreviation(text, start, match.start("stop")):
            continue
        _add(spans, text, start, end)
        start = end
    _add(spans, text, start, len(text))
    return spans


def _is_wrapped(text: str, start: int, line_end: int, next_start: int) -> bool:
    line_start = max(start, text.rfind("\n", 0, line_end) + 1)
    if line_end - line_start < _WRAPPED_CHARS or text[line_end - 1] in ".!?:;…":
        return False
    following = text[next_start : next_start + 3]
    if _BULLET_START.match(following):
        return False
    # An editor's wrap leaves lines of like length; only then may the next one begin with a capital.
    return following[:1].islower() or line_end - line_start <= 80 < line_end - line_start + _next_word(text, next_start)


def _next_word(text: str, position: int) -> int:
    match = _WORD.match(text, position)
    return 1 + len(match.group()) if match else 0


def _is_abbreviation(text: str, start: int, stop: int) -> bool:
    match = _LAST_WORD.search(text, max(start, stop - 12), stop)
    word = match.group().lstrip("(\"'«“[").lower() if match else ""
    if text[stop] != ".":
        return False
    # "1. Do this": a list's number, not a sentence of its own. "M. Dupont", "J. Smith": initials.
    is_number = word.isdigit() and len(word) <= 2 and not text[start : stop - len(word)].strip(" -")
    return is_number or word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start >= end:
        return
    # Most lines are too short for a window of their own: counting their words is much cheaper than finding them.
    if len(piece.split()) <= MAX_WORDS:
        spans.append(Span(start, end))
        return
    words = list(_WORD.finditer(text, start, end))
    first = 0
    while len(words) - first > MAX_WORDS:
        cut = _best_cut(words, first)
        spans.append(Span(words[first].start(), words[cut - 1].end()))
        first = cut
    spans.append(Span(words[first].start(), end))


def _best_cut(words: "list[re.Match[str]]", first: int) -> int:
    """Index of the word that begins the next window: after the last mark in the second half of this one."""
    for index in range(first + MAX_WORDS, first + MAX_WORDS // 2, -1):
        if words[index - 1].group()[-1] in ",;:)–-":
            return index
    return first + MAX_WORDS
