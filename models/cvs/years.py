"""Years of paid work: as a CV states them, or the union of its jobs' dates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.cvs.dates import Range
from models.cvs.sections import Line

_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "deux": 2, "trois": 3, "quatre": 4,
    "cinq": 5, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "douze": 12, "quinze": 15, "vingt": 20, "trente": 30,
}  # fmt: skip
_WORD = "|".join(_WORDS)
_NUMBER = rf"(?P<number>\d{{1,2}}(?:[.,]5)?|(?:(?:twenty|thirty|forty)[ -])?(?:{_WORD}))"
# "12 years", "10+ years'", "15 solid years", "Three plus years", "20 ans"; perhaps with a mark of a wrong code page.
_YEARS = re.compile(
    rf"(?<![\w$.]){_NUMBER}(?:\s*(?:-|–|to|à)\s*\d{{1,2}})?[ -]?(?:\+|plus)?[\sÂ]*(?:\(\d{{1,2}}\+?\)\s*)?(?:solid |"
    rf"full )?"
    r"[\sÂ]*(?:years?|yrs?|ann[ée]es|ans)\b['’]?",
    re.IGNORECASE,
)
_OF_WORK = re.compile(
    r"(?:\W+\S+){0,6}?\W+(?:d['’])?(?:experiences?|exp[ée]riences?|career|carri[èe]re)\b", re.IGNORECASE
)
_OF_SOMETHING_ELSE = re.compile(
    r"\W*(?:ago|old|in a row|in row|running|contract|plan|warranty|period|prior|per|degree|diploma|program|course|"
    r"long|with (?:MS|Microsoft|Excel|Java|SQL|Office|Word)|d['’][âa]ge)\b",
    re.IGNORECASE,
)
_LONGEST = 60
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Years:
    """Years rounded to a half, and the half-open spans that show them."""

    value: float
    spans: tuple[tuple[int, int], ...]
    stated: bool


def stated(text: str, rows: Sequence[Line]) -> Years | None:
    """The largest number of years of work that the text states; None where it states none.

    Among the lines that sum a person up any number of years counts, elsewhere only one of experience.
    """
    best: Years | None = None
    for match in _YEARS.finditer(text):
        if _OF_SOMETHING_ELSE.match(text, match.end()):
            continue
        kind = next((row.kind for row in rows if row.start <= match.start() < row.end), "other")
        if kind not in ("head", "summary") and not _OF_WORK.match(text, match.end()):
            continue
        value = _value(match["number"].lower())
        if value <= _LONGEST and (best is None or value > best.value):
            best = Years(value, ((match.start(), match.end()),), stated=True)
    return best


def _value(number: str) -> float:
    if number[0].isdigit():
        return float(number.replace(",", "."))
    return float(sum(_WORDS[word] for word in re.split(r"[ -]", number)))


def by_dates(jobs: Sequence[Range], others: Sequence[Range]) -> Years | None:
    """Length of the union of the jobs' dates; None where no job has both ends.

    Args:
        others: all dates of the text; a job that goes on ends at the latest of them, so that the same CV gives the same
            years on every day that it is read.
    """
    whole = [job for job in jobs if not job.single]
    latest = max((r.last if r.last is not None else r.first for r in (*others, *jobs)), default=0)
    months, reached = 0, -1
    for job in sorted(whole, key=lambda job: job.first):
        end = max(job.first, latest if job.last is None else job.last)
        months += max(0, end - max(job.first, reached))
        reached = max(reached, end)
    if not whole:
        return None
    return Years(halves(months / _MONTHS), tuple((job.start, job.end) for job in whole), stated=False)


def halves(years: float) -> float:
    """Rounded to the nearest half, halves of halves up."""
    return int(2 * years + 0.5) / 2
