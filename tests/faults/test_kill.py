"""A short run of `tests.faults.prove`; `make prove POSTINGS=…` is the long one."""

from dataclasses import replace as with_fields
from pathlib import Path

from tests.faults.prove import PARTITIONS, Verdict, prove
from topics.catalogue import POSTINGS
from topics.postings import Posting
from workers.demo import POSTINGS_FILE
from workers.embedded import EmbeddedKafka, EmbeddedRedis, EmbeddedTriton
from workers.files import Line, read_events
from workers.settings import Settings


def copies(times: int) -> list[Line]:
    """The bundled postings, each with so many ids and texts of its own."""
    lines: list[Line] = []
    for copy in range(times):
        for line in read_events(POSTINGS_FILE, POSTINGS):
            assert isinstance(line.event, Posting)
            update = {"id": f"{line.key}-{copy}", "body": f"{line.event.body}\nRef {copy}"}
            lines.append(Line(len(lines), update["id"], line.event.model_copy(update=update)))
    return lines


async def test_killed_workers_lose_and_double_nothing(tmp_path: Path, triton: EmbeddedTriton) -> None:
    lines = copies(5)
    async with EmbeddedKafka(tmp_path / "kafka") as kafka, EmbeddedRedis(tmp_path / "redis") as redis:
        settings = Settings(
            KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
            TRITON_URL=triton.url,
            REDIS_URL=redis.url,
            partitions=PARTITIONS,
        )
        verdict = await prove(settings, lines, kills=3, seed=0)
    assert verdict.faultless, verdict


def test_a_verdict_with_any_fault_is_not_faultless() -> None:
    good = Verdict(10, 1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert good.faultless
    assert not with_fields(good, features=9).faultless
    for fault in ("lost", "doubled", "invalid", "second_pass_inferred_sequences", "second_pass_changed_values"):
        assert not with_fields(good, **{fault: 1}).faultless
