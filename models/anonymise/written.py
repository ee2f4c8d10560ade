"""Templates written for training, in text files: language, then the template; a line break is written `\\n`."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def templates(file: str, language: str) -> tuple[str, ...]:
    """Those of a file of this folder in one language; lines that begin with `#` are passed over.

    Raises:
        OSError: there is no such file.
    """
    lines = (_FOLDER / file).read_text("utf-8").splitlines()
    parts = (line.partition(" ") for line in lines if not line.startswith("#"))
    return tuple(template.replace("\\n", "\n") for own, _, template in parts if own == language)
