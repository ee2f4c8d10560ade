"""How well a CV fits a posting: facet scores and their learned combination, calibrated to P(grade ≥ 2). Pure NumPy.

Each facet's score is a logistic function of the numbers that bear on it (`facets.py`), fitted to the teacher's grades
of that facet; the whole is one of the facets' logits and of the vectors' cosine, fitted to the teacher's grades.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.matching.facets import ALL, BY_FACET, CvSide, PostingSide, compared, stated
from topics.cvs import CvFeatures
from topics.matches import Facet
from topics.postings import PostingFeatures

WEIGHTS = Path(__file__).with_name("scorer.json")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic function of so many numbers.

    Attributes:
        names: of the numbers.
        weights: as many.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    offset: float

    def logits(self, numbers: Mapping[str, Floats]) -> Floats:
        """Of each row of equally long columns, clipped to what a probability can tell."""
        total: Floats = np.full(len(numbers[self.names[0]]), self.offset)
        for name, weight in zip(self.names, self.weights, strict=True):
            total = total + weight * numbers[name]
        return np.clip(total, -12, 12)


@dataclass(frozen=True, slots=True)
class Scored:
    """Of one pair.

    Attributes:
        score: calibrated probability that a person would grade it 2 or 3.
        facets: likewise of each facet; None where a side says nothing of it.
    """

    score: float
    facets: dict[Facet, float | None]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Fitted by `models.matching.fit`.

    Attributes:
        digest: of the weights.
    """

    facets: dict[Facet, Logistic]
    whole: Logistic
    digest: str

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Scorer":
        """Reads the weights.

        Raises:
            OSError: no such file.
            ValueError: not such a file, or of numbers that are not compared (any more).
        """
        content = path.read_bytes()
        try:
            found = json.loads(content)
            facets: dict[Facet, Logistic] = {name: _logistic(found["facets"][name]) for name in BY_FACET}
            whole = _logistic(found["whole"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no file of a scorer's weights: {error}") from error
        known = {*ALL, *BY_FACET}
        if unknown := {name for own in (*facets.values(), whole) for name in own.names} - known:
            raise ValueError(f"{path} weighs {', '.join(sorted(unknown))}")
        return cls(facets, whole, hashlib.sha256(content).hexdigest()[:16])

    def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> list[Scored]:
        """Of each CV against the posting; each pair's by itself."""
        if not cvs:
            return []
        one = PostingSide(posting)
        sides = [CvSide(cv) for cv in cvs]
        rows = np.array([compared(one, side) for side in sides])
        whole, by_facet = self.probabilities(rows)
        return [
            Scored(
                float(whole[row]),
                {name: float(by_facet[name][row]) if said else None for name, said in stated(one, side).items()},
            )
            for row, side in enumerate(sides)
        ]

    def probabilities(self, rows: Floats) -> tuple[Floats, dict[Facet, Floats]]:
        """Of whole pairs and by facet, given what `compared` says of each, `(pairs, numbers)`."""
        numbers: dict[str, Floats] = dict(zip(ALL, rows.T, strict=True))
        facets = {name: own.logits(numbers) for name, own in self.facets.items()}
        numbers.update({str(name): own for name, own in facets.items()})
        whole = self.whole.logits(numbers)
        return _probability(whole), {name: _probability(own) for name, own in facets.items()}


@lru_cache(1)
def shipped() -> Scorer:
    """The scorer of this package."""
    return Scorer.load()


def _logistic(found: Mapping[str, object]) -> Logistic:
    weights = found["weights"]
    offset = found["offset"]
    if not isinstance(weights, dict) or not isinstance(offset, float):
        raise TypeError("weights by name and an offset are wanted")
    return Logistic(tuple(weights), tuple(float(own) for own in weights.values()), offset)


def _probability(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)
