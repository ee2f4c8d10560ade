"""Runs of tokens that carry a tag."""

import numpy as np
from numpy.typing import NDArray

from models.postings.preparing import Unit

Floats = NDArray[np.float32]


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
