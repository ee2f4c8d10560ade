"""`talentstream bench queries` on real Kafka and Triton, with a worker in a process of its own."""

import io
import re

import pytest
from rich.console import Console

from topics.catalogue import QUERIES
from workers import bench_queries
from workers.bench_queries import quantile
from workers.demo import QUERIES_FILE
from workers.errors import FatalError
from workers.files import read_events
from workers.settings import Settings


async def test_every_query_is_waited_for(settings: Settings) -> None:
    """`run` raises for one that is not answered; what is left to see is the table."""
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    lines = list(read_events(QUERIES_FILE, QUERIES))
    await bench_queries.run(settings, lines, rates=[5.0, 10.0], seconds=1.0, llm=True, console=console)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.getvalue().splitlines() if "│" in line]
    assert [row[:2] for row in rows] == [
        ["student", "5"],
        ["student", "10"],
        ["llm", "5"],
        ["llm", "10"],
    ]
    for row in rows:
        first, whole = row[2:5], row[5:]
        for quantiles in (first, whole):
            assert sorted(map(float, quantiles)) == list(map(float, quantiles))
    assert all(float(first) < float(whole) for *_, first, _, _, whole, _, _ in rows[2:]), "the first call comes earlier"
    assert re.search(r"below 50 ms: [\d.]+/s", printed.getvalue())


async def test_no_valid_query_is_an_error(settings: Settings) -> None:
    with pytest.raises(FatalError, match="no valid query"):
        await bench_queries.run(settings, [], rates=[5.0], seconds=1.0, llm=False, console=Console(file=io.StringIO()))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.95, 4), (0.75, 3), (0.01, 1)])
def test_a_quantile_is_the_least_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    assert quantile([1, 2, 3, 4], share) == expected
