"""Vectors in Redis 8 vector sets, one for several matchers: approximate (HNSW), filtered by attributes.

Each matcher reads all features and writes all of them, for it may search before the others have read what it has. So
that a slow one never puts back what a quicker one has replaced, each key's place in its topic is kept beside the sets,
and a write that is older than it changes nothing (one Lua script, which Redis runs alone).
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import numpy as np
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from workers import cache
from workers.errors import FatalError, RetryableError
from workers.matching.index import Found, Gone
from workers.matching.items import ANY, Item, Side
from workers.settings import Settings

# Sets up to this size are scanned whole: exact as far as Redis's numbers are, and as quick.
_SCANNED = 2_000
# How much of the graph a search visits; `talentstream bench matching` prints the recall that it buys.
_EFFORT = 800
_SLACK = 16
_PIPELINE = 256
_TIMEOUT_S = 10.0
# Redis's similarities of equal vectors differ by less than this.
_DOUBT = 1e-5

# KEYS: prefix of the sets, the places. ARGV: element, offset, partition, space or "" to remove, vector, attributes.
_WRITE = """
local known = redis.call('HGET', KEYS[2], ARGV[1])
local offset, space = string.match(known or '-1 0 ', '^(%S+) %S+ (.*)$')
if tonumber(offset) >= tonumber(ARGV[2]) then return 0 end
if space ~= '' and space ~= ARGV[4] then redis.call('VREM', KEYS[1] .. space, ARGV[1]) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
if ARGV[4] ~= '' then
  redis.call('VADD', KEYS[1] .. ARGV[4], 'FP32', ARGV[5], ARGV[1], 'NOQUANT', 'SETATTR', ARGV[6])
