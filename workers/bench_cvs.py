"""`talentstream bench cvs`: how fast the whole is, beside the loop that one would write first."""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from models.cvs.preparing import clean_text
from topics.catalogue import CVS_FLOW
from topics.cvs import Cv
from workers import admin, cvs
from workers.bench import THREADS, end_to_end, table
from workers.errors import FatalError
from workers.files import Line
from workers.runtime import in_background
from workers.settings import Settings

LOOP_SAMPLE = 12
_MEANING = {
    "end to end": "Kafka → mask, structure, link, embed → Kafka, exactly once",
    "transformers loop": "two fp32 DistilBERTs at 512 tokens in PyTorch, one CV after the other",
}


def _unique(lines: Sequence[Line], events: int, round_: int) -> list[Line]:
    """`events` CVs with ids and texts of their own, so that neither a cache nor a compaction saves any work."""
    texts = [clean_text(line.event) for line in lines if isinstance(line.event, Cv)]
    if not texts:
        raise FatalError("no valid CV to measure with")
    copies = []
    for number in range(events):
        own = f"bench-{round_}-{number}"
        text = f"{texts[number % len(texts)]}\nRef {round_}/{number}"
        copies.append(Line(number, own, Cv(id=own, text=text)))
    return copies


def _loop(texts: Sequence[str], folder: Path) -> float:
    path = folder / "texts.json"
    path.write_text(json.dumps(texts), "utf-8")
    made = subprocess.run(
        [sys.executable, "-m", "models.baselines.cv_loop", str(path)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise FatalError(f"the baseline needs the `train` extra: {made.stderr.strip().splitlines()[-1]}")
    return float(made.stdout)


async def run(settings: Settings, lines: Sequence[Line], *, events: int, rounds: int, console: Console) -> None:
    """Measures in alternating rounds and prints the table."""
    await admin.apply(settings)
    rates: dict[str, list[float]] = {name: [] for name in _MEANING}
    sample = [event.text or "" for line in _unique(lines, LOOP_SAMPLE, -2) if isinstance(event := line.event, Cv)]
    with tempfile.TemporaryDirectory() as folder:
        async with cvs.worker(settings) as worker, in_background(worker, settings):
            await end_to_end(settings, CVS_FLOW, _unique(lines, min(events, 32), -1))  # warm-up
            for round_ in range(rounds):
                rates["end to end"].append(await end_to_end(settings, CVS_FLOW, _unique(lines, events, round_)))
                rates["transformers loop"].append(await asyncio.to_thread(_loop, sample, Path(folder)))
    console.print(f"{events} CVs a round, {rounds} rounds, {THREADS} cores")
    console.print(table(rates, _MEANING, "CVs"))
