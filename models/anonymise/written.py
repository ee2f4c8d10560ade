"""Templates written for training, in text files: language, then the template; a line break is written `\\n`."""

from functools import cache
from pathlib import Path

from models.datasets import text_lines

_FOLDER = Path(__file__).parent


@cache
def templates(file: str, language: str) -> tuple[str, ...]:
    """Those of a file of this folder in one language.

    Raises:
        OSError: there is no such file.
    """
    parts = (line.partition(" ") for line in text_lines(_FOLDER / file))
    return tuple(template.replace("\\n", "\n") for own, _, template in parts if own == language)
