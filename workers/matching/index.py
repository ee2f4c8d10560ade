"""Where the vectors of one side are searched: an interface, and FAISS in this process, which answers exactly."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from workers.matching.items import Item

# Single-precision sums of equal numbers may differ by less than this.
_DOUBT = 1e-5
# Looked at beyond what is asked for, so that equals at the end are all found.
_SLACK = 16


class Found(NamedTuple):
    """Of one query: ids in no order, and whether no other item could match, however unlike."""

    ids: list[str]
    complete: bool


class Gone(NamedTuple):
    """What was one of a side's items, and the place of its tombstone."""

    id: str
    partition: int
    offset: float


class Index(Protocol):
    """Vectors of one side. Put and remove take what the side's topic says, in the order of each key's offsets."""

    async def put(self, items: Sequence[Item]) -> None:
        """Adds items, or replaces those of their ids; one without a vector is as good as none.

        Raises:
            RetryableError: of a remote index, which is to be filled anew.
        """

    async def remove(self, gone: Sequence[Gone]) -> None:
        """Removes what is there of these; raises as :meth:`put`."""

    async def search(self, queries: Sequence[Item], k: int) -> list[Found]:
        """Of each query, an item of the other side, the `k` most similar that it may be matched with, and some more.

        Raises:
            RetryableError: as :meth:`put`.
        """

    async def reached(self) -> Mapping[int, int]:
        """Of each partition, the highest offset that it was told of, where it outlives us; raises as :meth:`put`."""

    async def restore(self, items: Mapping[str, Item], read_to: Mapping[int, int]) -> None:
        """Makes an index that outlives us hold these, as it should: what it has lost, and what it has kept too long.

        Args:
            items: by id, all that there are before `read_to`.
            read_to: of each partition.

        Raises:
            RetryableError: as :meth:`put`.
        """

    async def clear(self) -> None:
        """Forgets all; raises as :meth:`put`."""


class FaissIndex:
    """Every vector in half precision (`IndexScalarQuantizer`, lossless for what was published so), scanned whole.

    A scan is exact, needs no training and lets items be replaced in place; `talentstream bench matching` says up to
    which number it is quick enough.
    """

    def __init__(self) -> None:
        self._spaces: dict[str, _Space] = {}
        self._of: dict[str, str] = {}

    async def put(self, items: Sequence[Item]) -> None:
        """See :class:`Index`."""
        await asyncio.to_thread(self._put, items)

    async def remove(self, gone: Sequence[Gone]) -> None:
        """See :class:`Index`."""
        for own in gone:
            if space := self._of.pop(own.id, None):
                self._spaces[space].remove(own.id)

    async def search(self, queries: Sequence[Item], k: int) -> list[Found]:
        """See :class:`Index`."""
        return await asyncio.to_thread(self._search, queries, k)

    async def reached(self) -> Mapping[int, int]:
        """See :class:`Index`."""
        return {}

    async def restore(self, items: Mapping[str, Item], read_to: Mapping[int, int]) -> None:
        """See :class:`Index`; this one lives and dies with this process."""

    async def clear(self) -> None:
        """See :class:`Index`."""
        self._spaces, self._of = {}, {}

    def _put(self, items: Sequence[Item]) -> None:
        for item in items:
            before = self._of.get(item.id)
            if before is not None and (before != item.space or item.vector is None):
                self._spaces[self._of.pop(item.id)].remove(item.id)
            if item.vector is not None:
                self._of[item.id] = item.space
        by_space: dict[str, list[Item]] = {}
        for item in items:
            if item.vector is not None:
                by_space.setdefault(item.space, []).append(item)
        for name, own in by_space.items():
            if name not in self._spaces:
                self._spaces[name] = _Space(len(own[0].numbers()))
            self._spaces[name].put(own)

    def _search(self, queries: Sequence[Item], k: int) -> list[Found]:
        found: list[Found] = [Found([], True)] * len(queries)
        alike: dict[tuple[str, frozenset[str], frozenset[str]], list[int]] = {}
        for row, query in enumerate(queries):
            if query.vector is not None and query.space in self._spaces:
                alike.setdefault((query.space, query.languages, query.arrangements), []).append(row)
        for (name, languages, arrangements), rows in alike.items():
            vectors = np.array([queries[row].vector for row in rows], np.float32)
            answers = self._spaces[name].search(vectors, languages, arrangements, k)
            for row, answer in zip(rows, answers, strict=True):
                found[row] = answer
        return found


