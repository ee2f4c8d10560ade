"""The operators' commands, as their users call them, on real servers; their decisions, without."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from tests.support.streams import produce, read_all, until_counted
from tests.workers.test_cli import Command
from topics.catalogue import (
    DEAD_LETTERS,
    MATCHES,
    OUTCOMES,
    POSTING_FEATURES,
    POSTINGS,
    POSTINGS_FLOW,
    POSTINGS_LEDGER,
    REJECTIONS,
)
from topics.envelope import REPLAY_OF, header
from topics.ledger import LedgerEntry
from topics.rejections import DEAD_LETTER_HEADERS
from workers import admin, dlq, postings, replay
from workers.delivery import Event, Outcome, Output, Record, Worker
from workers.delivery.ledger import digest
from workers.dlq import Fate
from workers.replay import NewestInputs, Where
from workers.runtime import in_background
from workers.settings import Settings


def value(key: str, version: int = 0, body: str = "We bake bread.") -> bytes:
    return json.dumps({"id": key, "version": version, "body": body}).encode()


def decision(posting: str, cv: str) -> tuple[bytes, bytes]:
    content = {"posting_id": posting, "cv_id": cv, "status": "hired", "at": "2026-11-26T09:00:00Z"}
    return f"{posting}:{cv}".encode(), json.dumps(content).encode()


def record(offset: int, version: int | None = 0, origin: int | None = None) -> Record:
    """An input of key `k`; a tombstone where it has no version, a replay where it has an origin."""
    headers = ((REPLAY_OF, f"{POSTINGS.name}/0/{origin}".encode()),) if origin is not None else ()
    content = value("k", version) if version is not None else None
    return Record(POSTINGS.name, 0, offset, b"k", content, headers, 0)


@pytest.mark.parametrize(
    ("found", "newest", "misplaced"),
    [
        ([record(0), record(1)], 1, False),
        ([record(0, 2), record(1, 1)], 0, False),
        ([record(0), record(1), record(2, origin=0)], 1, True),
        ([record(0), record(1), record(2, origin=1)], 2, False),
        ([record(0), record(1, None)], 1, False),
        ([record(0), record(1, None), record(2, origin=0)], 1, True),
        ([record(0, 3), record(1, None), record(2, 3)], 1, False),
        ([record(0, 3), record(1, None), record(2, 4)], 2, False),
        ([record(0), replace(record(1), value=b"{nope")], 0, False),
    ],
    ids=[
        "position",
        "version",
        "older replay last",
        "replay of the newest",
        "tombstone",
        "replay after a tombstone",
        "late version after a tombstone",
        "revived",
        "invalid",
    ],
)
def test_which_input_is_newest(found: list[Record], newest: int, misplaced: bool) -> None:
    inputs = NewestInputs(POSTINGS, {b"k"})
    for each in [*found, replace(found[0], key=b"other", offset=99)]:
        inputs.add(each)
    assert inputs.newest[b"k"].offset == newest
    assert [r.offset for r in inputs.misplaced] == ([newest] if misplaced else [])


def entry(position: int, version: int = 0, **changes: Any) -> LedgerEntry:
    return LedgerEntry(version=version, position=position, digest="", made_by="now").model_copy(update=changes)


def test_which_answers_are_chosen() -> None:
    stale, degraded, deleted = entry(0, made_by="old"), entry(0, degraded=("text",)), entry(0, deleted=True, made_by="")
    chosen = {
        where: [replay.is_chosen(e, where, "now") for e in (entry(0), stale, degraded, deleted)] for where in Where
    }
    assert chosen == {
        Where.stale_model: [False, True, False, False],
        Where.degraded: [False, False, True, False],
        Where.all: [True, True, True, False],
    }


def letter(offset: int, original: Record) -> dlq.DeadLetter:
    return dlq.DeadLetter(f"0/{offset}", "E", "", "", original)


def test_which_dead_letters_still_matter() -> None:
    def fates(own: Sequence[dlq.DeadLetter], source: Sequence[Record], known: LedgerEntry | None = None) -> list[Fate]:
        ledger = {b"k": known} if known else {}
        inputs = NewestInputs(POSTINGS, {b"k"}, ledger)
        for each in source:
            inputs.add(each)
        return list(dlq.decide(own, inputs, ledger).values())

    first, second = record(0, 1), record(1, 2)
    assert fates([letter(0, first)], [first]) == [Fate.replay]
    assert fates([letter(0, first)], []) == [Fate.replay], "compaction took the original"
    assert fates([letter(0, first)], [first, second]) == [Fate.superseded]
    assert fates([letter(0, first)], [first, record(1, None)]) == [Fate.superseded]
    assert fates([letter(0, first), letter(1, second)], [first, second]) == [Fate.superseded, Fate.replay]
    assert fates([letter(0, first), letter(1, first)], [first]) == [Fate.superseded, Fate.replay], "failed again"
    assert fates([letter(0, first)], [first], entry(7, 1)) == [Fate.superseded]
    assert fates([letter(1, second)], [second], entry(0, 1)) == [Fate.replay]
    done = entry(0, 1, digest=digest(first.value or b""))
    assert fates([letter(0, first)], [first], done) == [Fate.answered]
    assert fates([letter(0, first)], [first], done.model_copy(update={"degraded": ("text",)})) == [Fate.replay]


class Echo(BaseModel):
    """Stands for features where only delivery is under test."""

    id: str
    content_hash: str


def worker(made_by: str = "test", *, failing: str | None = None, degraded: tuple[str, ...] = ()) -> Worker:
    """Answers postings; fails on those whose body is `failing`."""

    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        if any(e.value.body == failing for e in events):
            raise ZeroDivisionError
        return [
            (Output(POSTING_FEATURES, e.key, Echo(id=e.key, content_hash=e.value.content_hash), degraded),)
            for e in events
        ]

    return Worker(POSTINGS_FLOW, handle, lambda: made_by)


@pytest.fixture(scope="module")
def command(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Command:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "TRITON_URL": settings.triton_url or "",
        "REDIS_URL": settings.redis_url or "",
    }
    return Command(environment, tmp_path_factory.mktemp("operations-cli"))


async def answers(settings: Settings, key: bytes, topic: str = POSTING_FEATURES.name) -> list[bytes | None]:
    return [r.value for r in await read_all(settings, topic) if r.key == key]


async def answer(settings: Settings, by: Worker, inputs: dict[bytes, bytes | None], topic: str) -> None:
    """Publishes and runs the worker until each has one more record in `topic`."""
    before = {key: len(await answers(settings, key, topic)) for key in inputs}
    async with in_background(by, settings):
        await produce(settings, POSTINGS.name, inputs.items())
        await until_counted(settings, [topic], {key: count + 1 for key, count in before.items()})


async def test_a_mended_dead_letter_is_answered_once(settings: Settings, command: Command) -> None:
    await answer(settings, worker(failing="poison"), {b"dead": value("dead", 1, "poison")}, DEAD_LETTERS.name)
    listed = await command("dlq", "list", "--key", "dead", "--json")
    (line,) = map(json.loads, listed.out.splitlines())
    assert (line["key"], line["error"]) == ("dead", "builtins.ZeroDivisionError")
    table = await command("dlq", "list")
    assert line["id"] in table.out
    assert "poison" not in table.out + listed.out
    shown = await command("dlq", "show", line["id"])
    assert '"body": "poison"' in shown.out
    assert "Traceback" in shown.out

    assert "would replay 1" in (await command("dlq", "replay", line["id"], "--dry-run")).out
    # Twice before a worker runs: the ledger drops the second.
    for _ in range(2):
        assert "replayed 1" in (await command("dlq", "replay", "--all")).out
    (original, *copies) = [r for r in await read_all(settings, POSTINGS.name) if r.key == b"dead"]
    assert [header(r.headers, REPLAY_OF) for r in copies] == [line["source"]] * 2
    assert {(r.partition, r.value) for r in copies} == {(original.partition, original.value)}
    assert not any(name in DEAD_LETTER_HEADERS for r in copies for name, _ in r.headers)
    await answer(settings, worker(), {b"after": value("after")}, POSTING_FEATURES.name)
    async with in_background(worker(), settings):
        await until_counted(settings, [POSTING_FEATURES.name], {b"dead": 1})
        again = await command("dlq", "replay", line["id"])
        assert "replayed 0, superseded 0, answered since 1" in again.out
    assert len(await answers(settings, b"dead")) == 1


async def test_a_newer_input_supersedes_a_dead_letter(settings: Settings, command: Command) -> None:
    await answer(settings, worker(failing="poison"), {b"old": value("old", 1, "poison")}, DEAD_LETTERS.name)
    await produce(settings, POSTINGS.name, [(b"old", value("old", 2))])
    result = await command("dlq", "replay", "--key", "old")
    assert "replayed 0, superseded 1" in result.out


async def test_a_model_switch_is_made_good_for_stale_keys_alone(settings: Settings, command: Command) -> None:
    stale = {f"stale-{i}".encode(): value(f"stale-{i}") for i in range(3)}
    fresh = {f"fresh-{i}".encode(): value(f"fresh-{i}") for i in range(3)}
    await answer(settings, worker("old"), dict(stale), POSTING_FEATURES.name)
    async with postings.worker(settings) as real:
        await answer(settings, real, dict(fresh), POSTING_FEATURES.name)
        dry = await command("replay", POSTING_FEATURES.name, "--where", "stale-model", "--dry-run")
        assert "published 0" in dry.out
        async with in_background(real, settings):
            result = await command("replay", POSTING_FEATURES.name, "--where", "stale-model")
            assert result.code == 0, result.err
            await until_counted(settings, [POSTING_FEATURES.name], dict.fromkeys(stale, 2))
            again = await command("replay", POSTINGS.name, "--where", "stale-model")
            assert "chosen 0, published 0" in again.out
    assert [len(await answers(settings, key)) for key in (*stale, *fresh)] == [2] * 3 + [1] * 3


async def test_degraded_answers_are_made_whole(settings: Settings, command: Command) -> None:
    await answer(settings, worker(degraded=("text",)), {b"poor": value("poor")}, POSTING_FEATURES.name)
    assert "chosen 1" in (await command("replay", POSTINGS.name, "--where", "degraded", "--dry-run")).out
    late = await command("replay", POSTINGS.name, "--where", "degraded", "--from", "2999-01-01")
    assert "chosen 0" in late.out
    async with in_background(worker(), settings):
        assert "published 1" in (await command("replay", POSTINGS.name, "--where", "degraded")).out
        await until_counted(settings, [POSTING_FEATURES.name], {b"poor": 2})
    assert "chosen 0" in (await command("replay", POSTINGS.name, "--where", "degraded")).out


@pytest.mark.parametrize("newer", [value("raced", 2), None], ids=["newer input", "tombstone"])
async def test_what_came_in_between_stands_last_again(settings: Settings, newer: bytes | None) -> None:
    await produce(settings, POSTINGS.name, [(b"raced", value("raced", 1))])
    inputs = NewestInputs(POSTINGS, {b"raced"})
    read_to = await replay.read_into(inputs, settings, POSTINGS)
    await produce(settings, POSTINGS.name, [(b"raced", newer)])
    old = [r for r in await read_all(settings, POSTINGS.name) if r.key == b"raced" and r.value == value("raced", 1)][-1]
    original = Record(old.topic, old.partition, old.offset, old.key, old.value, tuple(old.headers), old.timestamp)
    assert await replay.republish(settings, POSTINGS, [original], read_to) == 1
    assert (await answers(settings, b"raced", POSTINGS.name))[-1] == newer


async def test_an_erased_posting_is_gone_everywhere(settings: Settings, command: Command) -> None:
    secret = value("gone", 1, "A secret.")
    await produce(settings, OUTCOMES.name, [decision("gone", "cv-1"), decision("stays", "gone")])
    await answer(settings, worker(failing="A secret."), {b"gone": secret}, DEAD_LETTERS.name)
    async with postings.worker(settings) as real:
        await answer(settings, real, {b"gone": value("gone", 2, "A secret too.")}, POSTING_FEATURES.name)
        async with Redis.from_url(settings.redis_url or "") as redis:
            kept = await redis.dbsize()
            pending = await command("erase", "posting", "gone", "--timeout", "1")
            assert pending.code == 1
            assert POSTING_FEATURES.name in pending.err
            async with in_background(real, settings):
                await until_counted(settings, [POSTING_FEATURES.name], {b"gone": 2})
            # The first run cleaned the cache before the worker answered; only a live topic starts another.
            assert await redis.dbsize() == kept - 1
            await answer(settings, real, {b"gone": value("gone", 3, "A secret again.")}, POSTING_FEATURES.name)
            assert await redis.dbsize() == kept
            async with in_background(real, settings):
                result = await command("erase", "posting", "gone", "--json")
            assert await redis.dbsize() == kept - 1
    assert result.code == 0, result.err
    receipt = json.loads(result.out)
    assert (receipt["cached"], receipt["pending"]) == (1, [])
    states = {row["topic"]: row["state"] for row in receipt["rows"]}
    assert states == dict.fromkeys((POSTINGS.name, POSTING_FEATURES.name, POSTINGS_LEDGER.name), "complete") | {
        # The first run erased the decision.
        OUTCOMES.name: "absent",
        MATCHES.name: "absent",
        DEAD_LETTERS.name: "absent",
        REJECTIONS.name: "expires",
    }
    assert [await answers(settings, key, OUTCOMES.name) for key in (b"gone:cv-1", b"stays:gone")] == [
        [decision("gone", "cv-1")[1], None],
        [decision("stays", "gone")[1]],
    ]
    for topic in (POSTINGS, POSTING_FEATURES, POSTINGS_LEDGER, DEAD_LETTERS):
        assert (await answers(settings, b"gone", topic.name))[-1] is None
    assert (await command("dlq", "list", "--key", "gone", "--json")).out == ""
    again = await command("erase", "posting", "gone")
    assert (again.code, again.out.strip()) == (0, "nothing found of posting gone")


async def test_topics_that_differ_are_told(settings: Settings) -> None:
    assert await admin.differences(settings) == []
    wanted = replace(REJECTIONS, retention_ms=1)
    assert await admin.differences(settings, [wanted]) == [f"{wanted.name}: retention.ms is 2592000000, not 1"]


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["dlq", "list"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (["dlq", "list", "--since", "tuesday"], {}, "is no time in ISO 8601"),
        (["dlq", "show", "seven"], {}, "is not PARTITION/OFFSET"),
        (["dlq", "replay"], {}, "by a filter, or --all"),
        (["replay", "no-such-topic", "--where", "all"], {}, "posting-features.v1"),
        (["replay", "postings.v1", "--where", "some"], {}, "stale-model"),
        (["replay", "postings.v1", "--where", "all", "--from", "soon"], {}, "is no time in ISO 8601"),
        (["erase", "person", "x"], {}, "posting"),
    ],
)
async def test_mistakes_are_named(
    command: Command, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    result = await command(*arguments, **environment)
    assert (result.code, "Traceback" in result.err) == (2, False)
    assert message in result.err


async def test_a_dead_letter_that_is_not_there(command: Command) -> None:
    for arguments in (["show", "0/999999"], ["replay", "0/999999"]):
        result = await command("dlq", *arguments)
        assert (result.code, "Traceback" in result.err) == (1, False)
        assert "no such dead letter: 0/999999" in result.err
