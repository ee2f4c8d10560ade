"""Results by content: a repost or a replay costs no inference. An accelerator only; nothing depends on it.

Keys are `PREFIX:WORKER:MADE_BY:CONTENT_HASH`, so a new model or release never meets an old result. When Redis fails,
look-ups count as `unavailable`, the worker goes on without, and Redis is asked again after a pause.
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from workers import telemetry
from workers.errors import RetryableError
from workers.settings import Settings

log = structlog.get_logger()

PREFIX = "talentstream"
# While Redis is down each batch would pay the timeout; ask again only this often.
RETRY_S = 5.0


class ResultCache:
    """Looks up and keeps encoded results. Without a Redis every look-up is a miss that says `unavailable`."""

    def __init__(self, worker: str, redis: Redis | None, ttl_s: int) -> None:
        self._worker = worker
        self._redis = redis
        self._ttl_s = ttl_s
        self._down_until = 0.0

    async def get(self, made_by: str, content_hashes: Sequence[str]) -> list[bytes | None]:
        """One entry for each hash, None where unknown."""
        found: list[bytes | None] = [None] * len(content_hashes)
        if self._redis is None or time.monotonic() < self._down_until:
            self._count("unavailable", len(found))
            return found
        try:
            found = await self._redis.mget([self._key(made_by, h) for h in content_hashes])
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            self._count("unavailable", len(found))
            return found
        telemetry.CACHE_UP.labels(self._worker).set(1)
        hits = sum(entry is not None for entry in found)
        self._count("hit", hits)
        self._count("miss", len(found) - hits)
        return found

    async def put(self, made_by: str, results: Mapping[str, bytes]) -> None:
        """Keeps results by content hash."""
        if self._redis is None or not results or time.monotonic() < self._down_until:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for content_hash, result in results.items():
                    pipeline.set(self._key(made_by, content_hash), result, ex=self._ttl_s)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)

    async def forget(self, content_hashes: Iterable[str]) -> int:
        """Removes what was kept for these contents, whatever made it; returns how many results that were.

        Raises:
            RetryableError: Redis does not answer; some may be left.
        """
        wanted = set(content_hashes)
        if self._redis is None or not wanted:
            return 0
        try:
            # One pass for all: the hash stands last in a key, so no pattern spares Redis from looking at every key.
            keys = [
                key
                async for key in self._redis.scan_iter(f"{PREFIX}:{self._worker}:*", count=1000)
                if key.decode().rpartition(":")[2] in wanted
            ]
            return int(await self._redis.delete(*keys)) if keys else 0
        except (RedisError, OSError, TimeoutError) as error:
            raise RetryableError(f"Redis does not answer: {type(error).__name__}") from error

    def _key(self, made_by: str, content_hash: str) -> str:
        return f"{PREFIX}:{self._worker}:{made_by}:{content_hash}"

    def _count(self, result: str, number: int) -> None:
        telemetry.CACHE.labels(self._worker, result).inc(number)

    def _failed(self, error: Exception) -> None:
        self._down_until = time.monotonic() + RETRY_S
        telemetry.CACHE_UP.labels(self._worker).set(0)
        log.warning("cache unavailable; going on without", worker=self._worker, error=type(error).__name__)


@asynccontextmanager
async def connect(settings: Settings, worker: str) -> AsyncIterator[ResultCache]:
    """A cache over `settings.redis_url`; connects at first use, so a Redis that is down delays nothing."""
    if settings.redis_url is None:
        yield ResultCache(worker, None, settings.cache_ttl_s)
        return
    redis = client(settings, settings.redis_url, settings.cache_timeout_s)
    try:
        yield ResultCache(worker, redis, settings.cache_ttl_s)
    finally:
        await redis.aclose()


def client(settings: Settings, url: str, timeout_s: float) -> Redis:
    """A client of the Redis at `url`, with the settings' password and authority; connects at first use."""
    options: dict[str, Any] = {}
    if settings.redis_password is not None:
        options["password"] = settings.redis_password.get_secret_value()
    if url.startswith("rediss://"):
        options["ssl_ca_certs"] = settings.redis_ssl_cafile
        options["ssl_check_hostname"] = True
    return Redis.from_url(
        url,
        **options,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        # A connection that died while unused is found out by its next call; once more, then, over a new one.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
