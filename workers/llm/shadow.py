"""The LLM in the student's shadow: asked the same, published beside it, used by nobody; and what that tells.

Reports are statistics: they are sent outside the batch's transaction and after it was handled, so that nobody waits for
them, and a crash may lose or repeat some.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.table import Table

from topics.catalogue import QUERY_SHADOW
from topics.envelope import encode, input_headers
from topics.queries import Query, QueryReading, QueryUnderstanding, ToolCall
from topics.query_shadow import Agreement, Overlap, QueryShadow
from workers import kafka, telemetry
from workers.delivery.closing import stop_producer
from workers.errors import RetryableError
from workers.llm import prompt
from workers.llm.engine import LlmEngine
from workers.llm.errors import LlmError
from workers.llm.grounding import words
from workers.publish import idempotent_producer
from workers.settings import Settings

SOURCE = "/talentstream/queries"
# Comparisons under way or waiting for a connection, of each that may be under way at once; further ones are left out.
BACKLOG = 4

log = structlog.get_logger()


class Shadow:
    """Made by :func:`connect`."""

    def __init__(self, llm: LlmEngine, producer: AIOKafkaProducer, most: int) -> None:
        self._llm = llm
        self._producer = producer
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def compare(self, query: Query, understanding: QueryUnderstanding, student_s: float) -> None:
        """Asks the LLM and publishes a report, in the background; leaves it out where too many are under way."""
        if len(self._tasks) >= self._most:
            telemetry.QUERY_SHADOW.labels("left_out").inc()
            return
        task = asyncio.create_task(self._publish(query, understanding, student_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, timeout_s: float) -> None:
        """Waits for what is under way, for so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish(self, query: Query, understanding: QueryUnderstanding, student_s: float) -> None:
        headers = input_headers(QUERY_SHADOW, event_id=f"{query.id}:{query.version}", source=SOURCE)
        try:
            report = await read(self._llm, query, understanding, student_s)
            await self._producer.send_and_wait(
                QUERY_SHADOW.name, key=query.id.encode(), value=encode(report), headers=list(headers)
            )
        except Exception as error:
            # Whatever it was, nobody waits for it; its text may quote the query.
            telemetry.QUERY_SHADOW.labels("unpublished").inc()
            log.warning("a shadow report is lost", error=type(error).__name__)
        else:
            telemetry.QUERY_SHADOW.labels("published").inc()


async def read(llm: LlmEngine, query: Query, understanding: QueryUnderstanding, student_s: float) -> QueryShadow:
    """The report of one query."""
    started = time.perf_counter()
    first_call_s: float | None = None

    def dispatch(_: ToolCall) -> None:
        nonlocal first_call_s
        if first_call_s is None:
            first_call_s = time.perf_counter() - started

    student = QueryReading(**{name: getattr(understanding, name) for name in QueryReading.model_fields})
    reading: QueryReading | None = None
    failure: str | None = None
    try:
        understood = await llm.read(query, dispatch)
    except LlmError as error:
        failure = error.reason
    else:
        reading, failure = understood.reading, next(iter(understood.degraded), None)
    return QueryShadow(
        id=query.id,
        source_version=query.version,
        student=student,
        student_s=student_s,
        llm=reading,
        llm_model=llm.model,
        llm_prompt=prompt.DIGEST,
        llm_s=time.perf_counter() - started,
        first_call_s=first_call_s,
        failure=failure,
        agreement=reading and agreement(student, reading),
    )


def agreement(student: QueryReading, llm: QueryReading) -> Agreement:
    """Where the two say the same."""
    own = {(c.type, c.start, c.end): c for c in student.criteria}
    theirs = {(c.type, c.start, c.end): c for c in llm.criteria}
    both = [(own[key], theirs[key]) for key in own.keys() & theirs.keys()]
    own_facets, their_facets = ({(f.type, f.value) for f in one.facets} for one in (student, llm))
    return Agreement(
        intent=student.intent.value == llm.intent.value,
        language=student.language.value == llm.language.value,
        rewrite=words(student.rewrite.value) == words(llm.rewrite.value),
        profile_fields=set(student.profile_fields) == set(llm.profile_fields),
        criteria=Overlap(student=len(own), llm=len(theirs), both=len(both)),
        value=sum(one.value == other.value for one, other in both),
        negated=sum(one.negated == other.negated for one, other in both),
        facets=Overlap(student=len(own_facets), llm=len(their_facets), both=len(own_facets & their_facets)),
    )


async def reports(settings: Settings) -> AsyncIterator[QueryShadow]:
    """All that are in the topic, from its oldest to its newest; raises KafkaError where the broker fails."""
    consumer = kafka.committed_reader(settings, QUERY_SHADOW.name)
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while await kafka.is_behind(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield QueryShadow.model_validate_json(record.value)


def tables(found: Sequence[QueryShadow]) -> list[Table]:
    """Agreement by field, time, and failures; `found` is not empty."""
    compared = [report.agreement for report in found if report.agreement is not None]
    agreeing = Table("field", "agree", "of", "share", title=f"Student and LLM, {len(found)} queries")
    for name in ("intent", "language", "rewrite", "profile_fields"):
        _row(agreeing, name, sum(getattr(one, name) for one in compared), len(compared))
    both = sum(one.criteria.both for one in compared)
    for name in ("criteria", "facets"):
        overlaps: list[Overlap] = [getattr(one, name) for one in compared]
        # Dice: what both found, of what they found on average; F1, were one of them the truth.
        _row(agreeing, f"{name} (F1)", 2 * sum(o.both for o in overlaps), sum(o.student + o.llm for o in overlaps))
    _row(agreeing, "value, of common criteria", sum(one.value for one in compared), both)
    _row(agreeing, "negated, of common criteria", sum(one.negated for one in compared), both)
    times = Table("ms", "p50", "p95", "n", title="Time")
    for name, values in (
        ("student, its batch", [report.student_s for report in found]),
        ("LLM, first tool call", [report.first_call_s for report in found if report.first_call_s is not None]),
        ("LLM, whole answer", [report.llm_s for report in found if report.failure is None]),
    ):
        times.add_row(name, _ms(values, 0.5), _ms(values, 0.95), str(len(values)))
    failures = Table("LLM's answer", "n", "share", title="Outcome")
    counts = Counter("ok" if r.failure is None else r.failure + (", after its calls" if r.llm else "") for r in found)
    for reason, count in counts.most_common():
        failures.add_row(reason, str(count), f"{count / len(found):.1%}")
    return [agreeing, times, failures]


def _row(table: Table, name: str, agree: int, of: int) -> None:
    table.add_row(name, str(agree), str(of), f"{agree / of:.1%}" if of else "-")


def _ms(values: Iterable[float], share: float) -> str:
    ordered = sorted(values)
    return f"{1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)]:.1f}" if ordered else "-"


@asynccontextmanager
async def connect(settings: Settings, llm: LlmEngine) -> AsyncIterator[Shadow]:
    """A shadow with a producer of its own.

    Raises:
        RetryableError: no broker answers.
    """
    producer = idempotent_producer(settings, QUERY_SHADOW)
    try:
        await producer.start()
    except KafkaError as error:
        await stop_producer(producer, settings.drain_timeout_s)
        raise RetryableError(f"Kafka: {type(error).__name__}") from error
    shadow = Shadow(llm, producer, BACKLOG * settings.llm_concurrency)
    try:
        yield shadow
    finally:
        try:
            await shadow.close(settings.drain_timeout_s)
        finally:
            await stop_producer(producer, settings.drain_timeout_s)
