"""Ranges of dates in a CV's text, to the month: "July 2011 to November 2012", "03/2014 – Current", "2011 - 2012".

Rules of our own: general date parsers (dateparser) try hundreds of forms and cost more than the encoder; CVs use a few.
"""

import re
import unicodedata
from dataclasses import dataclass

_MONTHS = (
    ("january", "jan", "janvier", "janv"),
    ("february", "feb", "fevrier", "fevr", "fev"),
    ("march", "mar", "mars"),
    ("april", "apr", "avril", "avr"),
    ("may", "mai"),
    ("june", "jun", "juin"),
    ("july", "jul", "juillet", "juil"),
    ("august", "aug", "aout"),
    ("september", "sept", "sep", "septembre"),
    ("october", "oct", "octobre"),
    ("november", "nov", "novembre"),
    ("december", "dec", "decembre"),
)
_SEASONS = {"winter": 1, "hiver": 1, "spring": 4, "printemps": 4, "summer": 7, "ete": 7, "fall": 10, "autumn": 10,
            "automne": 10}  # fmt: skip
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names} | _SEASONS
_NAME = "|".join(sorted(_MONTH_OF, key=lambda name: (-len(name), name)))
_YEAR = r"(?:19[4-9]\d|20[0-6]\d)"
_DATE = (
    rf"(?:(?<!\d){_YEAR}(?:[/.](?:0?[1-9]|1[0-2])|-0[1-9])(?!\d)"
    rf"|(?:\b(?:{_NAME})\b\.?,? ?(?:(?:\d{{1,2}}(?:st|nd|rd|th)?,? )|(?:de |of )|['’])?"
    rf"|\b\d{{1,2}} (?:{_NAME})\.?,? |\b\d{{1,2}} ?[/.-] ?(?:\d{{1,2}} ?[/.-] ?)?)?(?<!\d){_YEAR}(?!\d)"
    rf"|\b(?:{_NAME})\b\.? ?['’]?\d{{2}}(?!\d)|(?<![\d/])(?:0?[1-9]|1[0-2])/\d{{2}}(?![\d/]))"
)
_OPEN = (
    r"\b(?:(?:to|till|until|up to) )?(?:current(?:ly)?|present|now|today|date|ongoing)\b"
    r"|\b(?:a|jusqu'a) (?:ce jour|aujourd'hui|present)\b|\baujourd'hui\b|\bactuel(?:lement)?\b|\bce jour\b"
    r"|\ben (?:cours|poste)\b|\bpresent\b"
)
# Also a dash that was read in the wrong code page.
_BETWEEN = r" ?(?:[-–—―~]|[^\w\s,.;:()|&+/]{1,4}|i¼\S?|a€\S|\b(?:to|a|au|through|thru|until|till)\b) ?"
_RANGE = re.compile(
    rf"(?P<lead>\b(?:depuis|since|des)\b(?: le)? )?(?P<first>{_DATE}|(?<!\d){_YEAR}(?=\s?[-–]\s?\d\d\b))"
    rf"(?:(?:{_BETWEEN}|\s)(?P<open>{_OPEN})|{_BETWEEN}(?P<last>{_DATE}|(?<=[-–])\d\d(?!\d|/)))?",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d+")
_WORDS = re.compile(r"[a-z]+")
_PIVOT = 50


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time in the text.

    Attributes:
        start, end: half-open span in the text.
        first, last: months since the year 0, both counted in; `last` is None where the stretch goes on.
        single: one date alone, not a stretch.
        exact: both months were written.
    """

    start: int
    end: int
    first: int
    last: int | None
    single: bool
    exact: bool


def ranges(text: str) -> list[Range]:
    """All ranges and single dates, in order."""
    plain = _plain(text)
    found = []
    for match in _RANGE.finditer(plain):
        month, year = _read(match["first"])
        exact = month is not None
        begin = 12 * year + (month or 1) - 1
        if match["open"] or match["lead"]:
            found.append(Range(*match.span(), begin, None, False, exact))
        elif match["last"]:
            last_month, last_year = _read(match["last"], century=year - year % 100)
            last = 12 * last_year + (last_month or (1 if exact else 12)) - 1
            if not exact and last_month is None:
                # "2011 - 2012" is about a year, "2011 - 2011" less than one: from and to the same point of the year.
                last = 12 * last_year - (1 if last_year == year else 0)
            found.append(Range(*match.span(), begin, last, False, exact and last_month is not None))
        else:
            found.append(Range(*match.span(), begin, begin, True, exact))
    return found


def _plain(text: str) -> str:
    """Lower case without accents, of the same length."""
    return "".join(char.lower() if char.isascii() else _letter(char) for char in text)


def _letter(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[0].lower() if char.isalpha() else char
    return base if len(base) == 1 else char


def _read(date: str, century: int = 2000) -> tuple[int | None, int]:
    """Month (1 to 12, None where not written) and year."""
    numbers = [int(number) for number in _NUMBERS.findall(date)]
    year = next((n for n in numbers if n >= 1900), None)
    month = next((_MONTH_OF[word] for word in _WORDS.findall(date) if word in _MONTH_OF), None)
    if year is None:
        short = numbers[-1]
        if len(numbers) == 1 and month is None:
            return None, century + short if century + short >= 1940 else century + 100 + short
        year = (1900 if short >= _PIVOT else 2000) + short
        numbers = numbers[:-1]
    else:
        numbers = [n for n in numbers if n != year]
    if month is None and numbers:
        # Day and month: Americans write the month first, others never have a month above twelve there.
        month = next((n for n in numbers if 1 <= n <= 12), None)
    return month, year
