"""From a criterion's words to its value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.queries import amounts, closed
from models.queries.lexicon import Lexicon
from models.queries.places import Places
from models.queries.text import plain

_ACRONYM = re.compile(r"[A-Z0-9&+#./-]{2,5}")
_ARTICLE = re.compile(r"^(?:(?:the|an?|les?|la|des?|du)\s+|[ld]')(?=\w{3})", re.IGNORECASE)
# Abbreviations that close an English title or a skill.
_ENDINGS = {
    "title": {"tech": "technician", "techs": "technician", "rep": "representative", "reps": "representative",
    "asst": "assistant",
              "mgr": "manager", "eng": "engineer", "dev": "developer", "devs": "developer", "admin": "administrator",
              "assoc": "associate", "coord": "coordinator", "exec": "executive"},
    "skill": {"certified": "certification", "licensed": "licence", "registered": "registration", "rated": "rating"},
}  # fmt: skip
# Places of work, named in the singular by searchers, in the plural as a field of work.
_WORKPLACES = frozenset((
    "hotel", "cafe", "café", "clinic", "school", "club", "resort", "lodge", "hospital", "museum",
    "festival", "bar", "pub", "salon", "spa", "nursery", "garage", "prison", "airport", "university",
    "college", "library", "church", "charity", "foundation", "district", "startup", "agency", "firm",
    "casino", "gallery", "bakery", "brewery", "winery", "home", "centre", "center", "store", "supermarket",
    "studio", "theatre", "cinema", "vineyard", "farm", "lab", "laboratory", "restaurant", "gym", "ship",
))  # fmt: skip
_HOURS = re.compile(
    r"(?P<least>max(?:imum)?|min(?:imum)?|up to|under|about)?\W*(?P<number>\d{1,2})\s?-?(?P<unit>h|hrs?|hours?|heures"
    r"|stunden|std|uur|u)\b"
    r"(?:\W*(?:/|a|per|par|pro)?\W*(?:wk|weeks?|semaine|woche|sem))?\W*(?P<most>max(?:imum)?|min(?:imum)?)?"
)
_DAYS = re.compile(
    r"(?P<low>\d)(?:\s?(?:-|to|à|a)\s?(?P<high>\d))?\s?(?:days?|jours?|j|tage|dagen)\b"
    r"(?:\W*(?:/|a|per|par|pro)?\W*(?:wk|weeks?|semaine|woche))?"
)
_ROTATION = re.compile(
    r"(?P<on>\d{1,2})\s?(?:days?)?\s?(?:on\W*(?:and\s)?(?P<off>\d{1,2})\s?(?:days?)?\s?off"
    r"|/\s?(?P<away>\d{1,2}))(?: \w+)?"
)
_SHIFTS = re.compile(r"(?P<hours>\d{1,2})\s?-?(?:h|hrs?|hours?)\s?(?:shifts?|days?|nights?)")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Words that add nothing to what a schedule, a benefit or a title is.
_IDLE = {
    "schedule": re.compile(
        r"\s*\b(?:only|ok|okay|fine|please|pls|uniquement|seulement|nur|solo|possible|preferred"
        r"|shifts?)\b\s*"
    ),
    "benefit": re.compile(
        r"\s*\b(?:provided|included|paid|offered|available|possible|fournie?s?|incluse?s?|payée?s?|offerte?s?"
        r"|comprise?s?|gestellt"
        r"|incluido|incluso|inclus|with|free|please|assistance|package|help)\b\s*"
    ),
    "title": re.compile(
        r"\s*(?:\(?\b[hmfw]\s?/\s?[hmfwd](?:\s?/\s?[dx])?\b\)?|\b(?:jobs?|role|roles|position"
        r"|positions|work)$)\s*"
    ),
}
# Feminine endings of French and German titles, and the masculine ones under which lists have them.
_FEMININE = (
    ("euse", "eur"),
    ("trice", "teur"),
    ("ienne", "ien"),
    ("ère", "er"),
    ("ere", "er"),
    ("ée", "é"),
    ("in", ""),
    ("e", ""),
)
_LEVEL = re.compile(r"(?i)^(?:fluent|native|good|basic)\s+|\s+(?:speaking|speaker|courant|fluent|native|[abc][12])$")


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Everything that values come from."""

    lexicon: Lexicon
    places: Places

    def value(self, name: str, span: str, places: Sequence[str] = ()) -> str:
        """The value of a criterion of this type.

        Args:
            places: values of the query's places: they tell one dollar from another.
        """
        if name in closed.CLOSED:
            return self.lexicon.find(name, span, fuzzy=False) or closed.value(name, span)
        if name == "salary":
            return amounts.salary(span, places)
        if name == "experience_years":
            return amounts.years(span)
        if name == "date_posted":
            return amounts.posted(span)
        if name == "location":
            return self.lexicon.find(name, span, fuzzy=False) or self.places.name(span)
        if name == "company":
            return self.lexicon.find(name, span) or _proper(span)
        if name == "schedule" and (hours := _hours(plain(span))):
            return hours
        found = self.lexicon.find(name, span, fuzzy=False) or self._other_form(name, span)
        found = found or self.lexicon.find(name, span)
        return found or _english(name, _lowered(_ARTICLE.sub("", span)))

    def _other_form(self, name: str, span: str) -> str | None:
        """Looked for without idle words, a skill's level, or a title's feminine ending."""
        forms = []
        if name in _IDLE and (short := " ".join(_IDLE[name].sub(" ", span.casefold()).split())) != span.casefold():
            forms.append(short)
        if name == "skill":
            forms.append(_LEVEL.sub("", span))
        if name == "title":
            head, space, rest = span.casefold().partition(" ")
            forms += [head[: -len(end)] + other + space + rest for end, other in _FEMININE if head.endswith(end)]
        found = (self.lexicon.find(name, form, fuzzy=False) for form in forms if len(form) > 2)
        return next((one for one in found if one), None)


