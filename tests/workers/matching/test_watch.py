"""What a burst of changes costs; that the right lists are touched is told by `test_matcher.py`."""

import asyncio
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.features import cv, item, posting, vector
from workers.matching.index import FaissIndex
from workers.matching.items import Item, Side, Unpacked
from workers.matching.matcher import Change, Matcher
from workers.matching.ranking import Ranker
from workers.matching.watch import Watch, Watched

MEGABYTE = 1 << 20


def watch_of(number: int, dimension: int) -> Watch:
    """Of postings whose shortlists are complete."""
    one = item(Side.posting, posting("p", vector(1, dimension)))
    watch = Watch(dimension)
    for own in range(number):
        watched = Watched(replace(one, id=f"p{own}"), size=2)
        watched.shortlist.fill((), complete=True)
        watch.add(watched)
    return watch


def peak(watch: Watch, changes: Sequence[tuple[Item | None, Item | None]]) -> tuple[int, int]:
    """Touched lists, and bytes taken meanwhile."""
    tracemalloc.start()
    try:
        return sum(1 for _ in watch.touched(changes)), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_changes_take_no_more_memory_than_some() -> None:
    watch = watch_of(2048, 8)
    one = item(Side.cv, cv("c", -vector(1, 8)))
    for watched in watch:  # full of what is more alike
        watched.shortlist.fill([("a", 1.0), ("b", 0.9), ("d", 0.8)], complete=False)
        watch.settle(watched)
    assert peak(watch, [(None, one)] * 8192)[1] < 96 * MEGABYTE


def test_many_touched_lists_take_no_more_memory_than_some() -> None:
    watch = watch_of(16_384, 384)
    touched, taken = peak(watch, [(None, item(Side.cv, cv("c", vector(2, 384))))])
    assert touched == 16_384
    assert taken < 32 * MEGABYTE


async def test_others_go_on_while_lists_are_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_on = threading.Event()
    touched = Watch.touched

    def waiting(self: Watch, changes: Any) -> Iterator[Watched]:
        loop.call_soon_threadsafe(gone_on.set)
        assert gone_on.wait(10)
        yield from touched(self, changes)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Watch, "touched", waiting)
    matcher = Matcher(Ranker(None, 3, 0.0, 0.0, Unpacked()), {side: FaissIndex() for side in Side}, 5)  # type: ignore[arg-type]
    matcher.own(0, {})
    people, jobs = item(Side.cv, cv("c", vector(1))), item(Side.posting, posting("p", vector(2)))
    await matcher.apply([Change(one.key, one, 0, n, n) for n, one in enumerate((people, jobs))])
    assert gone_on.is_set()
