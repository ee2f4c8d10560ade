"""From the student's probabilities to spans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.queries.hints import Hints
from models.queries.labels import NEGATED, TAGS, TYPES
from models.queries.words import Words

Floats = NDArray[np.float32]
_LEAST = 1e-6
_COUNT = len(TAGS)
_IMPOSSIBLE = -1e9
# No label of these types begins or ends with such words.
_MARKS = frozenset(',.;:!?-–—/|&*…"')
_SMALL = frozenset(
    ("de", "du", "des", "d", "à", "in", "at", "with", "of", "for", "and", "or", "to", "et", "ou", "en", "pour", "dans",
     "sur", "chez", "im", "für", "bei", "und", "oder", "jobs", "'", "’")
)  # fmt: skip
_NAMES = frozenset(("title", "skill", "company", "location", "industry"))
_OTHERS = {
    "salary": frozenset(("salary", "salaire", "pay", "paying", "(")),
    "schedule": frozenset(("de", "du", "des", "d", "'", "’", "la", "le", "les", "on", "the")),
}


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


def spans(words: Words, token_probs: Floats, text: str = "", hints: Hints | None = None) -> list[Span]:
    """The likeliest spans (Viterbi), in the text's order; they never overlap.

    Args:
        token_probs: `(tokens, TOKEN_CLASSES)`, without padding.
        text: the query; its small words are no part of a span's edge.
        hints: known names, if they are to count.
    """
    if not words.tokens:
        return []
    own = token_probs[list(words.tokens)].astype(np.float64)
    logs = np.log(np.maximum(own[:, :_COUNT], _LEAST))
    if hints is not None:
        hints.nudge(text, words.spans, logs)
    tags = _best(logs)
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
        name = TYPES[(tag - 1) // 2]
        head, tail = _trimmed(name, [text[start:end].casefold() for start, end in words.spans[index : last + 1]])
        index, first_word, last_word = last + 1, index + head, index + tail - 1
        if first_word > last_word:
            continue
        rows = own[first_word : last_word + 1]
        sure = float(np.exp(np.mean(np.log(np.maximum(rows[:, tag] + rows[:, tag + 1], _LEAST)))))
        start, end = words.spans[first_word][0], words.spans[last_word][1]
        if name != "salary" or _is_pay(text, start, end):
            found.append(Span(name, start, end, min(1.0, sure), float(rows[:, NEGATED].mean())))
    return found


def _trimmed(name: str, words: Sequence[str]) -> tuple[int, int]:
    """The first of a span's words that is no preposition, and the end behind the last."""
    small = _SMALL if name in _NAMES else _OTHERS.get(name, frozenset())
    head, tail = 0, len(words)
    while head < tail and (words[head] in small or words[head] in _MARKS):
        head += 1
    while tail > head and (words[tail - 1] in _MARKS or (name in _NAMES and words[tail - 1] in small)):
        tail -= 1
    return head, tail


def _is_pay(text: str, start: int, end: int) -> bool:
    """Pay has a figure, and no part of it is a share."""
    return not text or (any(c.isdigit() for c in text[start:end]) and "%" not in text[start : end + 2])


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
