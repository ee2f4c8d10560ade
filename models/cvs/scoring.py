"""What the teacher found in a CV and what the student did, field by field, in forms that can be compared."""

import re
from collections import Counter
from collections.abc import Sequence

from models.cvs.data import Label
from topics.cvs import CvExtraction

Items = tuple[str, ...]
LISTS = ("current_title", "past_titles", "companies", "sectors", "education", "education_level", "education_field",
         "skills", "languages", "certificates")  # fmt: skip
_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """White space and case folded."""
    return " ".join(text.split()).casefold()


def wanted(label: Label) -> dict[str, Items]:
    """Of each list field what the teacher found."""
    degrees = label["education"]
    return {
        "current_title": _fold([label["current_title"]] if label["current_title"] else []),
        "past_titles": _fold(label["past_titles"]),
        "companies": _fold(label["companies"]),
        "sectors": _fold(label["sectors"]),
        "education": _fold([degree["span"] for degree in degrees]),
        "education_level": tuple(degree["level"] for degree in degrees),
        "education_field": _fold([degree["field"] for degree in degrees if degree["field"]]),
        "skills": _fold(label["skills"]),
        "languages": tuple(dict.fromkeys(one["language"] for one in label["languages"])),
        "certificates": _fold(label["certificates"]),
    }


def found(extraction: CvExtraction) -> dict[str, Items]:
    """Of each list field what the student found."""
    title = extraction.current_title.value
    degrees = [one.value for one in extraction.education]
    return {
        "current_title": _fold([title] if title else []),
        "past_titles": _fold([one.value for one in extraction.past_titles]),
        "companies": _fold([one.value for one in extraction.companies]),
        "sectors": _fold([one.value for one in extraction.sectors]),
        "education": _fold([degree.span for degree in degrees]),
        "education_level": tuple(degree.level for degree in degrees),
        "education_field": _fold([degree.field for degree in degrees if degree.field]),
        "skills": _fold([one.value for one in extraction.skills]),
        "languages": tuple(one.value for one in extraction.languages),
        "certificates": _fold([one.value for one in extraction.certificates]),
    }


def _fold(names: Sequence[str]) -> Items:
    return tuple(folded(name) for name in names)


def exact(gold: Items, guess: Items) -> tuple[float, float, float]:
    """Hits among the guesses, hits among the gold, both as counts of a multiset: hits, guesses, gold."""
    common = sum((Counter(gold) & Counter(guess)).values())
    return float(common), float(len(guess)), float(len(gold))


def overlap(gold: Items, guess: Items) -> tuple[float, float, float]:
    """As :func:`exact`, by words: those that both name, those guessed, those of the gold."""
    words = [Counter(_WORD.findall(" ".join(items))) for items in (gold, guess)]
    return float(sum((words[0] & words[1]).values())), float(words[1].total()), float(words[0].total())


def f1(counts: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of counts summed over CVs; 0 where nothing is to divide by."""
    hits, guesses, gold = (sum(column) for column in zip(*counts, strict=True)) if counts else (0.0, 0.0, 0.0)
    return (
        hits / guesses if guesses else 0.0,
        hits / gold if gold else 0.0,
        2 * hits / (guesses + gold) if guesses + gold else 0.0,
    )
