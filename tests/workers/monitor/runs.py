"""A monitor at work, and what it reads and publishes, for tests on a real broker."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from tests.support.streams import read_all
from tests.workers.monitor.streams import HOUR_MS, groups, posting_list
from topics.catalogue import CV_GROUPS, FAIRNESS_REPORTS
from topics.fairness import FairnessReport
from workers import admin, kafka
from workers.delivery import Record
from workers.errors import RetryableError
from workers.health import Health
from workers.monitor import app
from workers.monitor.app import Monitor
from workers.settings import Settings

# A window that has been over for an hour, whatever the time.
PAST_MS = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 2 * HOUR_MS


@dataclass
class Run:
    """A monitor at work."""

    monitor: Monitor
    health: Health
    task: "asyncio.Task[None]"

    async def until(self, what: str, reached: Any, timeout_s: float = 40) -> None:
        deadline = time.monotonic() + timeout_s
        while not reached():
            assert not self.task.done(), self.task
            assert time.monotonic() < deadline, what
            await asyncio.sleep(0.1)

    async def until_judged(self, *markets: str) -> None:
        """Until each market has a verdict that holds."""
        verdicts = self.monitor.state.verdicts
        await self.until(
            f"no verdict on {markets}",
            lambda: all(
                any(key.startswith(f"{market} ") and not row["late"] for key, row in verdicts.items())
                for market in markets
            ),
        )


async def connected(parts: AsyncExitStack, settings: Settings) -> Monitor:
    """A new broker has no coordinator of groups at first; a member that left is one for a moment."""
    for _ in range(40):
        with contextlib.suppress(RetryableError):
            return await parts.enter_async_context(app.connect(settings))
        await asyncio.sleep(0.25)
    return await parts.enter_async_context(app.connect(settings))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Run]:
    stop, health = asyncio.Event(), Health(settings.stall_timeout_s)
    async with AsyncExitStack() as parts:
        monitor = await connected(parts, settings)
        run = Run(monitor, health, asyncio.create_task(monitor.run(health, stop)))
        try:
            await run.until("not ready", lambda: health.ready)
            yield run
        finally:
            stop.set()
            await run.task


async def publish(settings: Settings, records: Iterable[Record]) -> None:
    producer = AIOKafkaProducer(**kafka.connection(settings), enable_idempotence=True)
    async with producer:
        sent = [
            await producer.send(record.topic, key=record.key, value=record.value, headers=list(record.headers))
            for record in records
        ]
        await asyncio.gather(*sent)


async def reports(settings: Settings, market: str) -> list[FairnessReport]:
    records = await read_all(settings, FAIRNESS_REPORTS.name)
    return [FairnessReport.model_validate_json(r.value) for r in records if r.key == market.encode()]


async def until_reported(settings: Settings, market: str, postings: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if any(report.postings == postings for report in await reports(settings, market)):
                return
            await asyncio.sleep(0.5)


def candidates(market: str, count: int = 60) -> list[str]:
    return [f"{market}-{number}" for number in range(count)]


def declared(market: str, count: int = 60) -> list[Record]:
    return [groups(cv, gender=("female", "male")[i % 2]) for i, cv in enumerate(candidates(market, count))]


def lists(market: str, postings: Iterable[int], *, biased: bool) -> list[Record]:
    """Of each posting twenty CVs; under a bias the men lead."""
    found = []
    for number in postings:
        cvs = random.Random(number).sample(candidates(market), 20)
        if biased:
            cvs.sort(key=lambda cv: int(cv.rpartition("-")[2]) % 2, reverse=True)
        found.append(posting_list(f"{market}-p{number}", cvs, PAST_MS, market))
    return found


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"talentstream_{name}", labels)


async def committed(settings: Settings) -> int:
    """Records that the group will not read again."""
    async with admin._admin(settings) as client:
        offsets = await client.list_consumer_group_offsets(f"{settings.group_prefix}-fairness-monitor")
    return sum(offset.offset for partition, offset in offsets.items() if partition.topic == CV_GROUPS.name)