end
return 1
"""
# As above, from the element on.
_Write = tuple[str, float, int, str, bytes, str]


class RedisIndex:
    """:class:`workers.matching.index.Index` of one side."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:"
        self._places = f"{prefix}-places"
        # Gone with everything else when Redis has lost its data.
        self._filled = f"{prefix}-filled"

    async def put(self, items: Sequence[Item]) -> None:
        """See :class:`workers.matching.index.Index`."""
        await self._write([self._arguments(item) for item in items])

    async def remove(self, gone: Sequence[Gone]) -> None:
        """See :class:`workers.matching.index.Index`."""
        await self._write([(own.id, own.offset, own.partition, "", b"", "") for own in gone])

    async def search(self, queries: Sequence[Item], k: int) -> list[Found]:
        """See :class:`workers.matching.index.Index`."""
        spaces = sorted({query.space for query in queries})
        sizes = dict(
            zip(spaces, await self._filled_with([("VCARD", self._prefix + space) for space in spaces]), strict=True)
        )
        asked = [query for query in queries if query.vector is not None and sizes[query.space]]
        found: dict[tuple[Side, str], Found] = {}
        wanted = k + _SLACK
        while asked:
            commands = [(*self._query(query, wanted, sizes[query.space]), "WITHSCORES") for query in asked]
            answers = await self._filled_with(commands)
            doubtful = []
            for query, answer in zip(asked, answers, strict=True):
                scanned, cut = sizes[query.space] <= _SCANNED, len(answer) // 2 >= wanted
                found[query.key] = Found([element.decode() for element in answer[::2]], scanned and not cut)
                # Where the last ones are as similar as the k-th, others that are so too may have been left out.
                if scanned and cut and float(answer[2 * k - 1]) - float(answer[-1]) < _DOUBT:
                    doubtful.append(query)
            asked, wanted = doubtful, 4 * wanted
        return [found.get(query.key, Found([], True)) for query in queries]

    async def reached(self) -> Mapping[int, int]:
        """See :class:`workers.matching.index.Index`."""
        highest: dict[int, int] = {}
        for _, offset, partition, _ in await self._known():
            # Down: the places that `restore` makes up lie past the last offset that was read.
            highest[partition] = max(int(offset), highest.get(partition, 0))
        return highest

    async def restore(self, items: Mapping[str, Item], read_to: Mapping[int, int]) -> None:
        """See :class:`workers.matching.index.Index`."""
        (filled,) = await self._all([("EXISTS", self._filled)])
        if not filled:
            await self.put(list(items.values()))
            await self._all([("SET", self._filled, "1")])
        # Their tombstones came while no matcher ran. What lies beyond `read_to` is not known to be gone: another
        # matcher may have read further. The place is the last before what we have not read.
        gone = [
            Gone(own, partition, read_to[partition] - 0.5)
            for own, offset, partition, space in await self._known()
            if space and own not in items and offset < read_to.get(partition, 0)
        ]
        await self.remove(gone)

    async def _known(self) -> list[tuple[str, float, int, str]]:
        with _outages():
            entries = [entry async for entry in self._redis.hscan_iter(self._places, count=1000)]
        found = []
        for own, place in entries:
            offset, partition, space = place.decode().split(" ", 2)
            found.append((own.decode(), float(offset), int(partition), space))
        return found

    async def clear(self) -> None:
        """See :class:`workers.matching.index.Index`."""
        with _outages():
            keys = [key async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000)]
        await self._all([("DEL", self._filled, self._places, *keys)])

    def _arguments(self, item: Item) -> _Write:
        place = (item.id, item.offset, item.partition)
        if item.vector is None:
            return *place, "", b"", ""
        attributes = {"l": sorted(item.languages), "a": sorted(item.arrangements)}
        return *place, item.space, item.vector.astype(np.float32).tobytes(), json.dumps(attributes)

    def _query(self, query: Item, count: int, size: int) -> tuple[Any, ...]:
        vector = query.numbers().astype(np.float32).tobytes()
        effort = ("TRUTH",) if size <= _SCANNED else ("EF", max(_EFFORT, count))
        terms = [
            " or ".join(f"{json.dumps(name)} in .{attribute}" for name in sorted(names))
            for attribute, names in (("l", query.languages), ("a", query.arrangements))
            if names != ANY
        ]
        # An expression is read for each vector that is met: none where it would say nothing.
        expression = " and ".join(f"({term})" for term in terms)
        filtered = ("FILTER", expression, "FILTER-EF", 20 * count) if terms else ()
        return ("VSIM", self._prefix + query.space, "FP32", vector, "COUNT", count, *filtered, *effort)

    async def _filled_with(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers, of an index that had lost nothing when it gave the last of them."""
        *answers, filled = await self._all([*commands, ("EXISTS", self._filled)])
        if not filled:
            raise RetryableError("the vector sets are not filled (any more)")
        return answers

    async def _write(self, writes: Sequence[_Write]) -> None:
        await self._all([("EVAL", _WRITE, 2, self._prefix, self._places, *arguments) for arguments in writes])

    async def _all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers: list[Any] = []
        with _outages():
            for start in range(0, len(commands), _PIPELINE):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for command in commands[start : start + _PIPELINE]:
                        pipeline.execute_command(*command)
                    answers += await pipeline.execute()
        return answers


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        if isinstance(error, ResponseError) and "unknown command" in str(error).lower():
            raise FatalError("VECTOR_REDIS_URL has no vector sets: they came with Redis 8") from error
        raise RetryableError(f"vector sets: {type(error).__name__}") from error


@asynccontextmanager
async def connect(settings: Settings, group: str) -> AsyncIterator[dict[Side, RedisIndex]]:
    """The indexes of a group of matchers, one of each side.

    Raises:
        RetryableError: Redis does not answer.
        FatalError: it is older than 8, or no address is set.
    """
    if settings.vector_redis_url is None:
        raise FatalError("VECTOR_REDIS_URL is not set")
    redis = cache.client(settings, settings.vector_redis_url, _TIMEOUT_S)
    # Attributes are as the filters have them: with others the sets are filled anew.
    name = "+".join([group, *sorted(settings.match_filters)])
    indexes = {side: RedisIndex(redis, f"{cache.PREFIX}:vectors:{name}:{side}") for side in Side}
    try:
        await indexes[Side.cv]._all([("VCARD", "talentstream:probe")])
        yield indexes
    finally:
        await redis.aclose()
