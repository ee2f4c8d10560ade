"""Both indexes against a plain search over everything."""

from collections.abc import AsyncIterator, Callable, Sequence
from random import Random

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.support.features import cv, feature, item, posting, vector
from workers.embedded import EmbeddedRedis
from workers.errors import RetryableError
from workers.matching.index import FaissIndex, Gone, Index
from workers.matching.items import Item, Side
from workers.matching.redis_index import RedisIndex
from workers.matching.shortlist import similarities

K = 5
LANGUAGES = ["en", "fr", "de"]
ARRANGEMENTS = [(), ("remote",), ("onsite", "hybrid")]


@pytest_asyncio.fixture(params=["faiss", "redis"])
async def index(request: pytest.FixtureRequest, redis8: EmbeddedRedis) -> AsyncIterator[Index]:
    if request.param == "faiss":
        yield FaissIndex()
        return
    client = Redis.from_url(redis8.url)
    own = RedisIndex(client, f"test-{request.node.name}")
    await own.clear()
    await own.restore({}, {})
    yield own
    await client.aclose()


def some_cv(number: int, rng: Random, offset: int) -> Item:
    languages = [feature(language) for language in rng.sample(LANGUAGES, rng.randint(0, 2))]
    value = cv(
        f"c{number}",
        vector(rng.randrange(40)),  # twins among them
        market=rng.choice(["fr", "de"]),
        language=rng.choice(LANGUAGES),
        languages=languages,
        work_arrangements=rng.choice(ARRANGEMENTS),
    )
    return item(Side.cv, value, offset)


def some_posting(number: int, rng: Random) -> Item:
    value = posting(
        f"p{number}",
        vector(100 + number),
        market=rng.choice(["fr", "de"]),
        language=rng.choice(LANGUAGES),
        work_arrangement=rng.choice(["remote", "onsite", "not_stated"]),
    )
    return item(Side.posting, value)


def best(query: Item, items: Sequence[Item], k: int) -> set[str]:
    """With all that are as similar as the last."""
    fitting = [one for one in items if one.matches(query)]
    if not fitting:
        return set()
    alike = similarities(np.array([one.vector for one in fitting]), query.numbers())
    least = np.sort(alike)[::-1][min(k, len(alike)) - 1]
    return {one.id for one, similarity in zip(fitting, alike, strict=True) if similarity >= least}


async def check(index: Index, items: dict[str, Item], queries: Sequence[Item]) -> None:
    for query, found in zip(queries, await index.search(queries, K), strict=True):
        wanted = best(query, list(items.values()), K)
        assert wanted <= set(found.ids)
        assert all(items[own].matches(query) for own in found.ids)
        if found.complete:
            assert set(found.ids) == best(query, list(items.values()), len(items) + 1)


@pytest.mark.parametrize("seed", range(2))
async def test_a_search_finds_the_most_similar_that_fit_through_all_changes(index: Index, seed: int) -> None:
    rng = Random(seed)
    items: dict[str, Item] = {}
    queries = [some_posting(number, rng) for number in range(12)]
    await check(index, items, queries)
    for turn in range(6):
        new = [some_cv(number, rng, 1_000 * turn + number) for number in rng.sample(range(150), 60)]
        await index.put(new)
        items |= {one.id: one for one in new}
        gone = [items.pop(own) for own in rng.sample(sorted(items), 15)]
        await index.remove([Gone(one.id, 0, 1_000 * turn + 999) for one in gone])
        await check(index, items, queries)


async def test_equals_at_the_end_are_all_found(index: Index) -> None:
    twins = {f"t{n}": item(Side.cv, cv(f"t{n}", vector(1)), n) for n in range(60)}
    await index.put(list(twins.values()))
    (found,) = await index.search([item(Side.posting, posting("p", vector(2)))], K)
    assert set(found.ids) == set(twins)


async def test_an_item_without_a_vector_is_as_good_as_none(index: Index) -> None:
    query = item(Side.posting, posting("p", vector(1)))
    await index.put([item(Side.cv, cv("c", vector(1)), 1)])
    assert (await index.search([query], K))[0].ids == ["c"]
    await index.put([item(Side.cv, cv("c", None), 2)])
    assert (await index.search([query], K))[0].ids == []


@pytest.fixture
def shared(redis8: EmbeddedRedis, request: pytest.FixtureRequest) -> Callable[[], RedisIndex]:
    return lambda: RedisIndex(Redis.from_url(redis8.url), f"shared-{request.node.name}")


async def test_a_slow_matcher_puts_nothing_back(shared: Callable[[], RedisIndex]) -> None:
    slow, quick = shared(), shared()
    await quick.clear()
    await quick.restore({}, {})
    query = item(Side.posting, posting("p", vector(1)))
    old = item(Side.cv, cv("c", vector(1)), 1)
    await quick.put([old])
    await quick.put([item(Side.cv, cv("c", vector(1), market="fr"), 2)])
    await slow.put([old])
    assert (await slow.search([query], K))[0].ids == []
    await quick.remove([Gone("c", 0, 3)])
    await slow.put([item(Side.cv, cv("c", vector(1)), 2)])
    assert (await slow.search([query], K))[0].ids == []


async def test_lost_vectors_are_noticed_and_given_back(shared: Callable[[], RedisIndex], redis8: EmbeddedRedis) -> None:
    index = shared()
    await index.clear()
    await index.restore({}, {})
    own = item(Side.cv, cv("c", vector(1)), 1)
    await index.put([own])
    query = item(Side.posting, posting("p", vector(1)))
    client = Redis.from_url(redis8.url)
    await client.flushall()
    await client.aclose()
    with pytest.raises(RetryableError):
        await index.search([query], K)
    await index.restore({"c": own}, {0: 2})
    assert (await index.search([query], K))[0].ids == ["c"]


async def test_what_was_deleted_while_nobody_ran_goes_and_what_others_have_read_since_stays(
    shared: Callable[[], RedisIndex],
) -> None:
    index = shared()
    await index.clear()
    await index.restore({}, {})
    kept, ghost, newer = (item(Side.cv, cv(own, vector(1)), offset) for own, offset in (("k", 1), ("g", 2), ("n", 5)))
    await index.put([kept, ghost, newer])
    await index.restore({"k": kept}, {0: 5})
    query = item(Side.posting, posting("p", vector(1)))
    assert set((await index.search([query], K))[0].ids) == {"k", "n"}
    await index.put([item(Side.cv, cv("g", vector(1)), 5)])  # the next record of all brings it back
    assert set((await index.search([query], K))[0].ids) == {"k", "n", "g"}


async def test_it_never_claims_to_have_reached_more_than_was_read(shared: Callable[[], RedisIndex]) -> None:
    index = shared()
    await index.clear()
    await index.restore({}, {})
    assert await index.reached() == {}
    await index.put([item(Side.cv, cv("g", vector(1)), 2)])
    await index.restore({}, {0: 3})  # gone, as of just before 3
    assert await index.reached() == {0: 2}
