"""Nothing lost, nothing twice: postings through a worker that is killed again and again, then judged by key.

`python -m tests.faults.prove --in postings.jsonl.gz --rename text=body --events 2000 --kills 10` on the embedded stack:

1. publishes the postings, runs `talentstream worker run postings` and kills it with SIGKILL each time another share of
   the outputs is committed;
2. reads everything with `read_committed`: every key once, every value valid by its schema;
3. publishes the same file again, then once more with the next version, to a fresh worker: the same again changes
   nothing; the edits give the same features, with no inference (the worker's metric).

Prints a table; exits 1 where a figure that must be 0 is not.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from aiokafka.structs import ConsumerRecord
from jsonschema import Draft202012Validator
from rich.console import Console
from rich.table import Table

from tests.support.streams import read_all
from topics.catalogue import DEAD_LETTERS, POSTING_FEATURES, POSTINGS, REJECTIONS
from topics.generate import json_schema
from topics.postings import Posting
from workers import admin
from workers.demo import POSTINGS_FILE
from workers.embedded import EmbeddedStack
from workers.embedded.machine import free_ports
from workers.files import Line, parse_rename, read_events
from workers.kafka import committed_reader
from workers.publish import publish
from workers.settings import Settings

PARTITIONS = 4
STALL_S = 120.0


@dataclass(frozen=True)
class Verdict:
    """What came out. All but the first three must be 0."""

    published: int
    kills: int
    features: int
    lost: int
    doubled: int
    unknown: int
    missed_by_concurrent_reader: int
    invalid: int
    rejected: int
    dead_lettered: int
    second_pass_lost_or_doubled: int
    second_pass_inferred_sequences: int
    second_pass_changed_values: int

    @property
    def faultless(self) -> bool:
        """Nothing lost, doubled, invalid, inferred again or changed."""
        figures = [getattr(self, field.name) for field in fields(self)[3:]]
        return self.features == self.published and not any(figures)


@asynccontextmanager
async def worker_process(settings: Settings, http_port: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
    """`talentstream worker run postings` as production runs it; ended in order on leaving, if it still lives."""
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "TRITON_URL": settings.triton_url or "",
        "REDIS_URL": settings.redis_url or "",
        "TALENTSTREAM_GROUP_PREFIX": settings.group_prefix,
        "TALENTSTREAM_SESSION_TIMEOUT_S": "6",
        "TALENTSTREAM_HTTP_HOST": "127.0.0.1",
        "TALENTSTREAM_HTTP_PORT": str(http_port),
        "TALENTSTREAM_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "workers", "worker", "run", "postings"]
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(30):
                await process.wait()


class Watcher:
    """A concurrent `read_committed` consumer of the features: counts them while they come."""

    def __init__(self) -> None:
        self.values: dict[bytes, list[bytes]] = defaultdict(list)
        self.count = 0
        self._grown = asyncio.Event()

    async def watch(self, settings: Settings) -> None:
        """Until cancelled."""
        async with committed_reader(settings, POSTING_FEATURES.name) as consumer:
            async for record in consumer:
                self.values[record.key].append(record.value)
                self.count += 1
                self._grown.set()

    async def reach(self, count: int) -> None:
        """Waits for `count` records in all; raises TimeoutError where none comes for long."""
        while self.count < count:
            self._grown.clear()
            await asyncio.wait_for(self._grown.wait(), STALL_S)


async def prove(settings: Settings, lines: Sequence[Line], kills: int, seed: int) -> Verdict:
    """Runs all three steps against `settings`' servers, whose topics must be empty."""
    rng = random.Random(seed)
    await admin.apply(settings)
    watcher = Watcher()
    watching = asyncio.create_task(watcher.watch(settings))
    try:
        await publish(settings, POSTINGS, lines)
        for kill in range(1, kills + 1):
            async with worker_process(settings) as process:
                # Anywhere: between two commits or within one.
                await watcher.reach(max(watcher.count + 1, len(lines) * kill // (kills + 2)))
                await asyncio.sleep(rng.random() * 0.3)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        async with worker_process(settings):
            await watcher.reach(len(lines))
            # Whatever is doubled shows once the worker has nothing left to do.
            await asyncio.sleep(2)
        first = _by_key(await read_all(settings, POSTING_FEATURES.name))

        await publish(settings, POSTINGS, lines)
        await publish(settings, POSTINGS, [_edited(line) for line in lines])
        port = free_ports(1)[0]
        async with worker_process(settings, port):
            await watcher.reach(sum(map(len, first.values())) + len(lines))
            inferred = await asyncio.to_thread(_metric, port, "talentstream_inference_sequences_total")
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    both = _by_key(await read_all(settings, POSTING_FEATURES.name))
    keys = {(line.key or "").encode() for line in lines}
    validator = Draft202012Validator(json_schema(POSTING_FEATURES))
    return Verdict(
        published=len(lines),
        kills=kills,
        features=len(first),
        lost=len(keys - first.keys()),
        doubled=sum(len(values) - 1 for values in first.values()),
        unknown=len(first.keys() - keys),
        missed_by_concurrent_reader=sum(watcher.values.get(key) != values for key, values in both.items()),
        invalid=sum(not validator.is_valid(json.loads(values[0])) for values in first.values()),
        rejected=len(await read_all(settings, REJECTIONS.name)),
        dead_lettered=len(await read_all(settings, DEAD_LETTERS.name)),
        second_pass_lost_or_doubled=sum(len(both[key]) != len(first[key]) + 1 for key in first),
        second_pass_inferred_sequences=inferred,
        second_pass_changed_values=sum(len({_unversioned(value) for value in values}) > 1 for values in both.values()),
    )


def _edited(line: Line) -> Line:
    assert isinstance(line.event, Posting)
    return Line(line.number, line.key, line.event.model_copy(update={"version": line.event.version + 1}))


def _unversioned(value: bytes) -> str:
    return json.dumps(json.loads(value) | {"source_version": None})


def _by_key(records: Sequence[ConsumerRecord]) -> dict[bytes, list[bytes]]:
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for record in records:
        values[record.key].append(record.value)
    return values


def _metric(port: int, name: str) -> int:
    """A counter of the worker, summed over its labels; 0 where it never counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)))


def table(verdict: Verdict) -> Table:
    """For the terminal."""
    result = Table("figure", "value")
    for field in fields(verdict):
        result.add_row(field.name.replace("_", " "), str(getattr(verdict, field.name)))
    return result


async def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="source", type=Path, default=POSTINGS_FILE)
    parser.add_argument("--rename", action="append", default=[], metavar="FROM=TO")
    parser.add_argument("--events", type=int, default=2000, help="the first so many valid postings of the file")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lines = [line for line in read_events(options.source, POSTINGS, parse_rename(options.rename)) if line.event]
    console = Console()
    with tempfile.TemporaryDirectory(prefix="talentstream-prove-", ignore_cleanup_errors=True) as folder:
        async with EmbeddedStack(Path(folder)) as addresses:
            settings = Settings(
                KAFKA_BOOTSTRAP_SERVERS=addresses.kafka,
                TRITON_URL=addresses.triton,
                REDIS_URL=addresses.redis,
                partitions=PARTITIONS,
            )
            verdict = await prove(settings, lines[: options.events], options.kills, options.seed)
    console.print(table(verdict))
    return 0 if verdict.faultless else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
