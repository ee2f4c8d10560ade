"""The command as its users call it: a process of its own, on real servers."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from topics.catalogue import CATALOGUE, POSTING_FEATURES
from workers.demo import POSTINGS_FILE
from workers.embedded import EmbeddedKafka, EmbeddedTriton
from workers.embedded.machine import free_ports

TIMEOUT_S = 90


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """Runs `talentstream` with an environment of its own."""

    environment: dict[str, str]
    folder: Path

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", *arguments),
            env={**os.environ, **self.environment, **environment, "COLUMNS": "200"},
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # As at a terminal: a shell's background job has SIGINT ignored, and so would have what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    async def __call__(self, *arguments: str, **environment: str) -> Result:
        process = await self.start(*arguments, **environment)
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await process.communicate()
        return Result(process.returncode or 0, out.decode(), err.decode())


@pytest_asyncio.fixture(scope="module")
async def command(triton: EmbeddedTriton, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """On a broker of this module's own; the package is found from any folder."""
    folder = tmp_path_factory.mktemp("cli")
    async with EmbeddedKafka(folder / "kafka") as kafka:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "TRITON_URL": triton.url,
            "TALENTSTREAM_PARTITIONS": "2",
            "TALENTSTREAM_HTTP_HOST": "127.0.0.1",
        }
        command = Command(environment, folder)
        assert (await command("topics", "apply")).code == 0
        yield command


async def test_topics_are_created_once_and_listed(command: Command) -> None:
    again = await command("topics", "apply")
    assert (again.code, again.out.strip()) == (0, "nothing to create")
    listed = await command("topics", "list")
    for topic in CATALOGUE:
        assert topic.name in listed.out
    assert "missing" not in listed.out


async def test_a_producer_a_worker_and_an_indexer(command: Command, tmp_path: Path) -> None:
    """Publish with two bad lines, run the worker until SIGTERM, read the features, compare with the offline verb."""
    source = tmp_path / "postings.jsonl"
    good = POSTINGS_FILE.read_text().splitlines()[:6]
    source.write_text("\n".join([*good, '{"id": "bad"}', "nonsense"]) + "\n")
    published = await command("publish", "postings", str(source))
    assert published.code == 1
    assert "published 6, refused 2" in published.out
    assert "line 7 (bad): body: Field required" in published.err
    assert "line 8: $value: Invalid JSON" in published.err

    port = free_ports(1)[0]
    worker = await command.start("worker", "run", "postings", TALENTSTREAM_HTTP_PORT=str(port))
    try:
        tailing = await command.start("tail", POSTING_FEATURES.name, "--from-beginning", "--json")
        assert tailing.stdout is not None
        async with asyncio.timeout(TIMEOUT_S):
            received = [json.loads(await tailing.stdout.readline()) for _ in good]
        tailing.send_signal(signal.SIGINT)
        await tailing.wait()
        ready = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/readyz", timeout=5)
        assert ready.status == 200
    finally:
        worker.send_signal(signal.SIGTERM)
    _, log = await worker.communicate()
    assert worker.returncode == 0, log.decode()
    assert '"event": "worker stopped"' in log.decode()
    streamed = {line["key"]: line["value"] for line in received}
    assert streamed.keys() == {json.loads(line)["id"] for line in good}

    shown = await command("tail", POSTING_FEATURES.name, "--from-beginning", "--no-follow")
    assert all(key in shown.out for key in streamed)

    target = tmp_path / "features.jsonl"
    extracted = await command("extract", "--in", str(source), "--out", str(target))
    assert (extracted.code, "extracted 6, refused 2" in extracted.out) == (1, True)
    offline = {row["id"]: row for row in map(json.loads, target.read_text().splitlines())}
    assert offline == streamed, "the offline verb and the worker are one extraction"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["worker", "run", "postings"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (["topics", "list"], {"TALENTSTREAM_BATCH_EVENTS": "none"}, "batch_events"),
        (["tail", "no-such-topic"], {}, "posting-features.v1"),
        (["publish", "postings", "no-such-file"], {}, "does not exist"),
        (["worker", "run", "nonsense"], {}, "postings"),
    ],
    ids=["no broker", "bad setting", "unknown topic", "no file", "unknown worker"],
)
async def test_mistakes_are_named(
    command: Command, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    result = await command(*arguments, **environment)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


async def test_a_broker_out_of_reach_is_one_line(command: Command) -> None:
    result = await command("topics", "apply", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert result.code == 1
    assert "KafkaConnectionError" in result.err
    assert "Traceback" not in result.err


async def test_up_prints_what_to_export_and_stops_in_order(tmp_path: Path) -> None:
    command = Command(dict.fromkeys(("KAFKA_BOOTSTRAP_SERVERS", "TRITON_URL", "REDIS_URL"), ""), tmp_path)
    process = await command.start("up", "--data-dir", str(tmp_path / "data"))
    assert process.stdout is not None
    printed = ""
    async with asyncio.timeout(TIMEOUT_S):
        while "worker run postings" not in printed:
            line = await process.stdout.readline()
            assert line, (await process.communicate())[1].decode()
            printed += line.decode()
    exported = dict(line.removeprefix("export ").split("=", 1) for line in printed.splitlines() if "export" in line)
    assert exported.keys() == {"KAFKA_BOOTSTRAP_SERVERS", "TRITON_URL", "REDIS_URL"}
    listed = await Command(exported, tmp_path)("topics", "list")
    assert "missing" not in listed.out
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(TIMEOUT_S):
        assert await process.wait() == 0
