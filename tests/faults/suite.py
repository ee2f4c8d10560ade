"""The fault suite: each fault on real servers under load, judged by key, then once more with its guard taken away.

`python -m tests.faults.suite [--only 3,5] [--events 20000] [--seed 0]`. Prints a table; exits 1 where a figure that
must be 0 is not, where a run without its guard comes out clean, and where a fault could not be run.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.judge import Verdict
from tests.faults.scenarios import brokers, events, kills, mixed, parts
from tests.faults.stage import BROKER, Stage
from workers.embedded import EmbeddedKafka

COLUMNS = (
    "fault",
    "events",
    "lost",
    "duplicated",
    "out of order",
    "unknown",
    "recovery s",
    "guard removed",
    "what failed without it",
)
# How a run ends in which a partition has no new output for a minute after its fault.
STUCK = "a partition stood still"
# A run without its guard has to fail, which takes no long load.
SHARE_WITHOUT = 0.5


@dataclass(frozen=True)
class Fault:
    """A row of the table; `guards` are names in `tests.faults.guards`."""

    number: int
    title: str
    run: Callable[[Stage], Awaitable[Verdict]]
    guards: tuple[str, ...] = ()


FAULTS = (
    Fault(1, "worker killed before produce, after it, after commit", kills.kill_nine, ("transactions",)),
    Fault(2, "worker stopped mid-batch", kills.stop_mid_batch, ("drain",)),
    Fault(3, "worker frozen past its session, then thawed", kills.freeze, ("fencing",)),
    Fault(4, "workers scaled 1, 3, 1 again and again", kills.scale, ("takeover",)),
    Fault(5, "broker killed, bounced, hung", brokers.broker_dies),
    Fault(5, "three brokers, leaders and coordinators move", brokers.leaders_move),
    Fault(6, "network cut, held both ways and one way", brokers.network_breaks, ("fencing",)),
    Fault(7, "transactions past their timeout, late commits", brokers.late_commits),
    Fault(8, "Triton killed, hung, slow, NaN, wrong shape", parts.triton_fails, ("answers",)),
    Fault(9, "model version changed mid-stream", parts.model_changes, ("version",)),
    Fault(10, "gRPC dead while Triton lives", parts.grpc_dies, ("deadline",)),
    Fault(11, "Redis killed, flushed, slow, silent, full", parts.redis_fails, ("cache_deadline", "cache_optional")),
    Fault(12, "poison of every kind", events.poison, ("splitting",)),
    Fault(13, "everything poisoned, then mended", events.poison_burst, ("poison_limit",)),
    Fault(14, "dead-letter topic takes nothing", events.dead_letters_stuck, ("dead_letters",)),
    Fault(15, "repeats and late versions, workers killed", events.repeats, ("ledger",)),
    Fault(16, "clocks jump by an hour", events.clock_jumps),
    Fault(17, "broker's disk full", brokers.disk_fills),
    Fault(18, "all inputs replayed", events.replay),
    Fault(19, "ten times too much for two minutes", events.overload, ("pausing",)),
    Fault(20, "everything mixed", mixed.everything),
)


@dataclass(frozen=True)
class Row:
    """One run of a fault: its verdict, or why there is none."""

    fault: Fault
    without: str | None
    verdict: Verdict | None
    seconds: float
    error: str = ""

    @property
    def as_it_must_be(self) -> bool:
        """Clean with all guards; not clean, or at a standstill, without one."""
        if self.verdict is None:
            return self.without is not None and self.error == STUCK
        return self.verdict.clean == (self.without is None)


async def run(
    fault: Fault, without: str | None, kafka: EmbeddedKafka, folder: Path, options: argparse.Namespace, console: Console
) -> Row:
    """Runs it in a folder of its own."""
    name = f"fault-{fault.number}-{fault.run.__name__.replace('_', '-')}" + (f"-without-{without}" if without else "")
    (folder / name).mkdir()
    events = int(options.events * SHARE_WITHOUT) if without else options.events
    stage = Stage(
        folder / name,
        kafka,
        events=events,
        seed=options.seed,
        without=without,
        minutes=options.minutes,
        say=lambda text: console.print(f"     {time.strftime('%H:%M:%S')} {text}"),
    )
    started = time.monotonic()
    try:
        verdict, error = await fault.run(stage), ""
    except TimeoutError:
        verdict, error = None, STUCK
    except Exception as failure:
        traceback.print_exc()
        verdict, error = None, f"not run: {type(failure).__name__}: {failure}"
    return Row(fault, without, verdict, time.monotonic() - started, error)


async def suite(options: argparse.Namespace, console: Console) -> list[Row]:
    """All rows, printed as they come."""
    rows: list[Row] = []
    folder = Path(options.folder or tempfile.mkdtemp(prefix="talentstream-faults-"))
    async with EmbeddedKafka(folder / "shared", settings=BROKER) as kafka:
        for fault in FAULTS:
            if options.only and fault.number not in options.only:
                continue
            runs: list[str | None] = [] if options.guards_only else [None]
            runs += [] if options.skip_guards else list(fault.guards)
            for without in runs:
                row = await run(fault, without, kafka, folder, options, console)
                rows.append(row)
                console.print(line(row))
    return rows


def line(row: Row) -> str:
    """One run, as it ends."""
    what = f"{row.fault.number:2} {row.fault.title}" + (f", without {row.without}" if row.without else "")
    mark = "ok  " if row.as_it_must_be else "BAD "
    if row.verdict is None:
        return f"{mark}{what}: {row.error} ({row.seconds:.0f} s)"
    recovery = "-" if row.verdict.recovery_s is None else f"{row.verdict.recovery_s:.1f} s"
    figures = failures(row.verdict) or "clean"
    return f"{mark}{what}: {row.verdict.events} events, {figures}, recovery {recovery} ({row.seconds:.0f} s)"


def failures(verdict: Verdict) -> str:
    """What is not 0, in words."""
    return ", ".join(f"{figure} {name.replace('_', ' ')}" for name, figure in verdict.failures.items())


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """The table: a line for each fault, a further one for each further guard."""
    lines = []
    for fault in dict.fromkeys(row.fault for row in rows):
        own = [row for row in rows if row.fault is fault]
        whole = next((row for row in own if row.without is None), None)
        bare: list[Row | None] = [row for row in own if row.without is not None] or [None]
        for index, removed in enumerate(bare):
            name = f"{fault.number} {fault.title}" if index == 0 else ""
            figures = _figures(whole) if index == 0 else [""] * 6
            what = ["", ""]
            if removed is not None:
                said = removed.error if removed.verdict is None else failures(removed.verdict) or "nothing"
                what = [removed.without or "", said]
            lines.append([name, *figures, *what])
    return lines


def _figures(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 6
    if row.verdict is None:
        return [row.error, *[""] * 5]
    verdict = row.verdict
    recovery = "" if verdict.recovery_s is None else f"{verdict.recovery_s:.1f}"
    numbers = (verdict.events, verdict.lost, verdict.duplicated, verdict.out_of_order, verdict.unknown)
    return [*map(str, numbers), recovery]


def markdown(rows: Sequence[Row]) -> str:
    """For the README."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *cells(rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_json(rows: Sequence[Row]) -> str:
    """All figures of all runs."""
    return json.dumps(
        [
            {
                "number": row.fault.number,
                "fault": row.fault.title,
                "without": row.without,
                "as_it_must_be": row.as_it_must_be,
                "seconds": round(row.seconds, 1),
                "error": row.error,
                "verdict": asdict(row.verdict) if row.verdict else None,
            }
            for row in rows
        ],
        indent=1,
    )


async def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: {int(part) for part in text.split(",")}, help="faults by number")
    parser.add_argument("--events", type=int, default=20_000, help="of each fault")
    parser.add_argument("--minutes", type=float, default=20.0, help="of the mixed run")
    parser.add_argument("--seed", type=int, default=0)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--skip-guards", action="store_true", help="only runs with all guards")
    which.add_argument("--guards-only", action="store_true", help="only runs without a guard")
    parser.add_argument("--folder", type=Path, help="kept, for a look at the logs")
    parser.add_argument("--json", type=Path, help="writes all figures there")
    parser.add_argument("--markdown", type=Path, help="writes the table there")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    rows = await suite(options, console)
    table = Table(*COLUMNS)
    for cell in cells(rows):
        table.add_row(*cell)
    console.print(table)
    if options.json:
        options.json.write_text(as_json(rows))
    if options.markdown:
        options.markdown.write_text(markdown(rows))
    return 0 if all(row.as_it_must_be for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
