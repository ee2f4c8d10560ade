"""Runs of tokens that carry a tag, and the years of experience under them."""

import numpy as np
from numpy.typing import NDArray

from models.postings import numbers
from models.postings.labels import TAGS
from models.postings.numbers import Years
from models.postings.preparing import Prepared, Unit

Floats = NDArray[np.float32]
_YEARS = TAGS.index("years")


def tagged(unit: Unit, token_probs: Floats, tag: int, threshold: float) -> list[tuple[int, int, float]]:
    """Runs of tokens that carry a tag: span in the posting's text and mean probability."""
    runs: list[tuple[int, int, list[float]]] = []
    column = token_probs[:, tag]
    previous = -2
    # Hardly any token carries a tag: numpy finds the few.
    for index in np.flatnonzero(column >= threshold).tolist():
        start, end = unit.token_spans[index]
        if start == end:
            continue
        if runs and index == previous + 1:
            first, _, values = runs.pop()
            runs.append((first, end, [*values, float(column[index])]))
        else:
            runs.append((start, end, [float(column[index])]))
        previous = index
    return [(start, end, sum(values) / len(values)) for start, end, values in runs]


def tagged_years(
    prepared: Prepared, unit: Unit, token_probs: Floats, threshold: float
) -> list[tuple[Years, int, int, float]]:
    """Each length of time in a unit that tags mark as experience: span in the posting's text, and how sure they are."""
    runs = tagged(unit, token_probs, _YEARS, threshold)
    found = []
    for stretch in numbers.years(prepared.text[unit.start : unit.end]) if runs else ():
        start, end = stretch.start + unit.start, stretch.end + unit.start
        if sure := max((p for a, b, p in runs if a < end and start < b), default=0.0):
            found.append((stretch, start, end, sure))
    return found
