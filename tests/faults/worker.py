"""One worker process of a fault run: the real engine on a test handler, `python -m tests.faults.worker PLAN.json`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from aiokafka import AIOKafkaProducer
from pydantic import BaseModel

from tests.faults import guards
from tests.faults.handlers import Behaviour, behaving
from tests.faults.load import Echo, Item
from topics.catalogue import Flow, Topic
from topics.ledger import LedgerEntry
from workers.delivery import Worker, run_worker
from workers.errors import FatalError
from workers.health import Health
from workers.settings import Settings
from workers.telemetry import configure_logging


class Strike(BaseModel):
    """What a process does to itself at a point of its transaction number `after`: dies, or sleeps, again and again."""

    point: Literal["before", "produced", "committed"]
    after: int
    sleep_s: float = 0.0


class Plan(BaseModel):
    """What the process is told beside its settings."""

    name: str
    partitions: int
    behaviour: Behaviour
    folder: Path
    without: str | None = None
    strike: Strike | None = None

    @property
    def flow(self) -> Flow:
        """Topics of the run's own."""
        return Flow(
            self.name,
            "item",
            self._topic("in", "in", Item, "delete", max_message_bytes=16 * 1024 * 1024),
            (self._topic("out", "out", Echo, "delete"),),
            self._topic("ledger", "state", LedgerEntry, "compact"),
        )

    def _topic(self, role: str, direction: Any, model: type[BaseModel], cleanup: Any, **options: int) -> Topic:
        event_type = f"talentstream.{role}.v1"
        return Topic(
            f"{self.name}-{role}",
            "id",
            event_type,
            model,
            direction,
            cleanup,
            "",
            partitions=self.partitions,
            **options,
        )


def arm(strike: Strike) -> None:
    """Patches the producer."""
    commits = 0
    begin, commit = AIOKafkaProducer.begin_transaction, AIOKafkaProducer.commit_transaction

    def reach(point: str) -> None:
        nonlocal commits
        if commits < strike.after or point != strike.point:
            return
        if not strike.sleep_s:
            os.kill(os.getpid(), signal.SIGKILL)
        commits = 0
        # Blocks the whole process, heartbeats too, as a long pause of the machine does.
        time.sleep(strike.sleep_s)

    async def struck_begin(self: AIOKafkaProducer) -> None:
        reach("before")
        await begin(self)

    async def struck_commit(self: AIOKafkaProducer) -> None:
        nonlocal commits
        reach("produced")
        await commit(self)
        commits += 1
        reach("committed")

    AIOKafkaProducer.begin_transaction = struck_begin
    AIOKafkaProducer.commit_transaction = struck_commit


async def main(plan: Plan) -> int:
    """Runs until SIGTERM; returns the exit code."""
    settings = Settings()
    configure_logging(settings)
    if plan.strike is not None:
        arm(plan.strike)
    if plan.without is not None:
        remove: Callable[[], None] = guards.GUARDS[plan.without]
        remove()
    # As workers.runtime does, whose imports take longer than a fault.
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with behaving(plan.behaviour, plan.flow, settings, plan.folder) as handle:
        worker = Worker(plan.flow, handle, made_by=lambda: "harness")
        try:
            await run_worker(worker, settings, Health(settings.stall_timeout_s), stop)
        except FatalError as error:
            print(f"fatal: {error}", file=sys.stderr)  # noqa: T201 - into the worker's log
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Plan.model_validate_json(Path(sys.argv[1]).read_text()))))
