"""Reads amounts of pay and years of experience out of sentences, English and French.

The student says *which* words are the pay and the experience asked for; the values are read here, so a number never
comes from a guess.
"""

import re
from dataclasses import dataclass

_GAP = r"[ \u00a0\u202f]"
# Indian grouping (9,50,000) first: its head alone would read as a smaller number. "¿" is a narrow blank that came
# through a wrong encoding ("33¿000,00€").
_NUMBER = (
    r"\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])|"
    r"\d{1,3}(?:[,.'’¿\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d{1,2}(?!\d))?"
)
_CODES = tuple(
    re.findall("...", "USDEURGBPCADAUDNZDCHFINRSGDHKDVNDJPYSEKNOKDKKPLNZARKESAEDAMDBRLMXNNGNTNDMADDZDEGPXOFMYR")
)
_CURRENCY_WORDS = {
    "us$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD", "nz$": "NZD", "s$": "SGD", "hk$": "HKD",
    "$": "$", "dollar": "$", "dollars": "$", "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "pound": "GBP",
    "pounds": "GBP", "₹": "INR", "rs": "INR", "rs.": "INR", "rupees": "INR", "¥": "JPY", "₦": "NGN",
    "dinars tunisiens": "TND", "dirhams marocains": "MAD", "dh": "MAD", "dhs": "AED",
    "ksh": "KES", "kshs": "KES", "dram": "AMD", "drams": "AMD", "rm": "MYR",
    **{code.lower(): code for code in _CODES},
}  # fmt: skip
_CURRENCY = "|".join(re.escape(word) for word in sorted(_CURRENCY_WORDS, key=lambda word: (-len(word), word)))
_MONEY = re.compile(
    rf"(?<![\w.,])(?:(?P<before>{_CURRENCY}){_GAP}{{0,2}})?(?<![\d])(?P<number>{_NUMBER})"
    rf"(?:{_GAP}?(?P<scale>k|m|lakhs?|lacs?|lpa|mille)(?![a-zà-ÿ])|{_GAP}?(?P<kilo>k)(?=€|£|\$|eur))?(?P<plus>\+?)"
    rf"(?:{_GAP}{{0,2}}(?P<after>{_CURRENCY})(?![a-zà-ÿ]))?",
    re.IGNORECASE,
)
_SCALES = {"k": 1_000, "mille": 1_000, "m": 1_000_000, "lakh": 100_000, "lac": 100_000, "lpa": 100_000}
_BETWEEN = re.compile(
    r"[\s(]*(?:gross|brut|bruts|base|per|par|/|a|an|hour|hr|h|day|week|month|mois|year|yr|annum|an|ans|heure|jour|p\.?a\.?|[.,:]|\s)*"
    r"(?:-|–|—|to|and|through|up to|à|et|/|~|jusqu['’]à)\s*(?:et|a\s+maximum\s+of)?\s*",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"(?:from|starting(?: at| from| pay| salary)?(?: is)?|starts? at(?: a salary of)?|at least|minimum(?: of)?|min\.?|"
    r"above|over|more than|[àa] partir(?: de)?|dès|au moins|minimum de|plus de)[\s:]*$",
    re.IGNORECASE,
)
_UP_TO = re.compile(
    # Masked: "**** 46,000" is a range whose lower end is not to be read.
    r"(?:up to|upto|maximum(?: of)?|max\.?|ranges? to|(?<!not )(?<!no )less than|jusqu['’]à|jusqu['’]a|maximum de|"
    r"\*{3,})[\s:]*$",
    re.IGNORECASE,
)
# "$1300 + social package" is one figure and something else.
_OPEN_END = re.compile(
    r"\s*(?:\+(?!\s*[^\W\d])|and up|and above|or more|et plus|ou plus|(?:(?:brut|net|gross)s?\s)?minimum|plus\b)",
    re.IGNORECASE,
)

