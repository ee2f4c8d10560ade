"""Faults with the matcher in the loop: what stands in `matches.v1` in the end is what an undisturbed run leaves there.

Three matchers, real processes, on a broker of their own; features of both sides come in all the while: new ones, newer
ones, repeated ones, tombstones.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from tests.faults.fleet import ROOT, STOP_S
from tests.faults.stage import BROKER, SETTINGS
from tests.support.features import cv, posting, vector
from tests.support.streams import produce, read_all
from topics.catalogue import CV_FEATURES, MATCHES, POSTING_FEATURES
from workers import admin, matcher
from workers.embedded import EmbeddedKafka
from workers.embedded.child import Child
from workers.runtime import in_background
from workers.settings import Settings

PARTITIONS = 4
WORKERS = 3
BATCHES, BATCH, EVERY_S = 60, 12, 0.25
SKILLS = ["bake", "weld", "teach", "drive", "sell", "nurse", "code", "plan"]
# Longer than a zombie's session.
PAUSE_S = 5.0
STALL_S = 30.0
# So low that every list is full, and depends on many others.
MATCHING = {
    "TALENTSTREAM_MATCH_MIN_SCORE": "0.05",
    "TALENTSTREAM_MATCH_CANDIDATES": "12",
    "TALENTSTREAM_MATCH_TOP": "5",
}

Event = tuple[str, bytes, bytes | None]
Lists = dict[bytes, bytes]


def load() -> list[list[Event]]:
    """Batches of features; the same each time."""
    rng, batches, sent = Random(0), [], list[Event]()
    for _ in range(BATCHES):
        batch: list[Event] = []
        for _ in range(BATCH):
            roll, number = rng.random(), rng.randrange(60)
            if roll < 0.1 and sent:  # a replay: what stood there once comes again
                batch.append(rng.choice(sent))
                continue
            is_posting = rng.random() < 0.4
            own, make, topic = (
                (f"p{number}", posting, POSTING_FEATURES) if is_posting else (f"c{number}", cv, CV_FEATURES)
            )
            market, skills = f"m{number % 2}", rng.sample(SKILLS, 3)
            value = make(own, vector(rng.randrange(400)), skills, market=market) if roll < 0.85 else None
            batch.append((topic.name, own.encode(), value))
        sent += batch
        batches.append(batch)
    return batches


async def send(settings: Settings, events: list[Event]) -> None:
    for topic in (POSTING_FEATURES.name, CV_FEATURES.name):
        await produce(settings, topic, [(key, value) for own, key, value in events if own == topic])


def settings_of(kafka: EmbeddedKafka) -> Settings:
    return Settings(
        KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
        partitions=PARTITIONS,
        http_port=0,
        match_min_score=float(MATCHING["TALENTSTREAM_MATCH_MIN_SCORE"]),
        match_candidates=int(MATCHING["TALENTSTREAM_MATCH_CANDIDATES"]),
        match_top=int(MATCHING["TALENTSTREAM_MATCH_TOP"]),
    )


async def standing(settings: Settings) -> tuple[Lists, int]:
    """The lists in the end, and how often one was published that stood there already."""
    lists: dict[bytes, bytes | None] = {}
    repeats = 0
    for record in await read_all(settings, MATCHES.name):
        repeats += lists.get(record.key) == record.value
        lists[record.key] = record.value
    return {key: value for key, value in lists.items() if value is not None}, repeats


@pytest_asyncio.fixture(scope="module")
async def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Lists:
    """What one matcher publishes whom nothing happens to, of the same features in the same order."""
    async with EmbeddedKafka(tmp_path_factory.mktemp("undisturbed")) as kafka:
        settings = settings_of(kafka)
        await admin.apply(settings)
        async with matcher.worker(settings) as worker, in_background(worker, settings):
            for batch in load():
                await send(settings, batch)
            lists, count = await standing(settings), -1
            while count != len(lists[0]) or worker.waiting:
                count = len(lists[0])
                await asyncio.sleep(1)
                lists = await standing(settings)
        return (await standing(settings))[0]


class Matchers:
    """Real worker processes; one that dies is started again."""

    def __init__(self, kafka: EmbeddedKafka, folder: Path, **environment: str) -> None:
        self.kafka = kafka
        self._folder = folder
        self._environment = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, **SETTINGS, **MATCHING, **environment}
        self.workers: list[Child] = []

    def start(self) -> None:
        """A further one."""
        self.workers.append(self._child(len(self.workers)))

    def kill(self, number: int) -> None:
        """SIGKILL, and another in its place."""
        self.workers[number].kill()
        self.workers[number] = self._child(number)

    async def pause(self, number: int) -> None:
        """SIGSTOP past its session: others take over, and it wakes up as a zombie."""
        self.workers[number].signal_group(signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        self.workers[number].signal_group(signal.SIGCONT)

    async def replace(self, number: int) -> None:
        """SIGTERM, and another in its place: two rebalances."""
        await self.workers[number].stop(STOP_S)
        self.workers[number] = self._child(number)

    async def stop(self) -> None:
        await asyncio.gather(*(worker.stop(STOP_S) for worker in self.workers))

    def _child(self, number: int) -> Child:
        command = [sys.executable, "-m", "workers", "worker", "run", "matcher"]
        environment = os.environ | self._environment | {"PYTHONPATH": str(ROOT), "TALENTSTREAM_HTTP_PORT": "0"}
        log = self._folder / f"matcher-{number}.log"
        child = Child("matcher", command, log=log, folder=self._folder, env=environment)
        child.start()
        return child


@asynccontextmanager
async def matchers(folder: Path, **environment: str) -> AsyncIterator[Matchers]:
    async with EmbeddedKafka(folder / "kafka", settings=BROKER) as kafka:
        await admin.apply(settings_of(kafka))
        found = Matchers(kafka, folder, **environment)
        try:
            for _ in range(WORKERS):
                found.start()
            yield found
        finally:
            await found.stop()


async def settled(settings: Settings, expected: Lists) -> tuple[Lists, int]:
    """What stands there when it is what is expected, or when nothing has changed for long."""
    loop = asyncio.get_running_loop()
    lists, _ = await standing(settings)
    since = loop.time()
    while lists != expected and loop.time() - since < STALL_S:
        await asyncio.sleep(1)
        before = lists
        lists, _ = await standing(settings)
        if lists != before:
            since = loop.time()
    await asyncio.sleep(2)  # and it stays so
    return await standing(settings)


async def kill(matchers: Matchers, turn: int) -> None:
    if turn % 9 == 4:
        matchers.kill(turn % WORKERS)


async def pause(matchers: Matchers, turn: int) -> None:
    if turn in (10, 35):
        await matchers.pause(turn % WORKERS)


async def rebalance(matchers: Matchers, turn: int) -> None:
    if turn % 15 == 7:
        await matchers.replace(turn % WORKERS)
    if turn == 30:
        matchers.start()


async def restart_broker(matchers: Matchers, turn: int) -> None:
    if turn == 20:
        matchers.kafka.kill()
        await matchers.kafka.start()


async def everything(matchers: Matchers, turn: int) -> None:
    for fault in (kill, pause, rebalance, restart_broker):
        await fault(matchers, turn)


@pytest.mark.parametrize("fault", [kill, everything])
async def test_the_lists_are_those_of_an_undisturbed_run(
    fault: Callable[[Matchers, int], Awaitable[None]], tmp_path: Path, undisturbed: Lists
) -> None:
    assert len(undisturbed) > 60
    async with matchers(tmp_path) as found:
        settings = settings_of(found.kafka)
        for turn, batch in enumerate(load()):
            await send(settings, batch)
            await asyncio.sleep(EVERY_S)
            await fault(found, turn)
        lists, repeats = await settled(settings, undisturbed)
        differing = sorted(own for own in lists.keys() | undisturbed.keys() if lists.get(own) != undisturbed.get(own))
        assert differing == []
        assert repeats == 0
