"""What of a posting or a CV is embedded for matching: its text, its titles and its skills, each by itself.

Titles and skills alone say little of many CVs, and a text's first page is full of what bears on no job; the three
together rank better than each (`CARD.md`). Titles and skills travel by themselves as well, for the facet scores.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Texts(NamedTuple):
    """An empty part says nothing and has no vector."""

    text: str
    titles: str
    skills: str


def texts(text: str, titles: Sequence[str], skills: Sequence[str]) -> Texts:
    """Parts of one document.

    Args:
        text: cleaned, of a CV anonymised; the embedder cuts it.
        titles: of the posting, or of the CV's jobs, the current one first.
        skills: as they stand in the text.
    """
    return Texts(text.strip(), _listed(titles), _listed(skills))


def _listed(items: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(own for item in items if (own := item.strip())))