def _hours(text: str) -> str | None:
    """Hours and days of a week in words: "20h max", "2-3 days/week"."""
    if match := _HOURS.fullmatch(text):
        bound = (match["least"] or match["most"] or "")[:3]
        words = {"max": "maximum ", "min": "minimum ", "up ": "up to ", "und": "under ", "abo": "about "}.get(bound, "")
        return f"{words}{match['number']} hours a week"
    if match := _SHIFTS.fullmatch(text):
        return f"{match['hours']}-hour shifts"
    if match := _ROTATION.fullmatch(text):
        on, off = (_counted(match["on"]), _counted(match["off"] or match["away"]))
        return f"{on} days on, {off} days off"
    if match := _DAYS.fullmatch(text):
        low, high = _counted(match["low"]), match["high"]
        return f"{low} to {_counted(high)} days a week" if high else f"{low} days a week"
    return None


def _counted(number: str) -> str:
    return _NUMBERS[int(number)] if int(number) < len(_NUMBERS) else number


def _english(name: str, words: str) -> str:
    """The usual form of English words that no list has."""
    if name in ("title", "industry"):
        words = re.sub(r"\s+[&+]\s+", " and ", words)
    head, space, last = words.rpartition(" ")
    last = _ENDINGS.get(name, {}).get(last, last)
    if name == "industry" and last in _WORKPLACES:
        last = last[:-1] + "ies" if last.endswith("y") else last + "s"
    return head + space + last


def _proper(span: str) -> str:
    """A company's name: its own capital letters, else one for each word."""
    return span if span != span.lower() else " ".join(word[:1].upper() + word[1:] for word in span.split())


def _lowered(span: str) -> str:
    """Small letters, but for short words in capitals."""
    if plain(span) != plain(span.upper()) and span == span.upper() and len(span) > 5:
        return span.lower()
    words = span.split()
    return " ".join(w if _ACRONYM.fullmatch(w) or w[1:] != w[1:].lower() else w.lower() for w in words)
