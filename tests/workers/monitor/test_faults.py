"""The monitor's process and its broker fail: nothing is lost, and it is seen."""

import asyncio
import contextlib
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from tests.workers.monitor.runs import (
    committed,
    declared,
    gauge,
    lists,
    publish,
    reports,
    running,
    until_reported,
)
from tests.workers.monitor.streams import groups
from workers import admin
from workers.delivery import Record
from workers.embedded import EmbeddedKafka
from workers.errors import RetryableError
from workers.health import Health
from workers.monitor import app
from workers.monitor.app import Monitor
from workers.settings import Settings


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
