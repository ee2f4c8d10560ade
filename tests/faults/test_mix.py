"""A short mix of the faults of `tests.faults.suite`; `make test-faults` is the long one."""

from pathlib import Path

from tests.faults.scenarios.mixed import short
from tests.faults.stage import BROKER, Stage
from workers.embedded import EmbeddedKafka


async def test_killed_frozen_and_bounced_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path / "kafka", settings=BROKER) as kafka:
        stage = Stage(tmp_path, kafka, events=3_000, seed=0, without=None)
        verdict = await short(stage, kafka)
    assert verdict.clean, verdict
    assert verdict.events >= 3_000
