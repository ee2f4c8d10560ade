"""The candidates of one subject: exactly those of the other side that are the most like it, while the side changes.

Similarities are dot products of half-precision vectors of unit length in double precision. Those are exact: each
product is a multiple of 2^-48, and every partial sum stays below 2^5 (Cauchy-Schwarz), so 53 bits hold it, in whatever
order the sum is taken. Equal sets therefore give equal shortlists, whatever came first, and whichever library searched.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# A similarity that everything reaches, and one that nothing does.
LOWEST, HIGHEST = -2.0, 2.0


def similarities(matrix: NDArray[np.generic], vector: NDArray[np.generic]) -> NDArray[np.float64]:
    """Exact, `(rows,)`, of vectors `(rows, dimension)` that half precision can hold."""
    products: NDArray[np.float64] = np.asarray(matrix, np.float64) @ np.asarray(vector, np.float64)
    return products


class Shortlist:
    """At most `size` ids, the most similar first, equals by id.

    Attributes:
        stale: members are missing that only a search can find; to be filled before it is read.
        scores: of members, as far as the subject was compared with them.
    """

    __slots__ = ("_complete", "_ranked", "_similarity", "_size", "scores", "stale")

    def __init__(self, size: int) -> None:
        self.stale = True
        self.scores: dict[str, float] = {}
        self._size = size
        self._complete = False
        self._ranked: list[tuple[float, str]] = []
        self._similarity: dict[str, float] = {}

    def fill(self, found: Iterable[tuple[str, float]], complete: bool) -> None:
        """What a search found: ids with similarities; `complete` when nothing else can be a member."""
        ranked = sorted((-similarity, own) for own, similarity in found)
        self._complete = complete and len(ranked) <= self._size
        self._ranked = ranked[: self._size]
        self._similarity = {own: -negative for negative, own in self._ranked}
        # While it was stale nobody told it of changes.
        self.scores = {}
        self.stale = False

    def change(self, own: str, similarity: float | None) -> bool:
        """An item of the other side is new, is another now, or is gone (None); True where the shortlist changed."""
        if self.stale:
            return False
        admits = self._admits_all
        before = self._similarity.pop(own, None)
        if before is not None:
            del self._ranked[bisect_left(self._ranked, (-before, own))]
            self.scores.pop(own, None)
        if similarity is None or not (admits or self._reaches(similarity, own)):
            # Whoever takes the place that has become free was never looked at.
            self.stale = before is not None and not self._complete
            return before is not None
        insort(self._ranked, (-similarity, own))
        self._similarity[own] = similarity
        if len(self._ranked) > self._size:
            _, last = self._ranked.pop()
            del self._similarity[last]
            self.scores.pop(last, None)
            self._complete = False
            return last != own or before is not None
        return True

    def _reaches(self, similarity: float, own: str) -> bool:
        return bool(self._ranked) and (-similarity, own) < self._ranked[-1]

    @property
    def _admits_all(self) -> bool:
        # An approximate search may find few; whatever comes then is better than an empty place.
        return self._complete or len(self._ranked) < self._size

    @property
    def floor(self) -> float:
        """What is and was less similar than this need not be told to :meth:`change`."""
        if self.stale:
            return HIGHEST
        return LOWEST if self._admits_all else -self._ranked[-1][0]

    @property
    def ids(self) -> list[str]:
        """Most similar first."""
        return [own for _, own in self._ranked]
