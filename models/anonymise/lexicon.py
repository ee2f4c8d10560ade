"""Words that are known to be first names, last names, towns or plain words of CVs and postings."""

import gzip
from collections.abc import Mapping
from pathlib import Path

LEXICON = "lexicon.txt.gz"

FIRST, LAST, TOWN, PLAIN = "f", "l", "t", "p"


def load(path: Path) -> dict[str, str]:
    """Classes of each folded word (see `lines.fold`), as a string of their letters.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("\t", 1) for line in file)


def save(words: Mapping[str, str], path: Path) -> None:
    """Writes the classes; the same words give the same bytes."""
    text = "".join(f"{word}\t{classes}\n" for word, classes in sorted(words.items()))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
