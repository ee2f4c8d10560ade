"""The Faust app on a real broker: what it publishes, what a restart keeps, what it never reads, keeps or tells."""

import asyncio
import contextlib
import json
import os
import random
import re
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from tests.support.streams import read_all
from tests.workers.monitor.streams import HOUR_MS, cv_list, groups, outcome, posting_list, tombstone
from topics.catalogue import CV_GROUPS, FAIRNESS_REPORTS, OUTCOMES, REJECTIONS, Topic
from topics.envelope import header
from topics.fairness import FairnessReport
from topics.generate import json_schema
from topics.rejections import Rejection
from workers import admin, cli, kafka
from workers.delivery import Record
from workers.embedded import EmbeddedKafka
from workers.errors import RetryableError
from workers.health import Health
from workers.monitor import app, gauges
from workers.monitor.app import Monitor
from workers.monitor.driver import TABLES
from workers.settings import Settings

# A window that has been over for an hour, whatever the time.
PAST_MS = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 2 * HOUR_MS


@pytest_asyncio.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """With the catalogue's topics, which the tests of this module share: each has a market of its own."""
    async with EmbeddedKafka(tmp_path_factory.mktemp("monitor")) as server:
        await admin.apply(Settings(KAFKA_BOOTSTRAP_SERVERS=server.bootstrap_servers, partitions=3))
        yield server.bootstrap_servers


@pytest.fixture
def market(request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))
    return f"{name[:24]}-{zlib.crc32(name.encode()) % 1000}"


@pytest.fixture
def settings(broker: str, market: str) -> Settings:
    return Settings(
        KAFKA_BOOTSTRAP_SERVERS=broker,
        group_prefix=market,
        session_timeout_s=6,
        http_port=0,
        fairness_interval_s=0.2,
        fairness_window_hours=(1,),
        fairness_minimum_group=10,
    )


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


async def test_a_known_bias_is_reported_and_fairness_is_not_flagged(settings: Settings, market: str) -> None:
    fair = f"{market[:20]}-fair"
    await publish(settings, [*declared(market), *declared(fair)])
    await publish(settings, [*lists(market, range(40), biased=True), *lists(fair, range(40), biased=False)])
    hires = [outcome(f"{market}-p{n}", f"{market}-{n}", "hired", PAST_MS + n) for n in range(40)]
    await publish(settings, hires)
    async with running(settings) as run:
        await run.until_judged(market, fair)
        shown = {
            name: gauge("fairness_flagged", market=name, attribute="gender", window="1h", measure="demographic_parity")
            for name in (market, fair)
        }
        rate = gauge("fairness_selection_rate", market=market, attribute="gender", window="1h", group="female")
    (report,) = await reports(settings, market)
    assert {"demographic_parity", "impact_ratio"} <= set(report.flagged)
    assert report.postings == 40
    assert report.coverage == 1.0
    female, male = report.groups
    assert (female.population, male.population) == (30, 30)
    assert female.selected + male.selected == 400
    assert female.hired == male.hired == 20
    assert report.equal_opportunity is not None
    (even,) = await reports(settings, fair)
    assert even.flagged == ()
    assert shown == {market: 1.0, fair: 0.0}
    assert rate == female.selection_rate
    record = next(r for r in await read_all(settings, FAIRNESS_REPORTS.name) if r.key == market.encode())
    assert header(record.headers, "ce_type") == FAIRNESS_REPORTS.event_type
    Draft202012Validator(json_schema(FAIRNESS_REPORTS)).validate(json.loads(record.value))


async def test_a_restart_goes_on_from_the_changelogs(settings: Settings, market: str) -> None:
    await publish(settings, declared(market))
    await publish(settings, lists(market, range(30), biased=True))
    async with running(settings) as run:
        await run.until_judged(market)
        before = {name: dict(getattr(run.monitor.state, name)) for name in TABLES}
        # Offsets are committed each second.
        await asyncio.sleep(2)
    async with running(settings) as run:
        assert {name: dict(getattr(run.monitor.state, name)) for name in TABLES} == before
        await asyncio.sleep(1)
        assert len(await reports(settings, market)) == 1
        taken = run.monitor._taken
        # A list that comes late, of a posting of its own: the old ones count with it.
        await publish(settings, lists(market, [30], biased=True))
        await run.until("not taken", lambda: run.monitor._taken > taken)
        await run.until_judged(market)
        assert taken == 0
    assert [report.postings for report in await reports(settings, market)] == [30, 31]


