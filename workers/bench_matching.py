"""`talentstream bench matching`: from a posting's features to its list, among so many CVs, by index.

The CVs are synthetic and put into the matcher directly; postings come and lists go through Kafka, as in production.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Literal

import numpy as np
from aiokafka import AIOKafkaProducer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from topics.catalogue import MATCHES, POSTING_FEATURES
from topics.matches import posting_subject
from topics.postings import PostingFeatures
from workers import admin, kafka, matcher, tail, telemetry
from workers.errors import FatalError
from workers.matching.items import Item, Side
from workers.matching.matcher import NAME, Change, Matcher
from workers.matching.synthetic import Synthetic
from workers.runtime import in_background, spare_garbage_collection
from workers.settings import Settings

IndexName = Literal["faiss", "redis"]


class IndexChoice(StrEnum):
    """Of the command line."""

    faiss = "faiss"
    redis = "redis"
    both = "both"

    @property
    def names(self) -> tuple[IndexName, ...]:
        """Those to measure."""
        every: tuple[IndexName, ...] = ("faiss", "redis")
        return tuple(name for name in every if self.value in (name, "both"))


STAGES = ("search", "rank", "publish")
RECALL_AT, RECALL_QUERIES = 100, 50
# Of what the backlog showed to be possible: at what pace the waiting is measured.
PACE = 0.5
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one index at one size.

    Attributes:
        rate: postings/s of a backlog, from the first feature event to the last list.
        p50_ms: from a posting's feature event to its list, at half that pace.
        shares: of the time of a backlog, by stage; of the rank stage scoring is a part.
        scoring: share of the time of a backlog that the scorer alone takes.
        recall: at 100, against a search of all vectors.
    """

    index: IndexName
    vectors: int
    fill_s: float
    rate: float
    p50_ms: float
    p95_ms: float
    shares: dict[str, float]
    pairs: float
    scoring: float
    recall: float


async def measure(settings: Settings, index: IndexName, vectors: int, events: int) -> Figures:
    """On a broker with the catalogue's topics; `settings.vector_redis_url` names the Redis of the vector sets."""
    synthetic = Synthetic()
    own = settings.model_copy(
        update={
            "vector_redis_url": settings.vector_redis_url if index == "redis" else None,
            "group_prefix": f"{index}-{vectors}",
            "match_filters": (),
            "match_min_score": 0.0,
        }
    )
    async with matcher.worker(own) as worker, in_background(worker, own):
        # Now that it is ready: at its start it clears what a shared index holds of no topic.
        started = time.perf_counter()
        people = synthetic.cvs(vectors)
        exact: list[Item] = []
        while chunk := list(islice(people, _CHUNK)):
            await worker.apply([Change(item.key, item, -1, item.offset, 0) for item in chunk])
            exact += chunk
        fill_s = time.perf_counter() - started
        spare_garbage_collection()  # as `worker run` does
        recall = await _recall(worker, exact, synthetic)
        pairs = await asyncio.to_thread(_pairs_per_s, own, exact, synthetic)
        warm = synthetic.postings(min(events, 32), f"warm-{index}-{vectors}")
        await _backlog(own, warm)
        before = telemetry.stage_seconds(NAME, STAGES)
        backlog = synthetic.postings(events, f"all-{index}-{vectors}")
        elapsed = await _backlog(own, backlog)
        spent = telemetry.stage_seconds(NAME, STAGES)
        shares = {name: (spent[name] - before[name]) / elapsed for name in STAGES}
        paced = synthetic.postings(events, f"one-{index}-{vectors}")
        waits = await _paced(own, paced, PACE * events / elapsed)
    # Else the next run would rank them anew with each CV that it fills in.
    await _publish(own, [(key, None) for key, _ in (*warm, *backlog, *paced)])
    return Figures(
        index=index,
        vectors=vectors,
        fill_s=fill_s,
        rate=events / elapsed,
        p50_ms=1000 * statistics.median(waits),
        p95_ms=1000 * float(np.quantile(waits, 0.95)),
        shares=shares,
        pairs=pairs,
        scoring=events * own.match_candidates / pairs / elapsed,
        recall=recall,
    )


async def _recall(worker: Matcher, people: Sequence[Item], synthetic: Synthetic) -> float:
    """Share of the truly 100 most similar that a search for 100 finds."""
    queries = [_query(number, vector, people[0]) for number, vector in enumerate(synthetic.vectors(RECALL_QUERIES))]
    vectors = np.array([query.vector for query in queries], np.float32)
    best = np.zeros((len(queries), 0), np.float32)
    rows = np.zeros((len(queries), 0), np.int64)
    for start in range(0, len(people), _CHUNK):
        part = np.array([item.vector for item in people[start : start + _CHUNK]], np.float32)
        best = np.concatenate([best, vectors @ part.T], axis=1)
        rows = np.concatenate([rows, np.tile(np.arange(start, start + len(part)), (len(queries), 1))], axis=1)
        kept = np.argsort(-best, axis=1)[:, :RECALL_AT]
        best, rows = np.take_along_axis(best, kept, 1), np.take_along_axis(rows, kept, 1)
    found = await worker.search(Side.cv, queries, RECALL_AT)
    shares = [
        len({people[row].id for row in truth} & set(ids)) / len(truth) for truth, ids in zip(rows, found, strict=True)
    ]
    return statistics.mean(shares)


