"""Labelled queries of the annotation guide's form: read, repaired by the guide's conventions, split by a hash."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from models.datasets import draw, read_lines
from models.queries.labels import FIELDS, LANGUAGES
from models.queries.text import plain
from models.queries.written import Example, Mark

Part = Literal["train", "calibration", "test"]
Row = Mapping[str, Any]
_TEST_SHARE, _CALIBRATION_SHARE = 0.20, 0.12
# A name: words that begin with a capital letter, small ones between them.
_NAME = re.compile(r"(?:[A-ZÀ-Þ][^\s,]*)(?:\s+(?:(?:of|for|de|la|the|and|&)\s+)*[A-ZÀ-Þ][^\s,]*)*")
_NOT_NAMES = frozenset(("Jobs", "Careers", "Job", "Career"))
_LEVELS = {
    "intern": r"intern(?:ship)?s?\b|student",
    "entry": r"entry|junior|graduate|beginner",
    "mid": r"\bmid\b|mid-|experienced",
    "senior": r"senior",
    "lead": r"\blead\b|lead-|supervis|team leader",
    "executive": r"executive|director|management",
}
# Bare words for a field of work, which are no title.
_FIELDS_OF_WORK = {
    "cleaning": "cleaning", "sales": "sales", "warehouse": "warehousing", "nursing": "nursing", "security": "security",
    "teaching": "teaching", "plumbing": "plumbing", "telemarketing": "telemarketing", "ménage": "cleaning",
    "nettoyage": "cleaning", "vente": "sales", "coiffure": "hairdressing",
}  # fmt: skip
# Conventions: these words are negated only where another word excludes them.
_LACKING = re.compile(r"^(?:no|without|sans|aucune?|0|zero|kein\w*|sin|senza|sem|geen|bez|pas de)\b", re.IGNORECASE)


def read(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Rows of the guide's keys, repaired; of two with one text the first.

    Raises:
        OSError, ValueError, KeyError: not such a file.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        for row in read_lines(path):
            found.setdefault(key(row["query"]), repaired(row))
    return list(found.values())


def key(text: str) -> str:
    """Letters and digits without case and accents: what two writings of one query share."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c))))


def repaired(row: Row) -> dict[str, Any]:
    """The row as the guide's conventions have it, where its annotator did not know them yet."""
    criteria = []
    for one in row["criteria"]:
        own = dict(one)
        lacks = bool(_LACKING.match(own["span"]))
        if own["type"] in ("experience_years", "education") and lacks:
            own["negated"] = False
            own["value"] = "0" if own["type"] == "experience_years" else "none"
        if own["type"] == "title" and own["span"].casefold() in _FIELDS_OF_WORK:
            own |= {"type": "industry", "value": _FIELDS_OF_WORK[own["span"].casefold()]}
        if own["type"] in ("salary", "experience_years") and re.match(r"\d+(?:\.\d+)?(?: |$)", own["value"]):
            own["value"] = own["value"] if own["value"] == "0" else ">=" + own["value"]
        criteria.append(own)
    if row["intent"] == "navigational" and not criteria:
        criteria = _on_page(row)
    fixed = {one["type"] for one in criteria if not one["negated"]}
    facets = [one for one in row["facets"] if one["type"] not in fixed]
    return {**row, "criteria": criteria if row["intent"] != "out_of_scope" else [], "facets": facets}


def _on_page(row: Row) -> list[dict[str, Any]]:
    """Company and place of a wanted page: the name that opens the rewrite, and what stands behind its comma."""
    found = []
    name = _NAME.match(row["rewrite"])
    words = name.group().split() if name else []
    while words and words[-1] in _NOT_NAMES:
        words.pop()
    while words and not (company := _mention("company", " ".join(words), row["query"])):
        words.pop()
    if words and company:
        found.append(company)
    place = _mention("location", row["rewrite"].rpartition(", ")[2], row["query"]) if ", " in row["rewrite"] else None
    return found + ([place] if place else [])