_WORDS = {
    word: value
    for value, words in enumerate(
        ("", "one un une a", "two deux", "three trois", "four quatre", "five cinq", "six", "seven sept", "eight huit",
         "nine neuf", "ten dix", "eleven onze", "twelve douze", "thirteen", "fourteen", "fifteen quinze")
    )
    for word in words.split()
} | {"twenty": 20}  # fmt: skip
_COUNT = r"\d{1,2}(?:[.,]\d)?|" + "|".join(sorted(_WORDS, key=lambda word: (-len(word), word)))
_YEARS = re.compile(
    rf"(?:(?<![\d$€£])(?<!\d[.,])(?=\d)|\b(?=[^\W\d]))(?P<low>{_COUNT})\s?(?:\(\s?\d{{1,2}}\s?\))?\s?(?:\+|plus)?"
    rf"(?:\s?(?P<low_unit>years?|yrs?|ans?|mois|months?)?\s?(?:-|–|—|to|à|a|or|ou|and|et|/)\s?(?P<high>{_COUNT})(?:\s?\(\d{{1,2}}\))?\s?(?:\+|plus)?)?"
    r"(?:\s?(?:full|or more|ou plus|solid|consecutive|-))?[\s-]?"
    r"(?P<unit>years?|yrs?|ans?|années?|months?|mois)(?![a-zà-ÿ])",
    re.IGNORECASE,
)
_DOLLARS = (
    (re.compile(r"(?i)\b(?:canada|ontario|toronto|vancouver|montr[eé]al|qu[eé]bec|calgary|alberta)\b|^ca\b"), "CAD"),
    (re.compile(r"(?i)\b(?:australia|sydney|melbourne|brisbane|perth|queensland|nsw)\b|^au\b"), "AUD"),
    (re.compile(r"(?i)\b(?:new zealand|auckland|wellington)\b|^nz\b"), "NZD"),
    (re.compile(r"(?i)\bsingapore\b|^sg\b"), "SGD"),
)  # fmt: skip

