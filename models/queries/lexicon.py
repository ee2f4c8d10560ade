"""English names of titles, skills, fields of work, schedules, benefits and employers, by how they are typed."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from rapidfuzz import fuzz, process

from models.esco.taxonomy import Concept, Taxonomy
from models.queries.text import key

_FILE = Path(__file__).with_name("lexicon.txt")
_COMPANIES = Path(__file__).with_name("companies.txt")
_LANGUAGES = ("en", "fr", "de", "es", "nl", "it", "pt", "pl")
_ALIKE, _FEWEST_LETTERS = 88, 5
# ESCO's French labels name both sexes: "boulanger/boulangère".
_SEXES = re.compile(r"\s*/\s*")
_MOST_WORDS = 4

Names = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Of each type English names by key.

    Attributes:
        names: of the lists and of the labels that the student learned from.
        words: of each type the words of its names.
        spelt: of each type the well-spelt English keys by first letter, to compare misspelt words with.
    """

    names: Names
    words: dict[str, frozenset[str]]
    spelt: dict[str, dict[str, list[str]]]

    @classmethod
    def load(cls, learned: Path | None) -> "Lexicon":
        """The lists of this folder, ESCO's and Unicode's names, and what the labels taught.

        Args:
            learned: a JSON file that :func:`learn` made, if any; its names go before the lists'.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        listed, words, spelt = _listed()
        names = {name: dict(own) for name, own in listed.items()}
        for name, own in (json.loads(learned.read_text("utf-8")) if learned else {}).items():
            names.setdefault(name, {}).update(own)
        return cls(names, words, spelt)

    def find(self, name: str, span: str, fuzzy: bool = True) -> str | None:
        """The English name of words of this type; None where they are not known."""
        own = self.names.get(name, {})
        text = key(span)
        if found := own.get(text) or own.get(_singular(text)):
            return found
        known = self.words.get(name, frozenset())
        # Words that are spelt right are other words than those they resemble.
        if not fuzzy or len(text) < _FEWEST_LETTERS or all(word in known for word in text.split()):
            return None
        pool = self.spelt.get(name, {}).get(text[0], ())
        near = process.extractOne(text, pool, scorer=fuzz.ratio, score_cutoff=_ALIKE)
        return own.get(near[0]) if near else None


def _singular(text: str) -> str:
    return text[:-1] if text.endswith("s") and not text.endswith("ss") else text


@cache
def _listed() -> tuple[Names, dict[str, frozenset[str]], dict[str, dict[str, list[str]]]]:
    taxonomy = Taxonomy.load()
    names: Names = {"title": _esco(taxonomy.occupations), "skill": _esco(taxonomy.skills)}
    english = Locale("en").languages
    for language in _LANGUAGES:
        names["skill"] |= {
            key(n): english[c] for c, n in Locale(language).languages.items() if c in english and len(c) < 4
        }
    names["company"] = {key(own): own for own in _COMPANIES.read_text("utf-8").splitlines()}
    section = ""
    for line in _FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif not line.startswith("#"):
            own, typed = line.split(": ", 1)
            names.setdefault(section, {}).update({key(one): own for one in (own, *typed.split(", "))})
    spelt: dict[str, dict[str, list[str]]] = {}
    for name, known in names.items():
        letters: dict[str, list[str]] = defaultdict(list)
        for one in known:
            if len(one) >= _FEWEST_LETTERS and len(one.split()) <= _MOST_WORDS:
                letters[one[0]].append(one)
        spelt[name] = dict(letters)
    words = {name: frozenset(word for one in known for word in one.split()) for name, known in names.items()}
    return names, words, spelt


def _esco(concepts: Iterable[Concept]) -> dict[str, str]:
    """English labels for themselves, French ones for the concept's English name."""
    found: dict[str, str] = {}
    for concept in concepts:
        for label in concept.labels.get("fr", ()):
            if len(label.split()) <= _MOST_WORDS:
                found |= {key(one): concept.label() for one in _SEXES.split(label)}
    for concept in concepts:
        found |= {key(label): label for label in concept.labels.get("en", ()) if len(label.split()) <= _MOST_WORDS}
    return found


def learn(pairs: Iterable[tuple[str, str, str]], least: int = 1) -> Names:
    """What labels say of words that the lists have otherwise or not at all.

    Args:
        pairs: type, words and name.
        least: how often a name must have been given.
    """
    counts: Mapping[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for name, span, value in pairs:
        counts[name, key(span)][value] += 1
    listed, _, _ = _listed()
    found: Names = {}
    for (name, text), values in sorted(counts.items()):
        value, count = min(values.items(), key=lambda item: (-item[1], item[0]))
        known = listed.get(name, {}).get(text)
        if text and count >= least and known != value and (known or key(value) != text):
            found.setdefault(name, {})[text] = value
    return found
