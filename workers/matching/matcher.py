"""Which lists there are, which of them a change touches, and what they hold: no Kafka.

**The rule.** A list is a function of the newest features of its subject and of all of the other side, and of nothing
else: neither of the order in which they came nor of what was published before. So the final state of `matches.v1` is
that of an undisturbed run, whatever happened on the way; what has to be shown is only that no list is forgotten.

1. A subject's *candidates* are those of the other side that it may be matched with and whose vectors are the most
   similar: exactly, with equals by id (`shortlist.py`). With an approximate index they are what it finds.
2. A changed item reaches a subject's candidates if, and only if, it is as similar as the least similar of them, before
   the change or after it: one matrix product tells (`watch.py`). Those subjects are *touched*.
3. A touched subject's list is made anew from its candidates, and published where it differs from what stands there.

Several changes before a list's turn cost one list: what is waiting is a set of subjects.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import structlog

from topics.catalogue import MATCHER_FLOW
from topics.envelope import encode
from workers import telemetry, tracing
from workers.matching.index import Gone, Index
from workers.matching.items import Item, Key, Side, key_of, subject
from workers.matching.ranking import Ranker
from workers.matching.watch import Watch, Watched, exact

log = structlog.get_logger()

NAME = MATCHER_FLOW.worker


class Change(NamedTuple):
    """A key's newest features; None where they are gone."""

    key: Key
    item: Item | None
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Update:
    """A list to publish; `value` is None where it is to be removed."""

    key: Key
    partition: int
    value: bytes | None
    timestamp_ms: int
    is_new: bool

    @property
    def subject(self) -> str:
        """The record's key."""
        return subject(self.key)

    @property
    def cause(self) -> str:
        """Names the list by what it holds."""
        return digest(self.value).hex() if self.value is not None else "removed"


def digest(value: bytes) -> bytes:
    """Of a published list, as it is remembered."""
    return hashlib.blake2b(value, digest_size=16).digest()