_PERIODS = {
    "hour": r"(?:/|per|an|each|par|de l['’]|l['’])\s?(?:hours?|hrs?|h|heure)\b|/\s?h\b|hourly|horaires?\b|\bp\.?h\b",
    "day": r"(?:/|per|a|par)\s?(?:days?|jour|diem)\b|\bdaily\b|journali[eè]re?",
    "week": r"(?:/|per|a|par)\s?(?:weeks?|wk|semaine)\b|\bweekly\b|hebdomadaire",
    "month": r"(?:/|per|a|par)\s?(?:months?|mth|mois)\b|\bmonthly\b|mensuels?\b|\bpcm\b|\bpm\b",
    "year": r"(?:/|per|a|par)\s?(?:years?|yr|annum|an|ann[ée]e)\b|\bannual(?:ly)?\b|\bannuels?\b|\bp\.?a\b|\byearly\b",
    "other": r"(?:/|per|par|each)\s?(?:miles?|km|article|piece|pi[eè]ce|project|projet|word|mot|visit|session|unit)\b",
}
_PERIOD = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _PERIODS.items()), re.IGNORECASE)
_PERIOD_CHARS = 28
_CLAUSE_END = re.compile(r"[;.,]\s|\d|\+|\b(?:plus|and|et)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """Pay as a sentence states it, in whole currency units.

    Attributes:
        start, end: offsets in the sentence.
        low, high: None where open; equal for one figure.
        currency: ISO 4217, None where the sentence names none.
    """

    start: int
    end: int
    low: float | None
    high: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Years:
    """Years of experience as a sentence states them; `high` is None where open."""

    start: int
    end: int
    low: float | None
    high: float | None


def amounts(sentence: str, location: str = "") -> list[Amount]:
    """All figures that could be pay, ranges joined; `location` decides what "$" alone means (else USD)."""
    found: list[Amount] = []
    matches = list(_MONEY.finditer(sentence))
    index = 0
    while index < len(matches):
        first = matches[index]
        second = matches[index + 1] if index + 1 < len(matches) else None
        if second is not None and not _is_range(sentence, first, second):
            second = None
        found.append(_amount(sentence, first, second, location))
        index += 1 if second is None else 2
    return found


def _is_range(sentence: str, first: "re.Match[str]", second: "re.Match[str]") -> bool:
    if second.start() - first.end() > 40 or _BETWEEN.fullmatch(sentence, first.end(), second.start()) is None:
        return False
    scale = _scale(first) or _scale(second)
    return _value(first, scale) <= _value(second, _scale(second))


def _amount(sentence: str, first: "re.Match[str]", second: "re.Match[str] | None", location: str) -> Amount:
    last = second or first
    # "40-50k": the scale is said once.
    high = _value(last, _scale(last))
    low = _value(first, _scale(first))
    if second is not None and _scale(first) is None and _scale(second) and low < 1_000:
        low = _value(first, _scale(second))
    words = [_CURRENCY_WORDS[w.lower()] for m in (first, last) for w in (m["before"], m["after"]) if w]
    # "$61,500 CAD": the code says which dollar.
    currency = next((word for word in words if word != "$"), words[0] if words else None)
    if currency == "$":
        currency = next((code for pattern, code in _DOLLARS if pattern.search(location)), "USD")
    if second is None:
        before = sentence[max(0, first.start() - 28) : first.start()]
        if _UP_TO.search(before):
            return Amount(first.start(), last.end(), None, high, currency)
        if first["plus"] or _FROM.search(before) or _OPEN_END.match(sentence, last.end()):
            return Amount(first.start(), last.end(), low, None, currency)
    return Amount(first.start(), last.end(), low, high, currency)


def _scale(match: "re.Match[str]") -> str | None:
    return match["scale"] or match["kilo"]


def _value(match: "re.Match[str]", scale: str | None) -> float:
    digits = re.sub(r"[\s'’¿\u00a0\u202f]", "", match["number"])
    # The last mark is a decimal one unless three digits follow; marks before it only group.
    if found := re.fullmatch(r"(.*)[.,](\d{1,2})", digits):
        whole, decimals = found.groups()
        value = float(f"{re.sub('[.,]', '', whole)}.{decimals}")
    else:
        value = float(re.sub("[.,]", "", digits))
    return round(value * _SCALES.get((scale or "").lower().rstrip("s"), 1), 2)


def period(sentence: str, amount: Amount) -> str | None:
    """The unit of time or work that stands right behind an amount; None where none does."""
    behind = sentence[amount.end : amount.end + _PERIOD_CHARS]
    # Another figure has a unit of its own, another clause another subject.
    match = _PERIOD.search(_CLAUSE_END.split(behind, maxsplit=1)[0])
    return match.lastgroup if match else None


def years(sentence: str) -> list[Years]:
    """All stated lengths of time in years; months are converted."""
    found = []
    for match in _YEARS.finditer(sentence):
        low = _in_years(match["low"], match["low_unit"] or match["unit"])
        high = _in_years(match["high"], match["unit"]) if match["high"] else None
        if high is not None and high < low:
            low, high = high, None
        if high is None and _UP_TO.search(sentence[max(0, match.start() - 20) : match.start()]):
            found.append(Years(match.start(), match.end(), None, low))
        else:
            found.append(Years(match.start(), match.end(), low, high))
    return found


def _in_years(word: str, unit: str) -> float:
    count = float(_WORDS.get(word.lower()) or word.replace(",", "."))
    return round(count / 12 if unit.lower().startswith("mo") else count, 2)


def scaled(value: float | None, period: str) -> float | None:
    """An amount as meant: "30-35 per year" are thousands."""
    return value * 1_000 if value is not None and period == "year" and 0 < value < 500 else value


def local_currency(location: str, language: str) -> str:
    """Currency of an amount that names none."""
    if re.search(r"\b(?:uk|united kingdom|london|england|scotland|wales)\b|^gb\b", location, re.IGNORECASE):
        return "GBP"
    return next((code for pattern, code in _DOLLARS if pattern.search(location)), "EUR" if language == "fr" else "USD")
