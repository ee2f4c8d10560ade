"""From the student's probabilities to spans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.queries.labels import NEGATED, TAGS, TYPES
from models.queries.words import Words

Floats = NDArray[np.float32]
_LEAST = 1e-6
_COUNT = len(TAGS)
_IMPOSSIBLE = -1e9


def _transitions() -> NDArray[np.float64]:
    """Of each tag to each: a span's further word follows a word of the same type."""
    allowed = np.zeros((_COUNT, _COUNT))
    for tag in range(2, _COUNT, 2):
        allowed[:, tag] = _IMPOSSIBLE
        allowed[tag - 1, tag] = allowed[tag, tag] = 0.0
    return allowed


_TRANSITIONS = _transitions()
_STARTS = np.array([_IMPOSSIBLE if tag and tag % 2 == 0 else 0.0 for tag in range(_COUNT)])


@dataclass(frozen=True, slots=True)
class Span:
    """A criterion's words, half-open, with the probabilities that type and extent are right and that it is excluded."""

    type: str
    start: int
    end: int
    sure: float
    negated: float


def spans(words: Words, token_probs: Floats) -> list[Span]:
    """The likeliest spans (Viterbi), in the text's order; they never overlap.

    Args:
        token_probs: `(tokens, TOKEN_CLASSES)`, without padding.
    """
    if not words.tokens:
        return []
    own = token_probs[list(words.tokens)].astype(np.float64)
    tags = _best(np.log(np.maximum(own[:, :_COUNT], _LEAST)))
    found: list[Span] = []
    index = 0
    while index < len(tags):
        tag = tags[index]
        if tag == 0:
            index += 1
            continue
        last = index
        while last + 1 < len(tags) and tags[last + 1] == tag + 1:
            last += 1
        rows = own[index : last + 1]
        sure = float(np.exp(np.mean(np.log(np.maximum(rows[:, tag] + rows[:, tag + 1], _LEAST)))))
        start, end = words.spans[index][0], words.spans[last][1]
        found.append(Span(TYPES[(tag - 1) // 2], start, end, min(1.0, sure), float(rows[:, NEGATED].mean())))
        index = last + 1
    return found


def _best(logs: NDArray[np.float64]) -> Sequence[int]:
    """The likeliest allowed sequence of tags for log probabilities `(words, tags)`."""
    if (path := _greedy(logs)) is not None:
        return path
    score = logs[0] + _STARTS
    back = np.zeros(logs.shape, np.int64)
    for index in range(1, len(logs)):
        ways = score[:, None] + _TRANSITIONS
        back[index] = ways.argmax(0)
        score = ways[back[index], np.arange(_COUNT)] + logs[index]
    tags = [int(score.argmax())]
    for index in range(len(logs) - 1, 0, -1):
        tags.append(int(back[index, tags[-1]]))
    return tags[::-1]


def _greedy(logs: NDArray[np.float64]) -> list[int] | None:
    """Each word's likeliest tag, where that is an allowed sequence: then it is the best one."""
    tags: list[int] = logs.argmax(1).tolist()
    before = 0
    for tag in tags:
        if tag and tag % 2 == 0 and before not in (tag, tag - 1):
            return None
        before = tag
    return tags
