"""The result cache on a real Redis: hits, misses, and going on without."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tests.faults.proxy import Proxy
from workers import cache
from workers.embedded import EmbeddedRedis
from workers.settings import Settings


def lookups(worker: str, result: str) -> float:
    return REGISTRY.get_sample_value("talentstream_cache_lookups_total", {"worker": worker, "result": result}) or 0.0


async def test_what_was_put_is_found_by_model_version_and_content(redis: EmbeddedRedis) -> None:
    async with cache.connect(Settings(REDIS_URL=redis.url), "found") as results:
        await results.put("1-a", {"h1": b"one", "h2": b"two"})
        assert await results.get("1-a", ["h2", "h3", "h1"]) == [b"two", None, b"one"]
        assert await results.get("1-b", ["h1"]) == [None]
    assert (lookups("found", "hit"), lookups("found", "miss")) == (2, 2)


async def test_entries_expire(redis: EmbeddedRedis) -> None:
    async with cache.connect(Settings(REDIS_URL=redis.url, cache_ttl_s=1), "expire") as results:
        await results.put("1", {"h": b"x"})
        assert await results.get("1", ["h"]) == [b"x"]
        await asyncio.sleep(1.2)
        assert await results.get("1", ["h"]) == [None]


async def test_without_redis_every_lookup_says_unavailable() -> None:
    async with cache.connect(Settings(REDIS_URL=None), "none") as results:
        await results.put("1", {"h": b"x"})
        assert await results.get("1", ["h", "i"]) == [None, None]
    assert lookups("none", "unavailable") == 2


async def test_a_hung_redis_costs_one_timeout_and_is_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "RETRY_S", 0.5)
    async with EmbeddedRedis(tmp_path) as redis, cache.connect(Settings(REDIS_URL=redis.url), "hung") as results:
        await results.put("1", {"h": b"x"})
        redis.pause()
        async with asyncio.timeout(2):
            assert await results.get("1", ["h"]) == [None]
            await results.put("1", {"i": b"y"})
            assert await results.get("1", ["h"]) == [None]
        redis.resume()
        await asyncio.sleep(0.6)
        assert await results.get("1", ["h"]) == [b"x"]
    assert (lookups("hung", "unavailable"), lookups("hung", "hit")) == (2, 1)


async def test_a_redis_that_dies_is_a_miss(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis, cache.connect(Settings(REDIS_URL=redis.url), "dead") as results:
        await results.put("1", {"h": b"x"})
        redis.kill()
        assert await results.get("1", ["h"]) == [None]


async def test_dead_connections_are_made_anew_without_a_pause(redis: EmbeddedRedis) -> None:
    address, _, database = redis.url.rpartition("/")
    host, _, port = address.rpartition(":")
    async with (
        Proxy(int(port)) as proxy,
        cache.connect(Settings(REDIS_URL=f"{host}:{proxy.port}/{database}"), "reset") as results,
    ):
        await results.put("1", {"h": b"x"})
        proxy.cut()
        await asyncio.sleep(0.1)
        proxy.heal()
        assert await results.get("1", ["h"]) == [b"x"]
