"""Words whose type is known: a nudge to the tagger, so that a town or an employer it never saw is no skill.

The names of the lists, ESCO and GeoNames, and those of the training labels; how far each type's names are trusted is
fitted on the calibration part (a gazetteer as a feature: Florian et al. 2003). Amounts, years and dates are told by
their form.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.queries.labels import TYPES, first
from models.queries.lexicon import Lexicon
from models.queries.places import Places, regions
from models.queries.text import key

_MOST_WORDS = 5
_FEWEST_LETTERS = 3
_MONEY = r"(?:[£$€₹]\s?|(?:eur|usd|gbp|chf|aed|sar)\s)?\d[\d.,]*(?:\s\d{3})*\s?(?:k|lpa|lakhs?)?"
_UNIT = r"(?:€|£|\$|euros?|eur|usd|gbp|chf|sar|aed|cad|pln|zł|naira|dollars?|pounds?)"
_PER = (
    r"(?:(?:/|per|an?|par|pro|de l'|l'|p)\s?(?:hours?|hr|h|heure|stunde|days?|jour|tag|weeks?|wk|semaine|months?"
    r"|mois|monat|years?|yr|annum|an|jahr|mo)\b|ph\b|p/h\b|pa\b|monthly|annually|hourly|daily)"
)
_LEAST = (
    r"(?:(?:over|under|above|at least|min(?:imum)?|max(?:imum)?|up to|more than|less than|not (?:under"
    r"|less than)|around"
    r"|about|plus de|au moins|moins de|jusqu'à|entre|between|ab|mindestens|from|tjm|base)\s(?:of\s)?|>\s?|<\s?)?"
)
_YEARS = r"(?:years?|yrs?|yr|y|ans|jahre?n?|años?|anni|anos?|jaar|lat|yoe)"
_COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)"
# Told by their form; of several that fit the longest counts.
_FORMS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "salary",
            rf"{_LEAST}{_MONEY}(?:\s?(?:-|–|to|à|a|and|et|bis)\s?{_MONEY})?\+?(?:\s?{_UNIT})?\+?"
            rf"(?:\s?(?:net|brut|base|gross))?(?:\s?{_PER})?\+?(?:\s?(?:net|brut|min(?:i(?:mum)?)?|plus"
            rf"|or (?:more|up)|\+))*",
        ),
        (
            "experience_years",
            rf"(?:(?:at least|min(?:imum)?|over|under|less than|more than|au moins|moins de|plus de)\s)?{_COUNT}\+?"
            rf"(?:\s?(?:-|–|to|à|or|ou)\s?{_COUNT})?\+?\s?{_YEARS}\b'?"
            r"(?:\s(?:of\s)?(?:experience|exp|xp|d'(?:expérience|xp|exp)))?(?:\s(?:minimum|mini|min))?",
        ),
        (
            "experience_years",
            r"(?:no|zero|without|sans|ohne|sin|senza|sem)\s(?:experience|exp|xp|expérience|experiencia)\b",
        ),
        ("education", r"(?:no|sans|without)\s(?:degree|diploma|diplôme|qualifications?)(?:\s(?:needed|required))?"),
        (
            "date_posted",
            r"(?:(?:posted|published|publiée?s?|new)\s)?(?:(?:in the|within the|since|last|past|this|depuis|cette|ce"
            r"|dernières?|derniers?|les)\s)+(?:\d+\s)?(?:hours?|days?|weeks?|months?|24\s?h|48\s?h|semaine|mois|jours?|yesterday|hier"
            r"|monday|fortnight|heures)(?:\sderniers?)?",
        ),
    )
)
_TOLD = re.compile(rf"[£$€₹]|k\b|lpa|lakh|\d\s?{_UNIT}|{_UNIT}\s\d|\d\+?\s?{_PER}|net\b|brut|>", re.IGNORECASE)
_LISTED = tuple(name for name in TYPES if name not in ("location", "salary", "experience_years", "date_posted"))

_REGIONS = regions()
Known = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Hints:
    """Names by key with their types, and of each type the weight of a hint."""

    known: Known
    weights: Mapping[str, float]

    def nudge(self, text: str, spans: Sequence[tuple[int, int]], logs: NDArray[np.float64]) -> None:
        """Adds the weights of the known names' types to log probabilities `(words, tags)`, in place.

        Args:
            spans: of each word of the query.
        """
        self._nudge_names([key(text[start:end]) for start, end in spans], logs)
        self._nudge_forms(text, spans, logs)

    def _nudge_forms(self, text: str, spans: Sequence[tuple[int, int]], logs: NDArray[np.float64]) -> None:
        for name, pattern in _FORMS:
            weight = self.weights.get(name, 0.0)
            if not weight:
                continue
            for match in pattern.finditer(text):
                if name == "salary" and not _TOLD.search(match.group()):
                    continue
                inside = [i for i, (start, end) in enumerate(spans) if match.start() <= start and end <= match.end()]
                if inside:
                    logs[inside[0], first(name)] += weight
                    logs[inside[1:], first(name) + 1] += weight

    def _nudge_names(self, keys: Sequence[str], logs: NDArray[np.float64]) -> None:
        # Of each type the end of the last name found: names within longer ones say nothing.
        ends: dict[str, int] = {}
        for start in range(len(keys)):
            if not keys[start]:
                continue
            longest: dict[str, int] = {}
            text = ""
            for end in range(start, min(start + _MOST_WORDS, len(keys))):
                if keys[end]:
                    longest |= dict.fromkeys(self._types(text, keys[end]), end)
                    text = f"{text} {keys[end]}" if text else keys[end]
            for name, end in longest.items():
                weight = self.weights.get(name, 0.0)
                if weight and end > ends.get(name, -1):
                    ends[name] = end
                    tag = first(name)
                    logs[start, tag] += weight
                    logs[start + 1 : end + 1, tag + 1] += weight

    def _types(self, before: str, word: str) -> Sequence[str]:
        """Types of the name that a word closes."""
        if not before:
            return self.known.get(word, ())
        found = self.known.get(f"{before} {word}", ())
        if not found and word in _REGIONS and "location" in self.known.get(before, ()):
            return ("location",)
        return found


def load_known(path: Path, lexicon: Lexicon, places: Places) -> dict[str, tuple[str, ...]]:
    """Types of all names: of the lists, less those that mislead, and of the labels.

    Args:
        path: a JSON file that :func:`save_known` wrote.

    Raises:
        OSError, ValueError, KeyError: no such file.
    """
    read = json.loads(path.read_text("utf-8"))
    found = _listed(lexicon, places)
    for name, misleading in read["misleading"].items():
        for text in misleading:
            found.get(text, set()).discard(name)
    for text, names in read["learned"].items():
        found.setdefault(text, set()).update(names)
    return {text: tuple(sorted(names)) for text, names in found.items() if names}


def _listed(lexicon: Lexicon, places: Places) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in _LISTED:
        for text in lexicon.names.get(name, ()):
            if len(text) >= _FEWEST_LETTERS or name not in ("title", "skill"):
                found.setdefault(text, set()).add(name)
    for text in places.names:
        found.setdefault(text, set()).add("location")
    return found


def save_known(
    path: Path, queries: Iterable[tuple[str, Sequence[tuple[str, str]]]], lexicon: Lexicon, places: Places
) -> None:
    """Writes what labelled queries teach: names of their spans, and listed names that mostly mean something else.

    Args:
        queries: texts, each with its (type, words).
    """
    learned: dict[str, dict[str, int]] = {}
    seen: dict[str, int] = {}
    for text, spans in queries:
        for name, words in spans:
            own = learned.setdefault(key(words), {})
            own[name] = own.get(name, 0) + 1
        parts = key(text).split()
        for start in range(len(parts)):
            for end in range(start, min(start + _MOST_WORDS, len(parts))):
                ngram = " ".join(parts[start : end + 1])
                seen[ngram] = seen.get(ngram, 0) + 1
    misleading: dict[str, list[str]] = {name: [] for name in TYPES}
    for text, names in _listed(lexicon, places).items():
        for name in names:
            if seen.get(text, 0) > 2 * learned.get(text, {}).get(name, 0):
                misleading[name].append(text)
    kept = {
        text: sorted(name for name, count in own.items() if 2 * count > seen.get(text, 0))
        for text, own in learned.items()
        if len(text) > 1
    }
    data = {
        "learned": {text: names for text, names in sorted(kept.items()) if names},
        "misleading": {name: sorted(texts) for name, texts in misleading.items() if texts},
    }
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
