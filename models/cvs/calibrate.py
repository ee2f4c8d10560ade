"""Fits thresholds and temperatures on CVs that were not trained on."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from models.cvs import scoring
from models.cvs.data import Example
from models.cvs.decoding import Thresholds
from models.cvs.labels import CHOICES
from models.cvs.preparing import Prepared
from models.cvs.student import CvStudent
from models.running import Answer
from topics.cvs import CvExtraction

Read = Callable[[Thresholds], list[CvExtraction]]
_GRID = (0.25, 0.35, 0.5, 0.65)
_SECTOR_GRID = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_TEMPERATURES = (0.5, 0.75, 1.0, 1.5, 2.0)
# Which fields show how good an entity's threshold is.
_JUDGED_BY = {
    "title": ("current_title", "past_titles"),
    "company": ("companies",),
    "education": ("education", "education_level"),
    "field": ("education_field",),
    "skill": ("skills",),
    "language": ("languages",),
    "certificate": ("certificates",),
}
# A field is marked for review where fewer than this share of like sure ones are right.
_RIGHT_ENOUGH = 0.5
_LEAST = 5


def fit(
    student: CvStudent, examples: Sequence[Example], prepared: Sequence[Prepared], answers: Sequence[Answer]
) -> Thresholds:
    """Thresholds of best F1 by exact and overlapping spans; temperatures of best likelihood."""

    def read(thresholds: Thresholds) -> list[CvExtraction]:
        own = replace(student, thresholds=thresholds)
        return [own.decode(cv, *answer) for cv, answer in zip(prepared, answers, strict=True)]

    def quality(thresholds: Thresholds, names: Sequence[str]) -> float:
        guesses = [scoring.found(extraction) for extraction in read(thresholds)]
        golds = [scoring.wanted(item.label) for item in examples]
        return sum(
            scoring.f1([measure(gold[name], guess[name]) for gold, guess in zip(golds, guesses, strict=True)])[2]
            for name in names
            for measure in (scoring.exact, scoring.overlap)
        )

    best = student.thresholds
    for entity, names in _JUDGED_BY.items():
        tried = [replace(best, entities=best.entities | {entity: value}) for value in _GRID]
        best = max(tried, key=lambda one: (quality(one, names), -abs(one.entities[entity] - 0.5)))
    best = max((replace(best, sector=value) for value in _SECTOR_GRID), key=lambda one: quality(one, ["sectors"]))
    best = replace(best, temperature={name: _temperature(best, name, examples, read) for name in CHOICES})
    return replace(best, review={name: _review(name, examples, read(best)) for name in CHOICES})


def _temperature(start: Thresholds, name: str, examples: Sequence[Example], read: Read) -> float:
    def likelihood(value: float) -> float:
        extractions = read(replace(start, temperature=start.temperature | {name: value}))
        sure = [getattr(e, name).confidence for e in extractions]
        right = [getattr(e, name).value == item.label[name] for e, item in zip(extractions, examples, strict=True)]
        return sum(float(np.log(np.clip(p if ok else 1 - p, 1e-3, 1))) for p, ok in zip(sure, right, strict=True))

    return max(_TEMPERATURES, key=likelihood)


def _review(name: str, examples: Sequence[Example], extractions: Sequence[CvExtraction]) -> float:
    """The confidence below which too few are right."""
    pairs = sorted(
        (getattr(e, name).confidence, getattr(e, name).value == item.label[name])
        for e, item in zip(extractions, examples, strict=True)
    )
    limit = 0.0
    for count in range(_LEAST, len(pairs)):
        if np.mean([right for _, right in pairs[:count]]) < _RIGHT_ENOUGH:
            limit = pairs[count][0]
    return round(limit, 4)
