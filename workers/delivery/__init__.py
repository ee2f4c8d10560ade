"""The delivery engine: exactly once from an input topic to its outputs (design section 4)."""

from workers.delivery.core import Backoff, Limits, PartitionQueue, Record
from workers.delivery.engine import run_worker
from workers.delivery.outcomes import Event, Handler, Outcome, Output, Worker, group_of

__all__ = [
    "Backoff",
    "Event",
    "Handler",
    "Limits",
    "Outcome",
    "Output",
    "PartitionQueue",
    "Record",
    "Worker",
    "group_of",
    "run_worker",
]
