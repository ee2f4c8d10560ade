"""Which words show a value: the stretch of a sentence that the teacher would quote, by the token head."""

from collections.abc import Sequence

import numpy as np

from models.postings.labels import SHOWN, TAGS
from models.postings.preparing import Prepared, Unit
from models.postings.tagging import Floats

# Set on the calibration part: a word counts from this probability, or from a share of the likeliest word's where none
# reaches it; the teacher's quotes have nine words in the median.
_LEAST, _LEAST_SHARE, _WORDS = 0.5, 0.9, 9
# Where no word reaches the probability, the likeliest one decides between units.
_FAINT = 1e-3


def inside(prepared: Prepared, token_probs: Sequence[Floats]) -> list[Floats]:
    """Of each unit `(tokens, shown variables)`: how surely a token shows each; -1 where it is of no sentence."""
    found = []
    for unit, probabilities in zip(prepared.units, token_probs, strict=True):
        within = np.array([start < end for start, end in unit.token_spans])
        found.append(np.where(within[:, None], probabilities[:, len(TAGS) :], np.float32(-1.0)))
    return found


def evidence(
    prepared: Prepared, shows: Sequence[Floats], said: Sequence[float], variable: str
) -> tuple[int, int] | None:
    """Span of the words that show a variable's value most, in whole words; None where there is nothing to show.

    Args:
        shows: what :func:`inside` made.
        said: of each unit how surely it says the value.
    """
    column = SHOWN.index(variable)
    best: tuple[float, Floats, Unit] | None = None
    for unit, probabilities, sure in zip(prepared.units, shows, said, strict=True):
        own = probabilities[:, column]
        highest = float(own.max())
        mass = sure * (float(np.maximum(own - _LEAST, 0.0).sum()) + _FAINT * highest)
        if highest >= 0 and (best is None or mass > best[0]):
            best = mass, own, unit
    if best is None:
        return None
    _, own, unit = best
    first, last = _widened(prepared.text, unit, own, *_stretch(own))
    return _whole_words(prepared.text, unit.token_spans[first][0], unit.token_spans[last][1], unit.start, unit.end)


def _stretch(own: Floats) -> tuple[int, int]:
    """First and last token of the stretch with the greatest sum over the least probability (Bentley 1984)."""
    least = min(_LEAST, _LEAST_SHARE * float(own.max()))
    best, found = -1.0, (0, 0)
    total, first = 0.0, 0
    for index, value in enumerate((own - least).tolist()):
        # Context and the borders of sentences are -1: no stretch survives them.
        total, first = (total + value, first) if total > 0 else (value, index)
        if own[index] < 0:
            total = 0.0
        elif total > best:
            best, found = total, (first, index)
    return found


def _widened(text: str, unit: Unit, own: Floats, first: int, last: int) -> tuple[int, int]:
    """The stretch with its likelier neighbours of the same sentence, to so many words."""
    spans = unit.token_spans
    while len(text[spans[first][0] : spans[last][1]].split()) < _WORDS:
        before = own[first - 1] if first else -1.0
        after = own[last + 1] if last + 1 < len(own) else -1.0
        if max(before, after) < 0:
            break
        first, last = (first, last + 1) if after >= before else (first - 1, last)
    return first, last


def _whole_words(text: str, start: int, end: int, low: int, high: int) -> tuple[int, int]:
    while start > low and not text[start - 1].isspace():
        start -= 1
    while end < high and not text[end].isspace():
        end += 1
    return start, end
