"""A CV to encoder inputs: clean text, lines, windows of token ids with their offsets."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from models.cvs.dates import Range, ranges
from models.cvs.sections import Line, lines
from models.postings.preparing import NO_SPAN, Unit
from models.text.cleaning import clean
from models.text.language import detect
from models.text.sentences import Span
from topics.cvs import Cv

__all__ = ["NO_SPAN", "Prepared", "Unit", "clean_text", "prepare", "windows"]

MAX_TOKENS = 192
# What a CV says first counts; the rest of a book-length one is not read.
MAX_WINDOWS = 48
# Before each window: the CV's first line, often a title, and the heading that the window starts under.
_HEADLINE_TOKENS = 10
_HEADING_TOKENS = 6
# Stands before each line: an uncased encoder sees no line breaks, and a CV's layout is half of its meaning.
_BREAK = "[unused1]"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A CV ready for the encoder.

    Attributes:
        text: clean and anonymised; evidence points into it.
        language: ISO 639-1, the CV's own or detected.
        supported: False: no units, nothing is read.
        units: of each the span of its lines and its token ids, `[CLS] headline [SEP] heading [SEP] break line break
            line … [SEP]`, at most `MAX_TOKENS`; `NO_SPAN` for special, break and context tokens.
    """

    text: str
    language: str
    language_confidence: float
    supported: bool
    lines: tuple[Line, ...]
    dates: tuple[Range, ...]
    units: tuple[Unit, ...]


def clean_text(cv: Cv) -> str:
    """The CV as one clean text, headings on lines of their own; what the anonymiser reads."""
    if cv.text is not None:
        return clean(cv.text).text
    parts = []
    for section in cv.sections or ():
        heading = " ".join(clean(section.heading or "").text.split())
        parts.append("\n".join(part for part in (heading, clean(section.text).text) if part))
    return "\n\n".join(part for part in parts if part)


def prepare(texts: Sequence[str], languages: Sequence[str | None], tokenizer: Tokenizer) -> list[Prepared]:
    """Prepares clean, anonymised texts.

    Args:
        languages: of each the language that its producer named; detected where None.
    """
    prepared = []
    for text, own in zip(texts, languages, strict=True):
        language, confidence, supported = _language(text, own)
        rows = tuple(lines(text))
        units = windows(text, rows, tokenizer) if supported else ()
        prepared.append(Prepared(text, language, confidence, supported, rows, tuple(ranges(text)), units))
    return prepared


def windows(text: str, rows: Sequence[Line], tokenizer: Tokenizer) -> tuple[Unit, ...]:
    """Consecutive lines packed into windows; a line longer than a window is cut."""
    if not rows:
        return ()
    cls_id, sep_id, break_id = (special(tokenizer, name) for name in ("[CLS]", "[SEP]", _BREAK))
    headings = sorted({row.heading for row in rows})
    spans = [Span(row.start, row.end) for row in rows]
    encoded = tokenizer.encode_batch([text[a:b] for a, b in [*spans, *headings]], add_special_tokens=False)
    heading_ids = {span: e.ids[:_HEADING_TOKENS] for span, e in zip(headings, encoded[len(rows) :], strict=True)}
    headline = encoded[0].ids[:_HEADLINE_TOKENS]

    def opening(row: Line) -> list[int]:
        return [cls_id, *headline, sep_id, *heading_ids[row.heading], sep_id]

    units: list[Unit] = []
    ids: list[int] = []
    token_spans: list[tuple[int, int]] = []
    start = end = 0

    def close() -> None:
        if ids:
            units.append(Unit(start, end, [*ids, sep_id], [*token_spans, NO_SPAN]))
            ids.clear()
            token_spans.clear()

    for row, line in zip(rows, encoded[: len(rows)], strict=True):
        room = MAX_TOKENS - len(opening(row)) - 2
        for first in range(0, len(line.ids), room):
            piece = line.ids[first : first + room]
            if len(ids) + len(piece) + 2 > MAX_TOKENS:
                close()
            if not ids:
                ids += opening(row)
                token_spans += [NO_SPAN] * len(ids)
                start = row.start + line.offsets[first][0]
            ids += [break_id, *piece]
            token_spans.append(NO_SPAN)
            token_spans += [(row.start + a, row.start + b) for a, b in line.offsets[first : first + room]]
            end = token_spans[-1][1]
    close()
    return tuple(units[:MAX_WINDOWS])


def special(tokenizer: Tokenizer, name: str) -> int:
    """Id of a special token.

    Raises:
        ValueError: the tokenizer has none of that name.
    """
    token = tokenizer.token_to_id(name)
    if token is None:
        raise ValueError(f"the tokenizer has no {name}")
    return token


def _language(text: str, own: str | None) -> tuple[str, float, bool]:
    guess = detect(text)
    if guess.probability == 0.0 or (guess.supported and guess.language not in ("en", "fr")):
        guess = guess._replace(language=own or guess.language)
    return guess.language, guess.probability, guess.supported
