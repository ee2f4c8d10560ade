"""Simpler means that the student must beat: headings and lists for the fields, counted words for the choices."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from models.cvs import education, languages
from models.cvs.data import Example
from models.cvs.dates import ranges
from models.cvs.scoring import Items, folded
from models.cvs.sections import lines

_SEPARATORS = re.compile(r"[,;•|\n]| - ")
_MAX_WORDS = 5


def by_headings(examples: Sequence[Example]) -> list[dict[str, Items]]:
    """Fields by section headings alone: what stands in a section, cut at its separators."""
    return [_by_headings(item.text) for item in examples]


def _by_headings(text: str) -> dict[str, Items]:
    rows = [row for row in lines(text) if row.heading.end]
    of = {kind: [text[r.start : r.end] for r in rows if r.kind == kind] for kind in ("skills", "certificates")}
    skills = [part.strip(" .-") for line in of["skills"] for part in _SEPARATORS.split(line)]
    degrees = [text[r.start : r.end] for r in rows if r.kind == "education"]
    degrees = [line for line in degrees if education.level(line) != "other"]
    titles = []
    for row in rows:
        line = text[row.start : row.end]
        if row.kind == "experience" and (dates := [r for r in ranges(line) if not r.single]):
            before = line[: dates[0].start].strip(" ,-–|:")
            titles.append(before or line[dates[0].end :].strip(" ,-–|:"))
    spoken = [code for row in rows if row.kind == "languages" for code in languages.codes(text[row.start : row.end])]
    return {
        "current_title": tuple(folded(title) for title in titles[:1]),
        "past_titles": tuple(folded(title) for title in titles[1:9]),
        "companies": (),
        "sectors": (),
        "education": tuple(folded(line) for line in degrees),
        "education_level": tuple(education.level(line) for line in degrees),
        "education_field": (),
        "skills": tuple(dict.fromkeys(folded(s) for s in skills if 0 < len(s.split()) <= _MAX_WORDS))[:20],
        "languages": tuple(dict.fromkeys(spoken)),
        "certificates": tuple(folded(line) for line in of["certificates"]),
    }


def choices(name: str, train: Sequence[Example], test: Sequence[Example]) -> dict[str, float]:
    """Accuracy of the commonest class, and of logistic regression on TF-IDF of the text."""
    # Of the training extra; only evaluation fits it.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    known = [item.label[name] for item in train]
    gold = [item.label[name] for item in test]
    commonest = Counter(known).most_common(1)[0][0]
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)),
        LogisticRegression(C=10, class_weight="balanced", max_iter=500),
    )
    model.fit([item.text for item in train], known)
    guesses = model.predict([item.text for item in test])
    return {
        "majority": sum(commonest == g for g in gold) / len(gold),
        "TF-IDF": sum(a == b for a, b in zip(guesses, gold, strict=True)) / len(gold),
    }


SIMPLE: dict[str, Callable[[Sequence[Example]], list[dict[str, Items]]]] = {"headings": by_headings}
