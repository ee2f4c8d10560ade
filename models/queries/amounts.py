"""Pay, years of experience and ages of postings, from the words that the student took for them."""

import re
from collections.abc import Sequence

from models.queries.text import plain

_CURRENCIES = (
    ("EUR", r"€|\beur\b|\beuros?\b|\dk?e\b|k€"), ("GBP", r"£|\bgbp\b|\bpounds?\b|quid"),
    ("INR", r"₹|\binr\b|\blpa\b|\blakhs?\b|\blacs?\b|\brs\b|rupee|\bctc\b"), ("CHF",
    r"\bchf\b|franken|francs suisses|\bfr\b"),
    ("PLN", r"\bpln\b|zl\b|złot|zł"), ("CAD", r"\bcad\b|c\$|ca\$"), ("AUD", r"\baud\b|a\$|au\$"), ("NZD",
    r"\bnzd\b|nz\$"),
    ("SGD", r"\bsgd\b|s\$"), ("HKD", r"\bhkd\b|hk\$"), ("SAR", r"\bsar\b|riyal"), ("AED", r"\baed\b|dirham|\bdhs?\b"),
    ("QAR", r"\bqar\b"), ("NGN", r"₦|\bngn\b|naira"), ("KES", r"\bkes\b|\bkshs?\b"), ("ZAR",
    r"\bzar\b|\br ?\d|\brands?\b"),
    ("PHP", r"₱|\bphp\b|\bpesos?\b"), ("JPY", r"¥|\bjpy\b|\byen\b"), ("SEK", r"\bsek\b"), ("NOK", r"\bnok\b"), ("DKK",
    r"\bdkk\b"),
    ("BRL", r"r\$|\bbrl\b|reais"), ("MXN", r"\bmxn\b"), ("GHS", r"\bghs\b|cedis?"), ("EGP", r"\begp\b"), ("CZK",
    r"\bczk\b|\bkc\b"),
    ("RON", r"\bron\b|\blei\b"), ("HUF", r"\bhuf\b|\bft\b"), ("TRY", r"₺|\btry\b|lira"), ("UAH", r"₴|\buah\b|грн"),
    ("XOF", r"\bxof\b|fcfa|\bcfa\b"), ("MAD", r"\bmad\b"), ("USD", r"\$|\busd\b|\bdollars?\b|\bbucks?\b"),
)  # fmt: skip
_CURRENCY = tuple((code, re.compile(pattern)) for code, pattern in _CURRENCIES)
# What "$" alone means in these places.
_DOLLARS = (
    ("CAD", r"canada|ontario|toronto|vancouver|montreal|quebec|calgary|alberta|edmonton|ottawa|winnipeg|manitoba"
            r"|halifax"
            r"|saskat|regina|british columbia|nova scotia|hamilton, ont|brampton|mississauga"),
    ("AUD", r"australia|sydney|melbourne|brisbane|perth|queensland|new south wales|adelaide|darwin|hobart|tasmania"
            r"|canberra"
            r"|victoria$|geelong|cairns|gold coast|western australia"),
    ("NZD", r"new zealand|auckland|wellington|christchurch|queenstown|dunedin|tauranga|hamilton, new z"),
    ("SGD", r"singapore"),
)  # fmt: skip
_PERIODS = (
    ("hour", r"/ ?h|hour|\bhr|(?<![a-z])p/?h\b|hourly|heure|horaire|stunde|\bora\b|hora\b|uur\b|godz|\bstd"),
    ("day", r"/ ?d|\bday|daily|\btjm\b|/ ?j|jour|\btag\b|\bdia\b|giorno|per diem"),
    ("week", r"week|\bwk|semaine|woche|semana|settiman|(?<![a-z])pw\b"),
    ("month", r"month|mois|monat|mes\b|mese|maand|miesi|(?<![a-z])p(?:c)?m\b|mensuel|mensual|mensil|/ ?m\b|\bmth"),
    ("year", r"year|annu|(?<![a-z])pa\b|p\.a|/ ?an|par an|\bjahr|\bano\b|anno|\byr|/ ?y|jaar|\blpa\b|rok\b|l'annee"
             r"|k\+? ?an\b|\bctc\b"),
    ("shift", r"shift|sleepover|sleep-?in|(?:\ba|per|/) ?night"),
)  # fmt: skip
_PERIOD = tuple((name, re.compile(pattern)) for name, pattern in _PERIODS)
_NUMBER = re.compile(
    r"(?P<digits>\d{1,3}(?:[ .,'’]\d{2,3})*[ .,'’]\d{3}(?!\d)|\d+)(?:[.,](?P<decimals>\d{1,2})(?!\d))?"
    r"\s?(?P<scale>k|lpa|lakhs?|lacs?|mille|m(?![a-z]))?"
)
_SCALES = {"k": 1_000, "mille": 1_000, "m": 1_000_000, "lpa": 100_000, "lakh": 100_000, "lac": 100_000}
_AT_MOST = re.compile(
    r"under|up to|upto|\bmax|less than|below|jusqu|moins de|pas plus|au plus|hochstens|bis zu|unter|hasta|menos de"
    r"|fino a"
    r"|meno di|tot\b|onder|do \d|^<|at most|not (?:over|above|more)|no more"
)
_NOT_UNDER = re.compile(
    r"(?:not?|never|nothing|no jobs|pas|nicht|kein\w*|nie) (?:en )?(?:[a-z]+ ){0,3}?(?:under|less|below|dessous|moins"
    r"|unter|menos)"
)
# Thousands that go without saying.
_IN_THOUSANDS = re.compile(r"\bbase\b|\btc\b|package|\bote\b|retro|\btotal comp")
_HALF_DAY_LIMIT = 1_000

