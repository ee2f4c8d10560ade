"""What a new owner of partitions reads, and what goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.support.features import cv, item, posting, vector
from tests.support.streams import produce, read_all, until_answered
from topics.catalogue import CV_FEATURES, MATCHES, POSTING_FEATURES
from topics.matches import MatchList
from workers import admin, matcher
from workers.embedded import EmbeddedKafka, EmbeddedRedis
from workers.matching import redis_index, session
from workers.matching.items import Side
from workers.matching.standing import read_standing
from workers.runtime import in_background
from workers.settings import Settings

TIMEOUT_S = 60
POSTINGS = [f"p{number}" for number in range(6)]


@pytest_asyncio.fixture
async def settings(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    async with EmbeddedKafka(tmp_path_factory.mktemp("takeover")) as broker:
        settings = Settings(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers, partitions=2, session_timeout_s=6, http_port=0
        )
        await admin.apply(settings)
        values = [(own.encode(), posting(own, vector(n))) for n, own in enumerate(POSTINGS)]
        await produce(settings, POSTING_FEATURES.name, values)
        yield settings


class Reading:
    """Stands before the reading of lists."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers: list[list[int]] = []
        self.open = asyncio.Event()
        # How many of the first ones fail, and how many lists stood at the beginning of each.
        self.failures = 0
        self.stood: list[int] = []
        self._read: Callable[..., Awaitable[Any]] = read_standing
        monkeypatch.setattr(session, "read_standing", self)

    async def __call__(self, settings: Settings, numbers: list[int], sources: Any) -> Any:
        self.numbers.append(numbers)
        self.stood.append(len(await read_all(settings, MATCHES.name)))
        await self.open.wait()
        if len(self.numbers) <= self.failures:
            raise OSError("the broker is gone")
        return await self._read(settings, numbers, sources)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():  # noqa: ASYNC110 - Kafka's doing
            await asyncio.sleep(0.05)


def keys(owns: list[str]) -> list[bytes]:
    return [f"posting:{own}".encode() for own in owns]


async def test_features_are_taken_in_and_nothing_is_published_while_the_lists_are_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    async with matcher.worker(settings) as worker, asyncio.TaskGroup() as tasks:

        async def run() -> None:
            async with in_background(worker, settings):  # returns when it is ready
                await until_answered(settings, MATCHES.name, [*keys(POSTINGS), b"cv:c"])

        running = tasks.create_task(run())
        try:
            await until(lambda: reading.numbers == [[0, 1]])
            await produce(settings, CV_FEATURES.name, [(b"c", cv("c", vector(9)))])
            await until(lambda: worker.items == len(POSTINGS) + 1)
            assert not running.done()
            assert await read_all(settings, MATCHES.name) == []
        finally:
            reading.open.set()


async def test_what_we_keep_through_a_rebalance_is_not_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    reading.open.set()
    async with matcher.worker(settings) as one, matcher.worker(settings) as other, in_background(one, settings):
        await until_answered(settings, MATCHES.name, keys(POSTINGS))
        async with in_background(other, settings):
            await until(lambda: len(one.partitions) == len(other.partitions) == 1)
            (moved,) = other.partitions
            assert reading.numbers == [[0, 1], [moved]]
            # The first one publishes in what it has kept, the second in what is new to it.
            await produce(settings, CV_FEATURES.name, [(f"c{n}".encode(), cv(f"c{n}", vector(9))) for n in range(6)])
            await until_answered(settings, MATCHES.name, [f"cv:c{n}".encode() for n in range(6)])
        await until(lambda: len(one.partitions) == 2)
        assert reading.numbers == [[0, 1], [moved], [moved]]


async def test_a_reading_that_fails_is_begun_anew_and_nothing_is_published_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    reading.failures = 1
    reading.open.set()
    async with matcher.worker(settings) as worker, in_background(worker, settings):
        await until_answered(settings, MATCHES.name, keys(POSTINGS))
    assert reading.numbers == [[0, 1], [0, 1]]
    assert reading.stood == [0, 0]


async def test_vectors_of_topics_that_are_no_more_are_forgotten(settings: Settings, redis8: EmbeddedRedis) -> None:
    settings = settings.model_copy(update={"vector_redis_url": redis8.url, "match_min_score": 0.0})
    async with redis_index.connect(settings, session.group(settings)) as indexes:
        await indexes[Side.cv].restore({}, {})
        # Of the same names, at offsets that their topics had once come to.
        await indexes[Side.cv].put([item(Side.cv, cv(own, vector(1)), 1_000) for own in ("c", "ghost")])
        await produce(settings, CV_FEATURES.name, [(b"c", cv("c", vector(9), market="fr"))])
        await produce(settings, POSTING_FEATURES.name, [(b"p", posting("p", vector(8), market="fr"))])
        async with matcher.worker(settings) as worker, in_background(worker, settings):
            await until_answered(settings, MATCHES.name, [*keys(POSTINGS), b"posting:p", b"cv:c"])
        lists = {r.key: MatchList.model_validate_json(r.value) for r in await read_all(settings, MATCHES.name)}
        assert [match.id for match in lists[b"posting:p"].matches] == ["c"]
        assert [match.id for match in lists[b"cv:c"].matches] == ["p"]
        (found,) = await indexes[Side.cv].search([item(Side.posting, posting("q", vector(1)))], 5)
        assert found.ids == []
