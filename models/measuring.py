"""Metrics with their intervals, and the confidence below which a person should look."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SAMPLES = 1_000
_BINS = 10
# A field is marked for review where those as sure as it are right less often than this.
_REVIEW_ACCURACY = 0.85
_REVIEW_WINDOW, _REVIEW_LEAST = 0.15, 8
_REVIEW_STEPS = tuple(step / 20 for step in range(20))

Metric = Callable[[Sequence[Any], Sequence[Any]], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(truth: Sequence[Any], guess: Sequence[Any], metric: Metric) -> Figure:
    """A metric and its percentile interval over resampled cases; the same data gives the same interval."""
    generator = np.random.default_rng(0)
    pairs = list(zip(truth, guess, strict=True))
    values = []
    for _ in range(SAMPLES):
        drawn = [pairs[i] for i in generator.integers(0, len(pairs), len(pairs))]
        values.append(metric([a for a, _ in drawn], [b for _, b in drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(metric(truth, guess), float(low), float(high))


def mean(values: ArrayLike) -> Figure:
    """A mean with its interval; the same values give the same interval."""
    own = np.asarray(values, np.float64)
    if not len(own):
        return Figure(float("nan"), float("nan"), float("nan"))
    drawn = np.random.default_rng(0).integers(0, len(own), (SAMPLES, len(own)))
    low, high = np.percentile(own[drawn].mean(axis=1), [2.5, 97.5])
    return Figure(float(own.mean()), float(low), float(high))


def accuracy(truth: Sequence[Any], guess: Sequence[Any]) -> float:
    """Share of the cases that are right."""
    return float(np.mean([a == b for a, b in zip(truth, guess, strict=True)]))


def f1(truth: Sequence[str], guess: Sequence[str], classes: Iterable[str], average: str) -> float:
    """F1 over these classes, `macro` or `weighted` as scikit-learn has them, at a hundredth of its time."""
    wanted, said = Counter(truth), Counter(guess)
    right = Counter(a for a, b in zip(truth, guess, strict=True) if a == b)
    scores = {c: 2 * right[c] / max(1, wanted[c] + said[c]) for c in classes}
    if average == "macro":
        return sum(scores.values()) / max(1, len(scores))
    return sum(wanted[c] * score for c, score in scores.items()) / max(1, sum(wanted[c] for c in scores))


def calibration_error(sure: Sequence[tuple[float, bool]], _: object = None) -> float:
    """Expected calibration error of (confidence, right) pairs over ten bins of equal width."""
    confidence = np.array([c for c, _ in sure])
    right = np.array([r for _, r in sure], dtype=float)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(_BINS)]
    return float(sum(gaps) / len(sure))


def review_threshold(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The least confidence such that there and above, wherever enough answers lie, they are right often enough."""
    threshold = 1.0
    for step in reversed(_REVIEW_STEPS):
        near = (sure >= step) & (sure < step + _REVIEW_WINDOW)
        if near.sum() >= _REVIEW_LEAST and right[near].mean() < _REVIEW_ACCURACY:
            break
        threshold = step
    return threshold