async def test_no_offset_is_committed_before_its_changes_are_written(
    settings: Settings, market: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that hangs on its way; a crash now must find the record unread."""
    told = groups(f"{market}-late", gender="female")
    async with running(settings) as run:
        await run.until("not read", lambda: (gauge("fairness_read_until_seconds") or 0) > time.time() - 5)
        await asyncio.sleep(2)
        before = await committed(settings)
        producer, held = run.monitor._app.producer, list[Any]()
        with monkeypatch.context() as hanging:
            hanging.setattr(producer, "send_soon", held.append)
            await publish(settings, [told])
            await run.until("not taken", lambda: f"{market}-late" in run.monitor.state.groups)
            await asyncio.sleep(4)
            assert await committed(settings) == before
        for change in held:
            producer.send_soon(change)
        await asyncio.sleep(4)
        assert await committed(settings) == before + 1


async def committed(settings: Settings) -> int:
    """Records that the group will not read again."""
    async with admin._admin(settings) as client:
        offsets = await client.list_consumer_group_offsets(f"{settings.group_prefix}-fairness-monitor")
    return sum(offset.offset for partition, offset in offsets.items() if partition.topic == CV_GROUPS.name)


async def test_replays_count_once(settings: Settings, market: str) -> None:
    events = [*declared(market), *lists(market, range(20), biased=True)]
    await publish(settings, events)
    async with running(settings) as run:
        await run.until_judged(market)
        taken = run.monitor._taken
        duplicates = gauge("events_total", worker="fairness-monitor", result="duplicate") or 0
        for _ in range(2):
            await publish(settings, events)
        await run.until("not taken", lambda: run.monitor._taken == taken + 2 * len(events))
        await asyncio.sleep(1)
        assert gauge("events_total", worker="fairness-monitor", result="duplicate") == duplicates + 2 * len(events)
    assert len(await reports(settings, market)) == 1


async def test_aborted_lists_are_not_read(settings: Settings, market: str) -> None:
    (aborted,) = lists(market, [0], biased=True)
    producer = AIOKafkaProducer(**kafka.connection(settings), transactional_id=market)
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(aborted.topic, key=aborted.key, value=aborted.value)
        await producer.abort_transaction()
    await publish(settings, declared(market))
    async with running(settings) as run:
        await run.until("not taken", lambda: f"{market}-59" in run.monitor.state.groups)
        # Caught up, though the partition ends in an aborted record and its marker.
        await run.until("not read", lambda: (gauge("fairness_read_until_seconds") or 0) > time.time() - 5)
        assert not [key for key in run.monitor.state.lists if key.startswith(market)]


async def test_an_erased_group_leaves_table_and_changelog(settings: Settings, market: str) -> None:
    told = declared(market)
    await publish(settings, [*told, *lists(market, range(20), biased=True), *map(cv_list, candidates(market))])
    async with running(settings) as run:
        await run.until_judged(market)
        await publish(settings, [tombstone(told[0])])
        await run.until("still there", lambda: f"{market}-0" not in run.monitor.state.groups)
        await asyncio.sleep(1)
    changes = await read_all(settings, f"{market}-fairness-monitor-groups-changelog")
    assert [change.value for change in changes if json.loads(change.key) == f"{market}-0"][-1] is None
    assert len(await reports(settings, market)) == 1


async def test_small_groups_are_not_told(settings: Settings, market: str) -> None:
    few = [groups(f"{market}-{i}", gender="other") for i in range(9)]
    await publish(settings, [*declared(market)[9:], *few, *lists(market, range(20), biased=False)])
    async with running(settings) as run:
        await run.until_judged(market)
        assert gauge("fairness_selection_rate", market=market, attribute="gender", window="1h", group="other") is None
    (report,) = await reports(settings, market)
    assert [group.group for group in report.groups] == ["female", "male"]
    assert report.suppressed == 1


async def test_bad_events_are_rejected_and_no_value_is_logged(
    settings: Settings, market: str, capfd: pytest.CaptureFixture[str]
) -> None:
    key = f"{market}-1"
    await publish(
        settings,
        [
            groups(key, gender="Zaphod Beeblebrox"),
            groups(f"{market}-2", gender="zaphodian"),
            outcome(key, key, "eaten"),
        ],
    )
    async with running(settings) as run:
        await run.until("not taken", lambda: f"{market}-2" in run.monitor.state.groups)
        await asyncio.sleep(1)
    found = [Rejection.model_validate_json(record.value) for record in await read_all(settings, REJECTIONS.name)]
    assert {(r.topic, r.errors[0].field) for r in found if market in (r.key or "")} == {
        ("cv-groups.v1", "gender"),
        ("outcomes.v1", "status"),
    }
    printed = capfd.readouterr()
    assert "event rejected" in printed.out + printed.err
    assert "aphod" not in printed.out + printed.err


async def test_standing_still_while_records_wait_fails_livez(
    settings: Settings, market: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: Monitor, __: Record) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Monitor, "_take", hang)
    await publish(settings, declared(market))
    async with running(settings.model_copy(update={"stall_timeout_s": 4.0})) as run:
        assert run.health.live
        await run.until("still alive", lambda: not run.health.live)


async def test_an_outage_of_the_broker_is_waited_out(market: str, settings: Settings, tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path) as server:
        own = settings.model_copy(update={"kafka_bootstrap_servers": server.bootstrap_servers})
        await admin.apply(own.model_copy(update={"partitions": 2}))
        await publish(own, [*declared(market), *lists(market, range(20), biased=True)])
        stop = asyncio.Event()
        work = asyncio.create_task(app.run(own, stop))
        await until_reported(own, market, 20)
        server.kill()
        await asyncio.sleep(15)
        assert not work.done()
        await server.start()
        await publish(own, lists(market, range(20, 30), biased=True))
        await until_reported(own, market, 30)
        stop.set()
        await work


async def test_a_second_monitor_stands_by_and_takes_over(settings: Settings, market: str) -> None:
    await publish(settings, [*declared(market), *lists(market, range(20), biased=True)])
    stop = asyncio.Event()
    async with running(settings) as run:
        await run.until_judged(market)
        second = asyncio.create_task(app.run(settings, stop))
        await publish(settings, lists(market, range(20, 30), biased=True))
        await run.until("not taken", lambda: f"{market}-p29" in run.monitor.state.lists)
        await run.until_judged(market)
        await asyncio.sleep(2)
        assert run.health.ready
        assert not second.done()
    before = [report.postings for report in await reports(settings, market)]
    assert before[-1] == 30
    await publish(settings, lists(market, [30], biased=True))
    await until_reported(settings, market, 31)
    stop.set()
    await second
    assert [report.postings for report in await reports(settings, market)] == [*before, 31]


async def test_an_app_whose_group_rebalances_is_made_anew(
    settings: Settings, market: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A second joins all the same, as one would that looked at the same moment, and leaves."""
    await publish(settings, [*declared(market), *lists(market, range(20), biased=True)])
    stop, leave = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(app.run(settings, stop))
    await until_reported(settings, market, 20)
    async with AsyncExitStack() as parts:
        with monkeypatch.context() as unseen:
            unseen.setattr(admin, "members", AsyncMock(return_value=0))
            second = await parts.enter_async_context(app.connect(settings))
        joined = asyncio.create_task(second.run(Health(30), leave))
        await asyncio.sleep(6)
        await publish(settings, lists(market, range(20, 40), biased=True))
        leave.set()
        with contextlib.suppress(RetryableError):
            await joined
    await until_reported(settings, market, 40)
    stop.set()
    await work
    printed = capfd.readouterr()
    assert "rebalanced" in printed.out + printed.err


async def test_a_killed_process_loses_nothing_and_sigterm_ends_it(
    settings: Settings, market: str, tmp_path: Path
) -> None:
    await publish(settings, [*declared(market), *lists(market, range(20), biased=True)])
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "TALENTSTREAM_GROUP_PREFIX": settings.group_prefix,
        "TALENTSTREAM_SESSION_TIMEOUT_S": "6",
        "TALENTSTREAM_HTTP_PORT": "0",
        "TALENTSTREAM_FAIRNESS_INTERVAL_S": "0.2",
        "TALENTSTREAM_FAIRNESS_WINDOW_HOURS": "[1]",
        "TALENTSTREAM_FAIRNESS_MINIMUM_GROUP": "10",
    }
    command = (sys.executable, "-m", "workers", "monitor", "fairness")
    start = partial(asyncio.create_subprocess_exec, *command, env=environment)
    log = (tmp_path / "log").open("wb")
    killed = await start(stderr=log)
    await until_reported(settings, market, 20)
    killed.kill()
    await killed.wait()
    await publish(settings, lists(market, range(20, 30), biased=True))
    second = await start(stderr=log)
    await until_reported(settings, market, 30)
    second.terminate()
    assert await asyncio.wait_for(second.wait(), 20) == 0
    # Neither Faust's lines nor a traceback: ours alone, in JSON.
    assert all(json.loads(line)["level"] in {"info", "warning"} for line in (tmp_path / "log").read_text().splitlines())


