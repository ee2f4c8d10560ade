"""From a criterion's words to its value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.queries import amounts, closed
from models.queries.lexicon import Lexicon
from models.queries.places import Places
from models.queries.text import plain

_ACRONYM = re.compile(r"[A-Z0-9&+#./-]{2,5}")
_ARTICLE = re.compile(r"^(?:the|an?|les?|la|l'|des?|du|d')\s*(?=\w{3})", re.IGNORECASE)
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
        found = self.lexicon.find(name, span)
        if found is None and name == "skill":
            found = self.lexicon.find(name, _LEVEL.sub("", span), fuzzy=False)
        return found or _lowered(_ARTICLE.sub("", span))


def _proper(span: str) -> str:
    """A company's name: its own capital letters, else one for each word."""
    return span if span != span.lower() else " ".join(word[:1].upper() + word[1:] for word in span.split())


def _lowered(span: str) -> str:
    """Small letters, but for short words in capitals."""
    if plain(span) != plain(span.upper()) and span == span.upper() and len(span) > 5:
        return span.lower()
    words = span.split()
    return " ".join(w if _ACRONYM.fullmatch(w) or w[1:] != w[1:].lower() else w.lower() for w in words)