def _query(number: int, vector: NDArray[np.float32], like: Item) -> Item:
    return Item(
        side=Side.posting,
        id=f"query-{number}",
        market=like.market,
        space=like.space,
        languages=like.languages,
        arrangements=like.arrangements,
        vector=vector.astype(np.float16),
        packed=b"",
        partition=-1,
        offset=number,
        timestamp_ms=0,
    )


def _pairs_per_s(settings: Settings, people: Sequence[Item], synthetic: Synthetic) -> float:
    """Of the scorer alone, as many CVs a call as a list has candidates."""
    ranker = matcher.ranker(settings)
    ((_, value),) = synthetic.postings(1, "pairs")
    posting = PostingFeatures.model_validate_json(value)
    cvs = [ranker.unpacked.cv(item) for item in people[: settings.match_candidates]]
    calls = 0
    started = time.perf_counter()
    while time.perf_counter() - started < 1.0:
        ranker.scorer.score(posting, cvs)
        calls += 1
    return calls * len(cvs) / (time.perf_counter() - started)


async def _backlog(settings: Settings, postings: Sequence[tuple[bytes, bytes]]) -> float:
    """Seconds from the first feature event to the last list, all published at once.

    Raises:
        FatalError: a list holds nobody, so that nothing of worth was measured.
    """
    subjects = {posting_subject(key.decode()) for key, _ in postings}
    collected = asyncio.create_task(tail.first_of_each(settings, MATCHES.name, subjects))
    started = time.perf_counter()
    await _publish(settings, postings)
    lists = await collected
    elapsed = time.perf_counter() - started
    if empty := [own.key for own in lists if not own.value["matches"]]:
        raise FatalError(f"{len(empty)} of {len(lists)} lists hold nobody, such as {empty[0]}")
    return elapsed


async def _publish(settings: Settings, postings: Sequence[tuple[bytes, bytes | None]]) -> None:
    async with AIOKafkaProducer(**kafka.connection(settings)) as producer:
        for key, value in postings:
            await producer.send(POSTING_FEATURES.name, key=key, value=value)


async def _paced(settings: Settings, postings: Sequence[tuple[bytes, bytes]], rate: float) -> list[float]:
    """Seconds that each waited for its list, at so many a second."""
    sent: dict[str, float] = {}
    waits: dict[str, float] = {}

    async def receive() -> None:
        async with aclosing(tail.read(settings, MATCHES.name, from_beginning=False)) as records:
            async for record in records:
                if record.key in sent and record.key not in waits:
                    waits[record.key] = time.perf_counter() - sent[record.key]
                    if len(waits) == len(postings):
                        return

    receiving = asyncio.create_task(receive())
    await asyncio.sleep(1.0)  # it reads what comes from now on
    started = time.perf_counter()
    async with AIOKafkaProducer(**kafka.connection(settings)) as producer:
        for number, (key, value) in enumerate(postings):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent[posting_subject(key.decode())] = time.perf_counter()
            await producer.send_and_wait(POSTING_FEATURES.name, key=key, value=value)
    await receiving
    return list(waits.values())


async def run(
    settings: Settings, indexes: Sequence[IndexName], sizes: Sequence[int], events: int, console: Console
) -> None:
    """Measures each and prints the table."""
    await admin.apply(settings)
    found = []
    for size in sizes:
        for index in indexes:
            own = await measure(settings, index, size, events)
            found.append(own)
            console.print(f"{own.index}, {own.vectors:,} CVs: {own.rate:.1f} postings/s, p95 {own.p95_ms:.0f} ms")
    speed = Table("index", "CVs", "postings/s", "p50 ms", "p95 ms", f"recall@{RECALL_AT}", "filled in")
    shares = Table("index", "CVs", *STAGES, "of it scoring", "scorer pairs/s")
    for own in found:
        name = (own.index, f"{own.vectors:,}")
        waits = (f"{own.p50_ms:.0f}", f"{own.p95_ms:.0f}")
        speed.add_row(*name, f"{own.rate:.1f}", *waits, f"{own.recall:.3f}", f"{own.fill_s:.0f} s")
        stages = (f"{own.shares[stage]:.0%}" for stage in STAGES)
        shares.add_row(*name, *stages, f"{own.scoring:.0%}", f"{own.pairs:,.0f}")
    console.print(speed)
    console.print(shares)
    console.print(
        f"{events} postings a run. Rate: of a backlog; waits: from a feature event to its list, at {PACE:.0%} of that "
        "rate; shares: of the backlog's time."
    )