def _mention(kind: str, value: str, text: str) -> dict[str, Any] | None:
    match = re.search(rf"\b{re.escape(plain(value))}\b", plain(text)) if len(plain(text)) == len(text) else None
    if match is None:
        return None
    start, end = match.span()
    return {"type": kind, "span": text[start:end], "start": start, "end": end, "value": value, "negated": False}


def split(rows: Iterable[dict[str, Any]]) -> dict[Part, list[dict[str, Any]]]:
    """By a hash of the text without case, accents and marks."""
    parts: dict[Part, list[dict[str, Any]]] = {"train": [], "calibration": [], "test": []}
    for row in rows:
        parts[part_of(row["query"])].append(row)
    return parts


def part_of(text: str) -> Part:
    """The same for all writings of a query."""
    drawn = draw(key(text), "queries")
    if drawn < _TEST_SHARE:
        return "test"
    return "calibration" if drawn < _TEST_SHARE + _CALIBRATION_SHARE else "train"


def example(row: Row) -> Example:
    """A row's targets."""
    marks = tuple(Mark(c["type"], c["start"], c["end"], c["negated"]) for c in row["criteria"])
    asked = any(mark.type in ("title", "skill", "industry") for mark in marks)
    facets = frozenset((f["type"], f["value"]) for f in row["facets"]) if asked else None
    language = row["language"] if row["language"] in LANGUAGES else ""
    # Not every page's company was annotated, nor could all be found again.
    tagged = bool(marks) or row["intent"] != "navigational"
    return Example(row["query"], marks, row["intent"], language, needs(row), facets, tagged=tagged)


def row(example: Example, number: int) -> dict[str, Any]:
    """A written query as a labelled row, so far as it is known; its searcher has no profile."""
    criteria = [
        {"type": m.type, "span": example.text[m.start : m.end], "start": m.start, "end": m.end, "negated": m.negated}
        for m in example.marks
    ]
    missing = [name for name, needed in zip(FIELDS, example.needs, strict=True) if needed]
    known = {"intent": example.intent, "language": example.language, "criteria": criteria, "missing": missing}
    return {"id": f"written-{number}", "query": example.text, "profile": None, **known}


def needs(row: Row) -> tuple[bool | None, ...]:
    """Of each profile field whether the query needs it, as its rewrite shows; None where that does not show."""
    if row["intent"] not in ("self_reference", "mixed"):
        return (False,) * len(FIELDS)
    profile = row["profile"] or {}
    found: list[bool | None] = []
    for name in FIELDS:
        if name in row["missing"]:
            found.append(True)
        elif not row["profile"]:
            found.append(False)
        else:
            found.append(_shows(name, profile.get(name), row))
    return tuple(found)


def _shows(name: str, value: Any, row: Row) -> bool | None:
    rewrite = row["rewrite"].casefold()
    if not value:
        return None if name == "skills" and value == [] else False
    if name == "seniority":
        said = any(c["type"] == "seniority" for c in row["criteria"])
        return not said and re.search(_LEVELS[value], rewrite) is not None
    if name == "location":
        if any(c["type"] == "location" and not c["negated"] for c in row["criteria"]):
            return False
        return True if _shared(value, rewrite) else (None if row["language"] != "en" else False)
    if name == "skills":
        if any(_shared(skill, rewrite) for skill in value):
            return True
        return None if row["language"] != "en" else False
    if any(c["type"] == "title" and not c["negated"] for c in row["criteria"]) and row["language"] == "en":
        return False
    return True if _shared(value, rewrite) else (None if row["language"] != "en" else False)


def _shared(value: str, rewrite: str) -> bool:
    """Whether most words of a value stand in the rewrite, endings aside."""
    stems = [word[:5] for word in key(value.split(",")[0]).split() if len(word) > 1]
    plain = " " + key(rewrite)
    return bool(stems) and sum(" " + stem in plain for stem in stems) * 2 > len(stems) - 1
