"""Which lists a changed item enters or leaves: one matrix product over all subjects of a space."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.matching.items import Item
from workers.matching.shortlist import HIGHEST, Shortlist, similarities

# Single-precision similarities are off by less than this.
_DOUBT = 1e-5
# Products of changes with subjects, and subjects whose vectors are copied, at once: some tens of megabytes.
_PRODUCTS, _HITS = 1 << 22, 4096


class Watched:
    """One subject: the item whose list it is, its candidates, and where it stands in the matrix."""

    __slots__ = ("item", "picks", "row", "shortlist")

    def __init__(self, item: Item, size: int) -> None:
        self.item = item
        self.shortlist = Shortlist(size)
        # What was published last by this process: None when that is not known.
        self.picks: object = None
        self.row = -1


class Watch:
    """Subjects with vectors of one space, on one side."""

    def __init__(self, dimension: int) -> None:
        self._vectors = np.zeros((64, dimension), np.float32)
        self._floors = np.full(64, HIGHEST)
        self._subjects: list[Watched | None] = []
        self._free: list[int] = []

    def add(self, subject: Watched) -> None:
        """Its item has a vector of the space."""
        if self._free:
            row = self._free.pop()
            self._subjects[row] = subject
        else:
            row = len(self._subjects)
            self._subjects.append(subject)
            if row == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
                self._floors = np.concatenate([self._floors, np.full(row, HIGHEST)])
        subject.row = row
        self._vectors[row] = subject.item.numbers()
        self.settle(subject)

    def remove(self, subject: Watched) -> None:
        """No longer a subject."""
        self._subjects[subject.row] = None
        self._floors[subject.row] = HIGHEST
        self._free.append(subject.row)

    def settle(self, subject: Watched) -> None:
        """To be called after each change of its shortlist."""
        self._floors[subject.row] = subject.shortlist.floor

    def touched(self, changes: Sequence[tuple[Item | None, Item | None]]) -> Iterator[Watched]:
        """Changes the shortlists and yields the subjects whose own changed, perhaps repeatedly.

        Args:
            changes: of items of the other side, each before and after; None where it was not, or is no longer, in the
                space.
        """
        size = len(self._subjects)
        if not size:
            return
        chunk = max(1, _PRODUCTS // size)
        for start in range(0, len(changes), chunk):
            yield from self._touched(changes[start : start + chunk], size)

    def _touched(self, changes: Sequence[tuple[Item | None, Item | None]], size: int) -> Iterator[Watched]:
        reach = np.full((len(changes), size), -np.inf, np.float32)
        for column in (0, 1):
            rows = [row for row, change in enumerate(changes) if change[column] is not None]
            vectors = [item.numbers() for change in changes if (item := change[column]) is not None]
            if rows:
                products = np.array(vectors, np.float32) @ self._vectors[:size].T
                reach[rows] = np.maximum(reach[rows], products)
        for (before, after), own in zip(changes, reach, strict=True):
            item = after or before
            if item is None:
                continue
            hits = np.flatnonzero(own >= self._floors[:size] - _DOUBT)
            for start in range(0, len(hits), _HITS):
                yield from self._changed(hits[start : start + _HITS], item, after)

    def _changed(self, hits: NDArray[np.intp], item: Item, after: Item | None) -> Iterator[Watched]:
        new = similarities(self._vectors[hits], after.numbers()) if after is not None else np.zeros(len(hits))
        for hit, similarity in zip(hits.tolist(), new.tolist(), strict=True):
            subject = self._subjects[hit]
            if subject is None:
                continue
            fits = after is not None and subject.item.matches(after)
            if subject.shortlist.change(item.id, similarity if fits else None):
                self.settle(subject)
                yield subject

    def __iter__(self) -> Iterator[Watched]:
        return (subject for subject in self._subjects if subject is not None)


def exact(own: Item, others: Sequence[Item]) -> NDArray[np.float64]:
    """Similarity of each of the others, `(others,)`."""
    return similarities(np.array([other.numbers() for other in others]), own.numbers())
