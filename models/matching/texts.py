"""What of a posting or a CV is embedded for matching: its text, its titles and its skills, each by itself.

Titles and skills alone say little of many CVs, and a text's first page is full of what bears on no job; the three
together rank better than each (`CARD.md`). Their weighted sum is one vector, so an index holds one for each document,
and the dot product of two such sums compares every part of one side with every part of the other. Titles and skills
travel by themselves as well, for the facet scores (after MUSE: Zhang et al. 2024's multi-facet dot products).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Of text, titles and skills in the sum; tried in halves on the development postings.
WEIGHTS = (1.0, 0.5, 0.5)

# Names this form: what was embedded in another one must not be taken for it.
FORM = "text+titles+skills"

Floats = NDArray[np.float32]


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


def combined(vectors: Sequence[Floats | None]) -> Floats | None:
    """Their weighted sum scaled to length 1, `(dimension,)`; None where no part has a vector.

    Args:
        vectors: of text, titles, skills, each of length 1.
    """
    parts = [weight * vector for weight, vector in zip(WEIGHTS, vectors, strict=True) if vector is not None]
    if not parts:
        return None
    total = np.sum(parts, axis=0, dtype=np.float64)
    return np.asarray(total / max(1e-9, float(np.linalg.norm(total))), np.float32)


def _listed(items: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(own for item in items if (own := item.strip())))
