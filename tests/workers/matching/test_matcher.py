"""The lists after any course of events are those that a plain reading of the final features gives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.support.features import cv, feature, posting, record, vector
from topics.cvs import CvFeatures
from topics.matches import Facet
from topics.postings import PostingFeatures
from workers.delivery.core import Record
from workers.matching.index import FaissIndex
from workers.matching.items import Filter, Item, Key, Side, Unpacked, read, subject
from workers.matching.matcher import Change, Matcher, Update, digest
from workers.matching.ranking import Ranker
from workers.matching.shortlist import similarities

PARTITIONS = 3
CANDIDATES, TOP, MIN_SCORE, DIVERSITY = 6, 3, 0.4, 0.2


@dataclass(frozen=True)
class Scored:
    score: float
    facets: dict[Facet, float | None] = field(default_factory=dict)


class LettersScorer:
    """By ids and versions: anything but the order of the similarities."""

    digest = "letters"

    def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> list[Scored]:
        return [Scored(Random(f"{_name(posting)}/{_name(cv)}").random()) for cv in cvs]


def _name(features: PostingFeatures | CvFeatures) -> str:
    return f"{features.id}@{features.source_version}"


def new_matcher() -> Matcher:
    ranker = Ranker(LettersScorer(), TOP, MIN_SCORE, DIVERSITY, Unpacked())
    return Matcher(ranker, {side: FaissIndex() for side in Side}, CANDIDATES)


def value_of(side: Side, own: str, rng: Random) -> bytes:
    numbers = vector(rng.randrange(12)) if rng.random() < 0.9 else None  # twins are common
    market, language = rng.choice(["fr", "de"]), rng.choice(["en", "fr"])
    version = rng.randrange(3)
    if side is Side.posting:
        arrangement = rng.choice(["remote", "onsite", "not_stated"])
        changes: dict[str, Any] = {
            "market": market,
            "language": language,
            "source_version": version,
            "work_arrangement": arrangement,
        }
        return posting(own, numbers, **changes)
    languages = [feature("fr")] if rng.random() < 0.3 else []
    return cv(own, numbers, market=market, language=language, languages=languages, source_version=version)


@dataclass
class Topics:
    """Features and lists as they stand in Kafka."""

    features: dict[Key, Item] = field(default_factory=dict)
    lists: dict[int, dict[str, bytes]] = field(default_factory=lambda: {n: {} for n in range(PARTITIONS)})
    offset: int = 0

    def change(self, rng: Random, ids: int) -> Change:
        side, number = rng.choice(list(Side)), rng.randrange(ids)
        own, partition = f"{side[0]}{number}", number % PARTITIONS
        self.offset += 1
        if rng.random() < 0.25:
            self.features.pop((side, own), None)
            return Change((side, own), None, partition, self.offset, self.offset)
        item = read(side, _at(record(side, value_of(side, own, rng)), self.offset, partition), FILTERS)
        self.features[side, own] = item
        return Change((side, own), item, partition, self.offset, self.offset)

    def publish(self, updates: Sequence[Update]) -> None:
        for update in updates:
            lists = self.lists[update.partition]
            if update.value is None:
                del lists[update.subject]  # never twice, and never of what is not there
            else:
                assert lists.get(update.subject) != update.value
                lists[update.subject] = update.value

    def digests(self, partition: int) -> dict[str, bytes | None]:
        return {name: digest(value) for name, value in self.lists[partition].items()}


FILTERS: tuple[Filter, ...] = ("language", "work_arrangement")


def _at(record: Record, offset: int, partition: int) -> Record:
    return Record(record.topic, partition, offset, record.key, record.value, (), offset)


def expected(items: Sequence[Item]) -> dict[str, list[tuple[str, float]]]:
    """Ids and scores of each list: plainly, all with all."""
    lists = {}
    for own in items:
        others = [o for o in items if o.side is own.side.other and o.matches(own) and own.vector is not None]
        others = [o for o in others if o.vector is not None]
        alike = similarities(np.array([o.vector for o in others]), own.numbers()) if others else np.zeros(0)
        nearest = sorted(zip(-alike, [o.id for o in others], others, strict=True), key=lambda e: e[:2])[:CANDIDATES]
        rest = {o.id: (round(_score(own, o), 6), o) for _, _, o in nearest}
        rest = {id_: entry for id_, entry in rest.items() if entry[0] >= MIN_SCORE}
        picked: list[tuple[str, float]] = []
        vectors: list[Any] = []
        while rest and len(picked) < TOP:

            def value(id_: str, rest: dict[str, Any] = rest, vectors: list[Any] = vectors) -> tuple[float, float, str]:
                likeness = max([0.0, *(float(similarities(rest[id_][1].vector[None], v)[0]) for v in vectors)])
                return (-((1 - DIVERSITY) * rest[id_][0] - DIVERSITY * likeness), -rest[id_][0], id_)

            best = min(rest, key=value)
            got, item = rest.pop(best)
            picked.append((best, got))
            vectors.append(item.vector)
        lists[subject(own.key)] = picked
    return lists


def _score(own: Item, other: Item) -> float:
    posting, cv = (own, other) if own.side is Side.posting else (other, own)
    (scored,) = LettersScorer().score(Unpacked().posting(posting), [Unpacked().cv(cv)])
    return scored.score


def standing(topics: Topics) -> dict[str, list[tuple[str, float]]]:
    lists: dict[str, bytes] = {}
    for own in topics.lists.values():
        lists |= own
    decoded = {name: json.loads(value) for name, value in lists.items()}
    return {name: [(m["id"], m["score"]) for m in value["matches"]] for name, value in decoded.items()}


async def finish(matcher: Matcher, topics: Topics) -> None:
    while matcher.waiting:
        updates = await matcher.refresh(7)
        topics.publish(updates)
        matcher.confirm(updates)


@pytest.mark.parametrize("ids", [5, 40])
@pytest.mark.parametrize("seed", range(2))
async def test_one_matcher_whatever_the_order(seed: int, ids: int) -> None:
    rng, topics, matcher = Random(seed), Topics(), new_matcher()
    for number in range(PARTITIONS):
        matcher.own(number, {})
    for _ in range(60):
        await matcher.apply([topics.change(rng, ids) for _ in range(rng.randint(1, 6))])
        for _ in range(rng.randrange(3)):
            updates = await matcher.refresh(rng.randint(1, 6))
            topics.publish(updates)
            matcher.confirm(updates)
    await finish(matcher, topics)
    items = list(topics.features.values())
    assert standing(topics) == expected(items)
    again = new_matcher()
    for number in range(PARTITIONS):
        again.own(number, topics.digests(number))
    await again.apply([Change(i.key, i, i.partition, i.offset, i.offset) for i in items])
    while again.waiting:
        assert await again.refresh(50) == []  # byte for byte what one makes who knows the end alone


@pytest.mark.parametrize("seed", range(3))
async def test_two_matchers_that_come_and_go_and_lose_what_they_publish(seed: int) -> None:
    rng, topics = Random(seed), Topics()
    matchers, read_to = [new_matcher(), new_matcher()], [0, 0]
    log: list[Change] = []
    owners: dict[int, int] = {}
    for _ in range(120):
        log.append(topics.change(rng, 15))
        for number in range(2):
            if rng.random() < 0.5:  # one may be far behind the other
                await matchers[number].apply(log[read_to[number] :])
                read_to[number] = len(log)
            roll = rng.random()
            if roll < 0.04:  # killed: all that it knew is gone
                matchers[number], read_to[number] = new_matcher(), 0
                for partition in [p for p, o in owners.items() if o == number]:
                    del owners[partition]
            elif roll < 0.15:  # a rebalance: it learns what stands there, and others hear of it
                for partition in range(PARTITIONS):
                    if rng.random() < 0.5:
                        if owners.get(partition) == 1 - number:
                            matchers[1 - number].disown(partition)
                        owners[partition] = number
                        matchers[number].own(partition, topics.digests(partition))
            elif roll < 0.6:
                updates = await matchers[number].refresh(4)
                if rng.random() < 0.2:  # the transaction failed: perhaps it was committed, perhaps not
                    if rng.random() < 0.5:
                        topics.publish(updates)
                    matchers[number].retry(updates)
                    for partition in matchers[number].partitions:
                        matchers[number].own(partition, topics.digests(partition))
                else:
                    topics.publish(updates)
                    matchers[number].confirm(updates)
    for number in range(2):
        await matchers[number].apply(log[read_to[number] :])
        for partition in range(PARTITIONS):
            if owners.get(partition, 0) == number:
                matchers[number].own(partition, topics.digests(partition))
        await finish(matchers[number], topics)
    assert standing(topics) == expected(list(topics.features.values()))


async def test_a_change_that_says_the_same_touches_nothing() -> None:
    matcher, topics = new_matcher(), Topics()
    matcher.own(0, {})
    values = [(Side.posting, posting("p0", vector(1))), (Side.cv, cv("c0", vector(1)))]
    for turn in range(2):
        await matcher.apply([_change(side, value, 10 * turn + n) for n, (side, value) in enumerate(values)])
        assert bool(matcher.waiting) == (turn == 0)
        await finish(matcher, topics)


async def test_after_clear_nothing_is_left_of_what_stood_at_the_same_offsets() -> None:
    matcher = new_matcher()
    for version in (1, 2):
        matcher.own(0, {})
        values = [(Side.posting, posting("p0", vector(1), source_version=version)), (Side.cv, cv("c0", vector(1)))]
        await matcher.apply([_change(side, value, n) for n, (side, value) in enumerate(values)])
        versions = {update.subject: json.loads(update.value or b"{}") for update in await matcher.refresh(9)}
        assert versions["posting:p0"]["source_version"] == version
        await matcher.clear()


async def test_a_pair_that_cannot_be_scored_is_left_out_and_the_rest_is_published() -> None:
    class Broken(LettersScorer):
        def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> list[Scored]:
            if any((posting.id, cv.id) == ("p1", "c1") for cv in cvs):
                raise ValueError("of our own making")
            return super().score(posting, cvs)

    topics = Topics()
    ranker = Ranker(Broken(), TOP, 0.0, DIVERSITY, Unpacked())
    matcher = Matcher(ranker, {side: FaissIndex() for side in Side}, CANDIDATES)
    matcher.own(0, {})
    values = [(Side.posting, posting(f"p{n}", vector(n))) for n in range(3)]
    values += [(Side.cv, cv(f"c{n}", vector(9 + n))) for n in range(3)]
    changes = [_change(side, value, n) for n, (side, value) in enumerate(values)]
    await matcher.apply(changes)
    await finish(matcher, topics)
    lists = {name: {own for own, _ in picks} for name, picks in standing(topics).items()}
    assert lists == {
        "posting:p0": {"c0", "c1", "c2"},
        "posting:p1": {"c0", "c2"},
        "posting:p2": {"c0", "c1", "c2"},
        "cv:c0": {"p0", "p1", "p2"},
        "cv:c1": {"p0", "p2"},
        "cv:c2": {"p0", "p1", "p2"},
    }
    # Nor does the pair keep one that is gone in a list.
    await matcher.apply([Change((Side.cv, "c2"), None, 0, 10, 10)])
    await finish(matcher, topics)
    assert [own for own, _ in standing(topics)["posting:p1"]] == ["c0"]


def _change(side: Side, value: bytes, offset: int) -> Change:
    item = read(side, record(side, value, offset), FILTERS)
    return Change(item.key, item, 0, offset, offset)
