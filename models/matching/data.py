"""Graded pairs and the features of both sides, split by posting: no posting is both trained on and tested."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets import draw, read_lines
from models.matching.facets import BY_FACET, CvSide, PostingSide, compared
from topics.cvs import CvFeatures
from topics.fairness import Outcome
from topics.matches import Facet
from topics.postings import PostingFeatures

# Of the graded postings, kept for the test.
TEST_SHARE = 0.25
_PURPOSE = "matching"


@dataclass(frozen=True, slots=True)
class Grade:
    """A person's or the teacher's judgement of one pair, 0 to 3, of the whole and by facet."""

    posting_id: str
    cv_id: str
    grade: int
    facets: Mapping[Facet, int]


def read_grades(paths: Iterable[Path]) -> list[Grade]:
    """Of JSON lines with `posting_id`, `cv_id`, `grade` and `facets`, each pair's last one.

    Raises:
        OSError, ValueError, KeyError: not such files.
    """
    found = {}
    for path in paths:
        for row in read_lines(path):
            facets: dict[Facet, int] = {name: row["facets"][name] for name in BY_FACET}
            found[row["posting_id"], row["cv_id"]] = Grade(row["posting_id"], row["cv_id"], row["grade"], facets)
    return list(found.values())


def read_outcomes(paths: Iterable[Path], talent_pool: bool = False) -> list[Grade]:
    """Recruiters' decisions (`outcomes.v1`) as grades without facets, of each pair the newest one.

    Hired is 3, the rest 0; what decides nothing (pool, no news, position filled) is left out, as published.

    Args:
        talent_pool: the three-class variant, for ranking who is kept in mind: pool is 2.

    Raises:
        OSError, ValueError: not such files.
    """
    newest: dict[str, Outcome] = {}
    for own in (Outcome.model_validate_json(json.dumps(row)) for path in paths for row in read_lines(path)):
        if own.id not in newest or newest[own.id].at <= own.at:
            newest[own.id] = own
    grades = []
    for own in newest.values():
        if talent_pool and own.status == "pool":
            grades.append(Grade(own.posting_id, own.cv_id, 2, {}))
        elif own.label is not None:
            grades.append(Grade(own.posting_id, own.cv_id, 3 * own.label, {}))
    return grades


def is_test(posting_id: str) -> bool:
    """Whether all pairs of a posting are for the test."""
    return draw(posting_id, _PURPOSE) < TEST_SHARE


def part(posting_id: str, parts: int) -> int:
    """Of cross-validation."""
    return int(draw(posting_id, f"{_PURPOSE} part") * parts)


@dataclass(frozen=True)
class Pairs:
    """Graded pairs whose two sides have features, the pairs of a posting together."""

    grades: Sequence[Grade]
    postings: Mapping[str, PostingFeatures]
    cvs: Mapping[str, CvFeatures]

    @classmethod
    def read(cls, grades: Iterable[Grade], postings: Path, cvs: Path) -> "Pairs":
        """Joins grades with files of features as `talentstream extract` and `structure` write them."""
        own_postings = {own.id: own for own in (PostingFeatures.model_validate(row) for row in read_lines(postings))}
        own_cvs = {own.id: own for own in (CvFeatures.model_validate(row) for row in read_lines(cvs))}
        kept = [own for own in grades if own.posting_id in own_postings and own.cv_id in own_cvs]
        return cls(sorted(kept, key=lambda own: (own.posting_id, own.cv_id)), own_postings, own_cvs)

    def part_of(self, test: bool, without: Collection[str] = ()) -> "Pairs":
        """The pairs of the postings to test or to train on, less those of these CVs."""
        kept = [own for own in self.grades if is_test(own.posting_id) is test and own.cv_id not in without]
        return Pairs(kept, self.postings, self.cvs)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Grade of each pair."""
        return np.array([own.grade for own in self.grades])

    def facet_labels(self, facet: Facet) -> NDArray[np.int64]:
        """Grade of each pair's facet."""
        return np.array([own.facets[facet] for own in self.grades])

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """What is compared of each pair, `(pairs, len(facets.ALL))`."""
        one = {name: PostingSide(own) for name, own in self.postings.items()}
        other = {name: CvSide(own) for name, own in self.cvs.items()}
        return np.array([compared(one[own.posting_id], other[own.cv_id]) for own in self.grades])

    def rankings(self, scores: Sequence[float] | NDArray[np.float64]) -> list[list[int]]:
        """Of each posting the grades of its CVs from the best score to the worst; of equals the worst first."""
        by_posting: dict[str, list[tuple[float, int]]] = {}
        for own, score in zip(self.grades, scores, strict=True):
            by_posting.setdefault(own.posting_id, []).append((-float(score), own.grade))
        return [[grade for _, grade in sorted(own)] for own in by_posting.values()]