class Matcher:
    """All items, and the lists of those subjects that this process owns.

    Args:
        ranker: makes lists.
        indexes: of each side.
        candidates: how many are compared with a subject.
    """

    def __init__(self, ranker: Ranker, indexes: Mapping[Side, Index], candidates: int) -> None:
        self._ranker = ranker
        self._indexes = indexes
        self._candidates = candidates
        self._items: dict[Side, dict[str, Item]] = {side: {} for side in Side}
        self._watched: dict[Key, Watched] = {}
        self._watches: dict[tuple[Side, str], Watch] = {}
        # Of the newest change: the time of a removal.
        self._clock_ms = 0
        # Of each owned partition: subject to digest of the list that stands in `matches.v1`.
        self._published: dict[int, dict[Key, bytes]] = {}
        # Waiting, with the partition: what has changed itself, then what other changes or a new owner touched.
        self._changed: dict[Key, int] = {}
        self._touched: dict[Key, int] = {}

    # What there is ----------------------------------------------------------------------------------------------

    async def apply(self, changes: Iterable[Change]) -> None:
        """Takes in changes of both sides, those of a key in their order.

        Raises:
            RetryableError: an index is out of reach; nothing is taken in, and the same changes are to be given again.
        """
        newest = {change.key: change for change in changes}
        self._clock_ms = max([self._clock_ms, *(change.timestamp_ms for change in newest.values())])
        real = [change for change in newest.values() if not _is_repeat(self._item(change.key), change.item)]
        for side in Side:
            own = [change for change in real if change.key[0] is side]
            await self._indexes[side].put([change.item for change in own if change.item is not None])
            # Unknown ones as well: a shared index may hold what came and went before we were there.
            gone = [change for change in newest.values() if change.item is None and change.key[0] is side]
            await self._indexes[side].remove([Gone(change.key[1], change.partition, change.offset) for change in gone])
        # From here on nothing fails, nor is it left half done when this is cancelled. Of lists that hold all that there
        # are, each is touched by each change: seconds.
        await asyncio.to_thread(self._take_all, real)

    def _take_all(self, real: Sequence[Change]) -> None:
        replaced = [(self._item(change.key), change.item) for change in real]
        for change in real:
            self._take(change)
        # After all are taken, so that subjects that are new themselves are searched for and not counted twice.
        for side in Side:
            self._touch(side, [pair for pair in replaced if _side(pair) is side])

    def _take(self, change: Change) -> None:
        side, own = change.key
        if change.item is None:
            self._items[side].pop(own, None)
        else:
            self._items[side][own] = change.item
        if change.partition in self._published:
            self._unwatch(change.key)
            self._watch(change.key)
            self._wait(self._changed, change.key, change.partition)

    def _touch(self, side: Side, changes: Sequence[tuple[Item | None, Item | None]]) -> None:
        """Of one side's items, before and after."""
        for space in {item.space for change in changes for item in change if item is not None}:
            watch = self._watches.get((side.other, space))
            if watch is None:
                continue
            within = [(_within(space, before), _within(space, after)) for before, after in changes]
            for watched in watch.touched([pair for pair in within if pair != (None, None)]):
                self._wait(self._touched, watched.item.key, watched.item.partition)

    def _item(self, key: Key) -> Item | None:
        return self._items[key[0]].get(key[1])

    # Whose lists are ours -----------------------------------------------------------------------------------------

    def own(self, partition: int, published: Mapping[str, bytes | None]) -> None:
        """Takes over a partition, or learns what was published in it meanwhile.

        Args:
            partition: of the sources and of `matches.v1` alike.
            published: digest of each list that stands there; None for one that was removed.
        """
        known = self._published.get(partition)
        if known is None:
            known = {}
            for side in Side:
                for item in self._items[side].values():
                    if item.partition == partition:
                        self._watch(item.key)
                        self._wait(self._touched, item.key, partition)
        stands = {key_of(name): value for name, value in published.items() if value is not None}
        for key in known.keys() | stands.keys():
            if known.get(key) != stands.get(key):
                self._forget_picks(key)
                self._wait(self._touched, key, partition)
        self._published[partition] = stands

    def disown(self, partition: int) -> None:
        """Another owner takes care of it."""
        self._published.pop(partition, None)
        for waiting in (self._changed, self._touched):
            for key in [key for key, own in waiting.items() if own == partition]:
                del waiting[key]
        for key in [key for key, watched in self._watched.items() if watched.item.partition == partition]:
            self._unwatch(key)

    @property
    def partitions(self) -> frozenset[int]:
        """Owned."""
        return frozenset(self._published)

    @property
    def waiting(self) -> int:
        """Lists that are to be made."""
        return len(self._changed) + len(self._touched)

    @property
    def items(self) -> int:
        """Known, of both sides."""
        return sum(map(len, self._items.values()))

    async def search(self, side: Side, queries: Sequence[Item], k: int) -> list[list[str]]:
        """Ids of `side` for each query, as the index finds them; for measuring."""
        return [found.ids for found in await self._indexes[side].search(queries, k)]

    async def reached(self) -> dict[Side, Mapping[int, int]]:
        """How far the indexes that outlive us have been told of each partition; raises RetryableError."""
        return {side: await index.reached() for side, index in self._indexes.items()}

    async def restore(self, read_to: Mapping[Side, Mapping[int, int]]) -> None:
        """Makes indexes that outlive us hold what there is, as far as it was read; raises RetryableError."""
        for side, index in self._indexes.items():
            await index.restore(self._items[side], read_to[side])

    async def clear(self) -> None:
        """Forgets all: the sources are to be read from their beginnings."""
        for partition in self.partitions:
            self.disown(partition)
        self._ranker.unpacked.clear()
        for side, index in self._indexes.items():
            self._items[side] = {}
            await index.clear()

    def _watch(self, key: Key) -> None:
        item = self._item(key)
        if item is None:
            return
        watched = self._watched[key] = Watched(item, self._candidates)
        if item.vector is None:
            watched.shortlist.fill((), complete=True)
        else:
            watch = self._watches.setdefault((item.side, item.space), Watch(len(item.vector)))
            watch.add(watched)

    def _unwatch(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None and watched.row >= 0:
            self._watches[watched.item.side, watched.item.space].remove(watched)

    def _wait(self, waiting: dict[Key, int], key: Key, partition: int) -> None:
        if waiting is self._changed:
            self._touched.pop(key, None)
        elif key in self._changed:
            return
        waiting[key] = partition

    def _forget_picks(self, key: Key) -> None:
        if watched := self._watched.get(key):
            watched.picks = None

    # What the lists hold ------------------------------------------------------------------------------------------

    async def refresh(self, limit: int) -> list[Update]:
        """Makes at most `limit` of the lists that wait; those whose subject has changed come first.

        Each update is to be given to :meth:`confirm` or to :meth:`retry` before anything else happens.

        Raises:
            RetryableError: an index is out of reach; they go on waiting.
        """
        waiting = self._next(limit)
        subjects = [watched for key, _ in waiting if (watched := self._watched.get(key)) is not None]
        with tracing.stage(NAME, "search"):
            await self._search([watched for watched in subjects if watched.shortlist.stale])
        with tracing.stage(NAME, "rank"):
            updates = await asyncio.to_thread(lambda: [self._safely_updated(key, own) for key, own in waiting])
        for key, _ in waiting:
            self._changed.pop(key, None)
            self._touched.pop(key, None)
        return [update for update in updates if update is not None]

    def _next(self, limit: int) -> list[tuple[Key, int]]:
        # A few touched ones in any case, lest they wait for ever.
        changed = list(islice(self._changed.items(), limit - min(len(self._touched), limit // 4)))
        return [*changed, *islice(self._touched.items(), limit - len(changed))]

    def confirm(self, updates: Iterable[Update]) -> None:
        """These stand in `matches.v1` now."""
        for update in updates:
            known = self._published.get(update.partition)
            if known is None:
                continue
            if update.value is None:
                known.pop(update.key, None)
            else:
                known[update.key] = digest(update.value)

    def retry(self, updates: Iterable[Update]) -> None:
        """Nobody knows whether these stand there; their lists wait again."""
        for update in updates:
            if update.partition in self._published:
                self._forget_picks(update.key)
                self._wait(self._changed if update.is_new else self._touched, update.key, update.partition)

    async def _search(self, subjects: Sequence[Watched]) -> None:
        for side in Side:
            own = [watched for watched in subjects if watched.item.side is side]
            if not own:
                continue
            found = await self._indexes[side.other].search([watched.item for watched in own], self._candidates)
            for watched, (ids, complete) in zip(own, found, strict=True):
                known = [item for id_ in ids if (item := self._items[side.other].get(id_)) is not None]
                # A shared index may be ahead of us: what we do not know yet will come as a change.
                fitting = [item for item in known if item.vector is not None and watched.item.matches(item)]
                alike = exact(watched.item, fitting) if fitting else ()
                pairs = [(item.id, float(s)) for item, s in zip(fitting, alike, strict=True)]
                watched.shortlist.fill(pairs, complete)
                self._watches[side, watched.item.space].settle(watched)

    def _safely_updated(self, key: Key, partition: int) -> Update | None:
        try:
            return self._update(key, partition)
        except Exception as error:
            # A fault of ours on the subject: its list stays as it is, all others go on. The text may quote features.
            log.error("list not made", worker=NAME, side=key[0], error=type(error).__name__)
            telemetry.EVENTS.labels(NAME, "failed").inc()
            return None

    def _update(self, key: Key, partition: int) -> Update | None:
        published = self._published[partition].get(key)
        watched = self._watched.get(key)
        is_new = key in self._changed
        if watched is None:
            return None if published is None else Update(key, partition, None, self._clock_ms, is_new)
        own, shortlist = watched.item, watched.shortlist
        others = {id_: self._items[own.side.other][id_] for id_ in shortlist.ids}
        shortlist.scores |= self._ranker.scores(own, [o for id_, o in others.items() if id_ not in shortlist.scores])
        picks = self._ranker.pick(list(others.values()), shortlist.scores)
        if picks == watched.picks:
            return None
        value = encode(self._ranker.list_of(own, [others[pick.id] for pick in picks]))
        watched.picks = picks
        if published == digest(value):
            return None
        return Update(key, partition, value, own.timestamp_ms, is_new)


def _is_repeat(known: Item | None, item: Item | None) -> bool:
    return known is None if item is None else item.says_the_same(known)


def _side(change: tuple[Item | None, Item | None]) -> Side | None:
    before, after = change
    item = after or before
    return item.side if item is not None else None


def _within(space: str, item: Item | None) -> Item | None:
    return item if item is not None and item.space == space and item.vector is not None else None
