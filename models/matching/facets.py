"""What is compared of a posting and a CV, aspect by aspect: numbers that the scorer weighs. Pure NumPy.

Vectors (dot products of titles, of skills, of all together), ESCO (occupations by their ISCO-08 groups, shared skills),
words (skills spelled alike) and plain facts (years and degrees asked for and had, rank, function). The text itself is
not read: what keeps features for matching need not keep it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from models import embedding
from topics.cvs import CvFeatures
from topics.fields import Embedding
from topics.matches import Facet
from topics.postings import PostingFeatures

LEVELS = ("secondary", "vocational", "bachelor", "master", "doctorate")
# Managers and leads are of one rank: which of them stands higher hangs on the employer.
RANKS = {"intern": 0, "entry": 1, "mid": 2, "senior": 3, "lead": 4, "manager": 4, "executive": 5}
# Years that a level of experience commonly means, where a posting states no number.
YEARS = {"entry": 0.0, "intermediate": 2.0, "senior": 5.0, "executive": 8.0}
# What is taken where one side says nothing: about what such pairs have on average.
_NO_COSINE, _NO_YEARS_ASKED, _NO_YEARS_HAD = 0.3, 1.0, 6.0
# From so many years more than asked for a recruiter calls a person overqualified.
_MANY_YEARS = 8.0
# Levenshtein ratio from which two spellings of a skill are one.
_SPELLED_ALIKE = 88.0

ALL = (
    "cosine", "titles", "skills", "isco", "both_isco", "shared_skills", "spelled_skills", "years_short", "years_over",
    "years_asked", "years_had", "rank_over", "rank_under", "degree_short", "degree_asked", "degree_had", "function",
)  # fmt: skip
BY_FACET: dict[Facet, tuple[str, ...]] = {
    "title": ("cosine", "titles", "isco", "both_isco", "rank_over", "rank_under", "function"),
    "skills": ("cosine", "skills", "shared_skills", "spelled_skills", "titles"),
    "experience": (
        "cosine", "titles", "isco", "both_isco", "years_short", "years_over", "years_asked", "years_had", "rank_over",
        "rank_under",
    ),
    "education": ("cosine", "degree_short", "degree_asked", "degree_had", "years_asked"),
    "domain": ("cosine", "titles", "skills", "isco", "both_isco", "function"),
}  # fmt: skip

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Side:
    """What is compared alike on both sides, read once for all of the other."""

    features: PostingFeatures | CvFeatures

    @cached_property
    def vectors(self) -> tuple[Vector | None, Vector | None, Vector | None]:
        """Of all, titles, skills."""
        features = self.features
        return _vector(features.embedding), _vector(features.titles_embedding), _vector(features.skills_embedding)

    @cached_property
    def skills(self) -> list[str]:
        """As spelled, in lower case."""
        return [skill.value.lower() for skill in self.features.skills]


@dataclass(frozen=True)
class PostingSide(_Side):
    """What of a posting is compared, read once for all CVs."""

    features: PostingFeatures

    @cached_property
    def years(self) -> float | None:
        """Asked for, by number or by level."""
        stated = self.features.experience_years_min.value
        return stated if stated is not None else YEARS.get(self.features.experience_level.value)

    @cached_property
    def degree(self) -> int | None:
        """Asked for, as an index of `LEVELS`."""
        level = self.features.education_level.value
        return LEVELS.index(level) if level in LEVELS else None


@dataclass(frozen=True)
class CvSide(_Side):
    """What of a CV is compared."""

    features: CvFeatures

    @cached_property
    def degree(self) -> int | None:
        """The highest one."""
        return max((LEVELS.index(own.value.level) for own in self.features.education if own.value.level in LEVELS),
                   default=None)  # fmt: skip


def compared(posting: PostingSide, cv: CvSide) -> Vector:
    """Numbers in the order of `ALL`; each depends on the pair alone."""
    whole, titles, skills = (_dot(*pair) for pair in zip(posting.vectors, cv.vectors, strict=True))
    occupation, own = posting.features.esco_occupation.value, cv.features.esco_occupation.value
    asked_skills = {skill.value.uri for skill in posting.features.esco_skills}
    had_skills = {skill.value.uri for skill in cv.features.esco_skills}
    asked = _NO_YEARS_ASKED if posting.years is None else posting.years
    had = cv.features.experience_years.value
    had = _NO_YEARS_HAD if had is None else had
    rank = RANKS[cv.features.seniority.value] - RANKS[posting.features.seniority.value]
    degree = 1 if cv.degree is None else cv.degree
    values = {
        "cosine": whole,
        "titles": titles,
        "skills": skills,
        "isco": _isco(occupation.code, own.code) if occupation and own else 0.0,
        "both_isco": float(occupation is not None and own is not None),
        "shared_skills": len(asked_skills & had_skills) / max(1, len(asked_skills)),
        "spelled_skills": _spelled(posting.skills, cv.skills),
        "years_short": max(0.0, asked - had) / (asked + 1),
        "years_over": min(3.0, max(0.0, had - asked - _MANY_YEARS) / 10),
        "years_asked": math.log1p(asked),
        "years_had": math.log1p(had),
        "rank_over": float(max(0, rank)),
        "rank_under": float(max(0, -rank)),
        "degree_short": float(max(0, posting.degree - degree)) if posting.degree is not None else 0.0,
        "degree_asked": 0.0 if posting.degree is None else posting.degree + 1.0,
        "degree_had": float(degree),
        "function": float(posting.features.department.value == cv.features.department.value),
    }
    return np.array([values[name] for name in ALL])


def stated(posting: PostingSide, cv: CvSide) -> dict[Facet, bool]:
    """Of each facet whether both sides say something of it (of degrees and years: whether any is asked for)."""
    return {
        "title": posting.vectors[1] is not None and cv.vectors[1] is not None,
        "skills": posting.vectors[2] is not None and cv.vectors[2] is not None,
        "experience": posting.years is not None,
        "education": posting.degree is not None,
        "domain": posting.vectors[0] is not None and cv.vectors[0] is not None,
    }


def _vector(own: Embedding | None) -> Vector | None:
    return embedding.decode(own).astype(np.float64) if own is not None else None


def _dot(left: Vector | None, right: Vector | None) -> float:
    return float(left @ right) if left is not None and right is not None else _NO_COSINE


def _isco(left: str, right: str) -> float:
    """Share of the four digits of the ISCO-08 unit group that agree from the left."""
    return next((digits / 4 for digits in (4, 3, 2, 1) if left[:digits] == right[:digits]), 0.0)


def _spelled(asked: Sequence[str], had: Sequence[str]) -> float:
    """Share of the skills asked for that the CV spells alike."""
    if not asked or not had:
        return 0.0
    likeness = process.cdist(asked, had, scorer=fuzz.ratio, score_cutoff=_SPELLED_ALIKE)
    return float((likeness.max(axis=1) > 0).mean())
