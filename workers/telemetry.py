"""Logs and metrics. Every metric of the system is defined here, so that an alert's name is found in one place.

Labels are bounded: worker names, codes, stages. Keys, texts and addresses never become labels.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Iterable

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from workers.settings import Settings

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_AGES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)

# Delivery -------------------------------------------------------------------------------------------------------
# (Of the matcher: processed, tombstone, rejected as unreadable; and `failed`, pairs and lists that could not be made.)
# Inputs by what became of them: processed, tombstone, rejected (dead-lettered ones are rejected too), stale (an older
# version than the one answered), duplicate (answered already, by the same model).
EVENTS = Counter("talentstream_events", "Inputs by result.", ["worker", "result"])
# Rejections by code (`topics.rejections.RejectionCode`).
REJECTIONS = Counter("talentstream_rejections", "Rejected inputs by code.", ["worker", "code"])
# Dead letters by exception type: any at all deserves a look.
DEAD_LETTERS = Counter("talentstream_dead_letters", "Inputs on which processing failed.", ["worker", "error"])
# Age of a batch's oldest input (broker timestamp) when the outputs are committed: what an indexer waits for.
EVENT_AGE = Histogram("talentstream_event_age_seconds", "Oldest input's age at commit.", ["worker"], buckets=_AGES)
# Where a batch's time goes: prepare, infer, decode (postings handler); cache (Redis look-up);
# handle, publish (engine); index, search, rank, publish (matcher).
STAGE = Histogram("talentstream_stage_seconds", "Time of one batch in a stage.", ["worker", "stage"], buckets=_SECONDS)
BATCH = Histogram("talentstream_batch_events", "Events in a batch.", ["worker"], buckets=(1, 2, 4, 8, 16, 32, 64, 128))
# Retries by cause (exception type): growing means a part we need is down.
RETRIES = Counter("talentstream_retries", "Batches waited and tried again.", ["worker", "cause"])
# Times that a newer owner fenced us: more than rebalances explain means zombies.
FENCED = Counter("talentstream_fenced", "Partitions lost to a newer owner mid-transaction.", ["worker"])
ASSIGNED = Gauge("talentstream_assigned_partitions", "Partitions this worker owns.", ["worker"])
PAUSED = Gauge("talentstream_paused_partitions", "Owned partitions whose queue is full.", ["worker"])
IN_FLIGHT = Gauge("talentstream_in_flight_events", "Events taken and not yet committed.", ["worker"])
# Records between the committed offset and the partition's last stable one.
LAG = Gauge("talentstream_lag_events", "Events not yet answered.", ["worker", "partition"])
# Seconds since a partition that has work last finished an attempt; /livez fails past TALENTSTREAM_STALL_TIMEOUT_S.
STALL = Gauge("talentstream_stall_seconds", "Longest time a partition with work made no progress.", ["worker"])
# How late the event loop wakes up: more than some milliseconds means that something blocks it.
LOOP_LAG = Gauge("talentstream_event_loop_lag_seconds", "Delay of the event loop's wake-ups.", ["worker"])
# Results made without one of their stages, by reason: to be re-done with `talentstream replay --where degraded`.
DEGRADED = Counter("talentstream_degraded_results", "Results made without a stage.", ["worker", "reason"])
QUEUED = Gauge("talentstream_queued_events", "Events fetched and not yet committed.", ["worker"])
# By why the matcher made them: their subject changed, the other side touched them, or their subject is gone.
LISTS = Counter("talentstream_lists", "Lists of matches published, by cause.", ["cause"])

# Inference ------------------------------------------------------------------------------------------------------
INFERENCE_REQUESTS = Counter("talentstream_inference_requests", "Triton requests by result.", ["model", "result"])
INFERENCE_SEQUENCES = Counter("talentstream_inference_sequences", "Token sequences inferred.", ["model"])
INFERENCE_TOKENS = Counter("talentstream_inference_tokens", "Tokens inferred, padding not counted.", ["model"])
INFERENCE_SECONDS = Histogram(
    "talentstream_inference_seconds", "Time of one Triton request.", ["model"], buckets=_SECONDS
)

# LLM beside the query student -----------------------------------------------------------------------------------
# Answers by result: ok, or the reason (`workers.llm.errors`) why the student answered instead or the end is missing.
LLM_ANSWERS = Counter("talentstream_llm_answers", "LLM answers by result.", ["result"])
# Until the first tool call, and until the whole answer.
LLM_SECONDS = Histogram("talentstream_llm_seconds", "Time of one LLM answer.", ["until"], buckets=_SECONDS)
# Criteria left out, since their span is not in the query: growing means a model or prompt that makes things up.
LLM_DROPPED = Counter("talentstream_llm_dropped_criteria", "Criteria of an LLM that were not in the query.")
# Reports of an LLM in the student's shadow: published, left_out (too many under way), unpublished (no broker).
QUERY_SHADOW = Counter("talentstream_query_shadow", "Shadow reports by result.", ["result"])

# Result cache ---------------------------------------------------------------------------------------------------
# hit, miss, or unavailable (Redis down or not configured: the worker goes on, slower).
CACHE = Counter("talentstream_cache_lookups", "Result cache look-ups by result.", ["worker", "result"])
CACHE_UP = Gauge("talentstream_cache_up", "1 when the last cache call succeeded.", ["worker"])

# Fairness monitor -----------------------------------------------------------------------------------------------
# Of the newest window of each length that is over; groups too small to be told have no value. Differences in
# percentage points, the impact ratio in 0..1; `topics/fairness.py` says what each measures.
_WINDOW = ["market", "attribute", "window"]
FAIRNESS = Gauge("talentstream_fairness", "Difference or ratio between groups.", [*_WINDOW, "measure"])
# 1 where the whole interval lies beyond the threshold (TALENTSTREAM_FAIRNESS_…).
FAIRNESS_FLAGGED = Gauge("talentstream_fairness_flagged", "1 beyond the threshold.", [*_WINDOW, "measure"])
FAIRNESS_SELECTION_RATE = Gauge("talentstream_fairness_selection_rate", "Selected of listed.", [*_WINDOW, "group"])
FAIRNESS_REPRESENTATION = Gauge("talentstream_fairness_representation", "Percent of the top.", [*_WINDOW, "group"])
FAIRNESS_EXPOSURE = Gauge("talentstream_fairness_exposure", "Percent of the attention.", [*_WINDOW, "group"])
# Share of listed CVs whose group is known: low means that the figures speak of few.
FAIRNESS_COVERAGE = Gauge("talentstream_fairness_coverage", "Listed CVs with a known group.", _WINDOW)
FAIRNESS_READ_UNTIL = Gauge("talentstream_fairness_read_until_seconds", "Time up to which all records are read.")


_LOOP_LAG_EVERY_S = 0.25
# Longer than a usual scrape interval, so that no scrape misses the worst.
_LOOP_LAG_WINDOW_S = 60.0


async def measure_loop_lag(worker: str) -> None:
    """Keeps :data:`LOOP_LAG` at the worst delay of the last minute; runs until cancelled."""
    loop = asyncio.get_running_loop()
    delays: deque[float] = deque(maxlen=int(_LOOP_LAG_WINDOW_S / _LOOP_LAG_EVERY_S))
    while True:
        due = loop.time() + _LOOP_LAG_EVERY_S
        await asyncio.sleep(_LOOP_LAG_EVERY_S)
        delays.append(max(0.0, loop.time() - due))
        LOOP_LAG.labels(worker).set(max(delays))


def configure_logging(settings: Settings) -> None:
    """structlog to stderr; libraries' own logs from warning on, in the same format.

    Under `error` libraries are silent: aiokafka calls each condition that it retries an error, and what it gives up on
    comes to us as an exception.
    """
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.CRITICAL if level >= logging.ERROR else max(level, logging.WARNING))


def stage_time(worker: str, stage: str) -> tuple[int, float]:
    """How many batches a stage of this process's worker has seen, and how many seconds they took in all."""
    labels = {"worker": worker, "stage": stage}
    count = REGISTRY.get_sample_value("talentstream_stage_seconds_count", labels) or 0.0
    return int(count), REGISTRY.get_sample_value("talentstream_stage_seconds_sum", labels) or 0.0


def stage_seconds(worker: str, stages: Iterable[str]) -> dict[str, float]:
    """Seconds that each stage's batches took in all, so far."""
    return {stage: stage_time(worker, stage)[1] for stage in stages}
