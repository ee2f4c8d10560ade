"""`talentstream bench delivery` on a real broker: each contender copies the whole backlog, once."""

import io

from rich.console import Console

from workers import bench_delivery
from workers.settings import Settings


async def test_each_contender_copies_everything(kafka_settings: Settings) -> None:
    """`run` raises for an output lost or doubled; what is left to see is the table."""
    printed = io.StringIO()
    settings = kafka_settings.model_copy(update={"partitions": 2})
    await bench_delivery.run(settings, events=200, rounds=1, size=300, console=Console(file=printed, width=200))
    rows = [line for line in printed.getvalue().splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows] == ["engine", "bare loop", "faust"]
    assert "1.00×" in rows[0]
