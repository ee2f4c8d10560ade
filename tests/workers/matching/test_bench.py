"""The benchmark of the matcher at a small size: its figures are of what it says."""

from pathlib import Path

import pytest
from rich.console import Console

from workers import bench_matching
from workers.bench_matching import IndexChoice
from workers.embedded import EmbeddedKafka, EmbeddedRedis
from workers.settings import Settings


async def test_it_measures_both_indexes_on_one_broker(tmp_path: Path, redis8: EmbeddedRedis) -> None:
    console = Console(record=True, width=100)
    async with EmbeddedKafka(tmp_path / "kafka") as kafka:
        settings = Settings(
            KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
            VECTOR_REDIS_URL=redis8.url,
            partitions=2,
            http_port=0,
        )
        await bench_matching.run(settings, IndexChoice.both.names, [300], 10, console)
    printed = console.export_text()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│ 300" in line]
    assert [row[0] for row in rows] == ["faiss", "redis", "faiss", "redis"]
    speed, shares = rows[:2], rows[2:]
    assert speed[0][5] == "1.000"  # a scan misses nothing
    assert float(speed[1][5]) > 0.9
    for row in speed:
        assert float(row[2]) > 0
        assert 0 < float(row[3]) <= float(row[4])
    for row in shares:
        assert 0 < sum(int(cell.rstrip("%")) for cell in row[2:5]) <= 100


@pytest.mark.parametrize(
    ("choice", "names"), [("faiss", ("faiss",)), ("redis", ("redis",)), ("both", ("faiss", "redis"))]
)
def test_the_choice_names_indexes(choice: str, names: tuple[str, ...]) -> None:
    assert IndexChoice(choice).names == names
