"""The Faust app on a real broker: what it publishes, what a restart keeps, what it never reads, keeps or tells."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.support.streams import read_all
from tests.workers.monitor.runs import (
    PAST_MS,
    candidates,
    declared,
    gauge,
    lists,
    publish,
    reports,
    running,
)
from tests.workers.monitor.streams import cv_list, groups, outcome, tombstone
from topics.catalogue import CV_GROUPS, FAIRNESS_REPORTS, OUTCOMES, REJECTIONS, Topic
from topics.envelope import header
from topics.generate import json_schema
from topics.rejections import Rejection
from workers import cli, kafka
from workers.monitor import gauges
from workers.monitor.driver import TABLES
from workers.settings import Settings


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


def test_without_faust_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda _: None)
    result = CliRunner().invoke(cli.app, ["monitor", "fairness"], env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert result.exit_code == 1
    assert "uv sync --extra monitor" in result.output


def test_gauges_of_reports_that_are_gone_are_removed() -> None:
    gauges.show([], 0)
    assert gauge("fairness_coverage", market="x", attribute="gender", window="1h") is None
