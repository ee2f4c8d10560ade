"""Patterns of many alternatives are slow; plain search for a part that all of them need is not."""

import re
from collections.abc import Iterator, Sequence


def matches(pattern: re.Pattern[str], clues: Sequence[str] | None, text: str, lowered: str) -> Iterator[re.Match[str]]:
    """The matches of a pattern in a text that can only hold one if it holds a clue.

    Args:
        clues: in lower case; a match needs one of them; None: always look.
        lowered: the text in lower case.
    """
    if clues is None or any(clue in lowered for clue in clues):
        yield from pattern.finditer(text)
