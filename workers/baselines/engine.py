"""Our engine with a handler that does nothing: validation, ledger, headers and metrics as in production."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace

from topics.catalogue import POSTINGS, POSTINGS_LEDGER, Flow
from topics.postings import Posting
from workers import telemetry
from workers.delivery import Event, Outcome, Output, Worker, run_worker
from workers.health import Health
from workers.runtime import spare_garbage_collection, stop_on_signals
from workers.settings import Settings


async def copy(source: str, target: str, ledger: str, name: str) -> None:
    """Copies until SIGTERM."""
    out = replace(POSTINGS, name=target, direction="out")
    flow = Flow(name, "posting", replace(POSTINGS, name=source), (out,), replace(POSTINGS_LEDGER, name=ledger))

    async def handle(batch: Sequence[Event[Posting]]) -> list[Outcome]:
        return [(Output(out, event.key, event.value),) for event in batch]

    settings = Settings()
    telemetry.configure_logging(settings)
    async with stop_on_signals() as stop:
        spare_garbage_collection()
        health = Health(settings.stall_timeout_s)
        await run_worker(Worker(flow, handle, made_by=lambda: "bench"), settings, health, stop)


if __name__ == "__main__":
    asyncio.run(copy(*sys.argv[1:]))