class _Space:
    """Vectors that may be compared, in slots that are used again."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._ids: list[str | None] = []
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        # Of each language and arrangement, the slots that have it.
        self._languages: dict[str, NDArray[np.bool_]] = {}
        self._arrangements: dict[str, NDArray[np.bool_]] = {}

    def put(self, items: Sequence[Item]) -> None:
        """All with vectors of the space's dimension."""
        added: list[NDArray[np.float16]] = []
        replaced: list[tuple[int, NDArray[np.float16]]] = []
        for item in items:
            vector = item.numbers()
            slot = self._slots.get(item.id)
            if slot is None and self._free:
                slot = self._free.pop()
            if slot is None:
                slot = len(self._ids)
                self._ids.append(None)
                added.append(vector)
            else:
                replaced.append((slot, vector))
            self._ids[slot], self._slots[item.id] = item.id, slot
        if added:
            self._index.add(np.array(added, np.float32))
        if replaced:
            codes = faiss.rev_swig_ptr(self._index.codes.data(), len(self._ids) * self._index.code_size)
            rows = codes.view("<f2").reshape(len(self._ids), self._dimension)
            for slot, vector in replaced:
                rows[slot] = vector
        for item in items:
            slot = self._slots[item.id]
            self._mark(self._languages, slot, item.languages)
            self._mark(self._arrangements, slot, item.arrangements)

    def remove(self, own: str) -> None:
        """The slot stays, and matches nothing."""
        slot = self._slots.pop(own)
        self._ids[slot] = None
        self._free.append(slot)
        self._mark(self._languages, slot, frozenset())

    def _mark(self, columns: dict[str, NDArray[np.bool_]], slot: int, names: frozenset[str]) -> None:
        for name in names - columns.keys():
            columns[name] = np.zeros(0, np.bool_)
        for name, column in columns.items():
            if slot >= len(column):
                grown = np.zeros(max(1024, 2 * slot), np.bool_)
                grown[: len(column)] = column
                columns[name] = column = grown
            column[slot] = name in names

    def search(
        self, vectors: NDArray[np.float32], languages: frozenset[str], arrangements: frozenset[str], k: int
    ) -> list[Found]:
        """The most similar to each vector `(queries, dimension)` among those that have one of either in common."""
        size = len(self._ids)
        mask = self._any(self._languages, languages, size) & self._any(self._arrangements, arrangements, size)
        eligible = int(mask.sum())
        if eligible == 0:
            return [Found([], True)] * len(vectors)
        bits = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
        selected = faiss.SearchParameters(sel=selector) if eligible < size else None  # type: ignore[call-arg]
        found: dict[int, Found] = {}
        rows, wanted = np.arange(len(vectors)), k + _SLACK
        while len(rows):
            take = min(wanted, eligible)
            scores, slots = self._index.search(vectors[rows], take, params=selected)
            # Where the last ones are as similar as the k-th, others that are so too may have been left out.
            doubtful = (scores[:, min(k, take) - 1] - scores[:, -1] < _DOUBT) & (take < eligible)
            for row, own in zip(rows[~doubtful], slots[~doubtful], strict=True):
                found[int(row)] = Found(
                    [name for slot in own if (name := self._ids[slot]) is not None], take == eligible
                )
            rows, wanted = rows[doubtful], 4 * wanted
        return [found[row] for row in range(len(vectors))]

    @staticmethod
    def _any(columns: dict[str, NDArray[np.bool_]], names: frozenset[str], size: int) -> NDArray[np.bool_]:
        mask = np.zeros(size, np.bool_)
        for name in names & columns.keys():
            column = columns[name]
            mask[: len(column)] |= column[:size]
        return mask