def test_without_faust_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda _: None)
    result = CliRunner().invoke(cli.app, ["monitor", "fairness"], env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert result.exit_code == 1
    assert "uv sync --extra monitor" in result.output


async def until_reported(settings: Settings, market: str, postings: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if any(report.postings == postings for report in await reports(settings, market)):
                return
            await asyncio.sleep(0.5)


@pytest.mark.parametrize(("verb", "topic"), [("groups", CV_GROUPS), ("outcomes", OUTCOMES)])
def test_files_of_groups_and_decisions_are_published(
    settings: Settings, market: str, tmp_path: Path, verb: str, topic: Topic
) -> None:
    good = groups(market, gender="female") if topic is CV_GROUPS else outcome(market, "cv-1", "hired")
    file = tmp_path / "events.jsonl"
    file.write_bytes((good.value or b"") + b'\n{"id": "x", "gender": "Jane Doe"}\n')
    address = {"KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or ""}
    result = CliRunner().invoke(cli.app, ["publish", verb, str(file)], env=address)
    assert (result.exit_code, "published 1, refused 1" in result.output) == (1, True), result.output
    assert "Jane" not in result.output
    found = [record.value for record in asyncio.run(read_all(settings, topic.name)) if record.key == good.key]
    assert [topic.model.model_validate_json(value) for value in found] == [  # type: ignore[union-attr]
        topic.model.model_validate_json(good.value or b"")  # type: ignore[union-attr]
    ]


def test_gauges_of_reports_that_are_gone_are_removed() -> None:
    gauges.show([], 0)
    assert gauge("fairness_coverage", market="x", attribute="gender", window="1h") is None
