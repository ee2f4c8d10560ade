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
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
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
            return closed.value(name, span)
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
        found = self.lexicon.find(name, span)
        if found is None and name == "skill":
            found = self.lexicon.find(name, _LEVEL.sub("", span), fuzzy=False)
        return found or _english(name, _lowered(_ARTICLE.sub("", span)))


def _hours(text: str) -> str | None:
    """Hours and days of a week in words: "20h max", "2-3 days/week"."""
    if match := _HOURS.fullmatch(text):
        bound = (match["least"] or match["most"] or "")[:3]
        words = {"max": "maximum ", "min": "minimum ", "up ": "up to ", "und": "under ", "abo": "about "}.get(bound, "")
        return f"{words}{match['number']} hours a week"
    if match := _DAYS.fullmatch(text):
        low, high = int(match["low"]), int(match["high"] or 0)
        return f"{_NUMBERS[low]} to {_NUMBERS[high]} days a week" if high else f"{_NUMBERS[low]} days a week"
    return None


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