_WORDS = {
    word: value
    for value, words in enumerate(
        ("", "one un une ein eine uno", "two deux zwei dos due", "three trois drei tres tre", "four quatre vier",
        "five cinq",
         "six sechs", "seven sept", "eight huit", "nine neuf", "ten dix zehn diez dieci", "eleven onze",
         "twelve douze", "thirteen",
         "fourteen", "fifteen quinze")
    )
    for word in words.split()
} | {"twenty": 20, "vingt": 20, "couple": 2}  # fmt: skip
_COUNT = re.compile(r"\d+(?:[.,]\d)?|\b(?:" + "|".join(_WORDS) + r")\b")
_NOTHING = re.compile(
    r"^(?:no|zero|sans|without|aucune?|kein\w*|sin|senza|sem|geen|bez|0)\b|debutant|not? (?:needed|required)|fresher"
)
# Between the ends of a range of pay.
_TO = re.compile(r"[^\w]*(?:(?:eur|euros?|usd|gbp|chf|k|per \w+|net|brut|an hour)\W+)?(?:-|–|—|~|/|to|a|and|et|bis|y|e"
                 r"|or|ou|tot|do)\W*"
                 r"|\W*[-–—]\W*")  # fmt: skip
_RANGE = re.compile(r"\d ?(?:-|–|to|a|à|and|bis|y|e|or|ou|/) ?\d|(?:between|entre|zwischen)")
_DAYS = (
    (1, r"today|aujourd|du jour|heute|hoy|oggi|vandaag|yesterday|hier\b|24 ?h|24 hours|dzis|last day"
        r"|new(?:ly)? posted"),
    (2, r"48 ?h|48 hours"), (14, r"fortnight|quinzaine"),
    (7, r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|lundi|mardi|mercredi|jeudi|vendredi"),
)  # fmt: skip
_UNITS = ((1, r"day|jour|\bj\b|\dd\b|\dj\b|tag|dia|giorn|dag"), (7, r"week|semaine|\bsem\b|\bwk|woche|settiman|tydz"),
          (30, r"month|mois|monat|\bmes|maand|miesi"), (365, r"year|\ban\b|annee"))  # fmt: skip


def salary(span: str, places: Sequence[str] = ()) -> str:
    """Pay as `>=60000 EUR/year`, `?` for a currency or period that is not said; "$" by the query's places."""
    text = plain(span)
    found = list(_NUMBER.finditer(text))
    if not found:
        return f"?{' '}{_currency(text, places)}/{_period(text)}"
    scales = [match["scale"] for match in found]
    low, high = found[0], found[min(1, len(found) - 1)]
    if len(found) > 1 and not _TO.fullmatch(text[low.end() : found[1].start()]):
        high = low
    shared = scales[found.index(high)]
    thousands = bool(_IN_THOUSANDS.search(text))
    values = [_number(low, low["scale"] or (shared if high is not low else None), thousands)]
    if high is not low:
        values.append(_number(high, high["scale"], thousands))
    unit = f"{_currency(text, places)}/{_period(text)}"
    if len(values) == 2 and float(values[0]) <= float(values[1]):
        return f"{values[0]}..{values[1]} {unit}"
    at_most = _AT_MOST.search(text) and not _NOT_UNDER.search(text)
    return f"{'<=' if at_most else '>='}{values[0]} {unit}"


def _number(match: "re.Match[str]", scale: str | None, thousands: bool) -> str:
    whole = int(re.sub(r"\D", "", match["digits"]))
    factor = _SCALES[scale.rstrip("s")] if scale else 1
    if factor == 1:
        if thousands and whole < _HALF_DAY_LIMIT:
            return str(whole * 1_000)
        return f"{whole}.{match['decimals']}" if match["decimals"] else str(whole)
    value = float(f"{whole}.{match['decimals'] or 0}") * factor
    return str(round(value))


def _currency(text: str, places: Sequence[str]) -> str:
    code = next((code for code, pattern in _CURRENCY if pattern.search(text)), "?")
    if code == "USD" and "usd" not in text:
        where = plain(" ".join(places))
        return next((code for code, pattern in _DOLLARS if re.search(pattern, where)), "USD")
    return code


def _period(text: str) -> str:
    return next((name for name, pattern in _PERIOD if pattern.search(text)), "?")


def years(span: str) -> str:
    """Years of experience as `>=3`, `<=2`, `2..4` or `0`; a bare number is the least."""
    text = plain(span)
    if _NOTHING.search(text):
        return "0"
    found = [_count(match.group()) for match in _COUNT.finditer(text)]
    if not found:
        return ">=1"
    if len(found) > 1 and _RANGE.search(text) and float(found[0]) < float(found[1]):
        return f"{found[0]}..{found[1]}"
    return f"{'<=' if _AT_MOST.search(text) else '>='}{found[0]}"


def posted(span: str) -> str:
    """The greatest age of a posting in days, `<=7d`."""
    text = plain(span)
    for days, pattern in _DAYS:
        if re.search(pattern, text):
            return f"<={days}d"
    unit = next((days for days, pattern in _UNITS if re.search(pattern, text)), 7)
    counts = [_count(match.group()) for match in _COUNT.finditer(text)]
    number = float(counts[0]) if counts else 1.0
    if not counts and re.search(r"few|quelques|couple|several", text):
        number = 3.0
    return f"<={round(number * unit)}d"


def _count(word: str) -> str:
    return str(_WORDS.get(word, word)).replace(",", ".")
