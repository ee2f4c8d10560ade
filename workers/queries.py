"""Queries in, tool calls and understandings out: prepare, infer, decode, plan.

Milliseconds matter here, so an event waits for no batch mates (`DEFAULTS`); what has come while the last batch was
inferred makes the next. Nothing is cached: a look-up would take a third of the time of an inference.

A consumer sees a tool call when its transaction is committed. With the student all tool calls are known at one moment:
one pass of the encoder gives intent and criteria, decoding takes half a millisecond, and a transaction of their own
would bring them to nobody sooner and the understanding to everybody some milliseconds later. So both travel in one
transaction, the tool calls first. An engine that takes longer announces each call as it comes (`delivery/early.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from models.queries.student import QueryStudent
from models.repository import model_dir
from topics.catalogue import QUERIES_FLOW, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from topics.queries import (
    LoadProfile,
    LoadProfileArguments,
    OpenCompany,
    OpenCompanyArguments,
    Query,
    QueryLineage,
    QueryReading,
    QueryToolCall,
    QueryUnderstanding,
    Refuse,
    RefuseArguments,
    SearchArguments,
    SearchJobs,
    ToolCall,
    call_id,
)
from workers import served, tracing
from workers.delivery import Event, Outcome, Output, Worker
from workers.inference import Infer, ServedModel
from workers.settings import Settings

NAME = QUERIES_FLOW.worker
# Of settings that the environment leaves open.
DEFAULTS: dict[str, Any] = {"batch_wait_s": 0.0, "batch_events": 32}


async def handle(batch: Sequence[Event[Query]], infer: Infer, student: QueryStudent) -> list[Outcome]:
    """The tool calls and the understanding of each query."""
    queries = [_dated(event) for event in batch]
    return [_outcome(understanding) for understanding in await understand(queries, infer, student)]


async def understand(queries: Sequence[Query], infer: Infer, student: QueryStudent) -> list[QueryUnderstanding]:
    """Each query understood, in order; no Kafka. A query without `asked_on` finds no profile stale."""
    # A tenth of a millisecond each, and less than what handing it to a thread and back takes.
    with tracing.stage(NAME, "prepare"):
        prepared = [student.prepare(query) for query in queries]
    with tracing.stage(NAME, "infer"):
        inferred = await infer([p.token_ids for p in prepared])
    lineage = _lineage(inferred.model, student)
    understandings = []
    with tracing.stage(NAME, "decode"):
        for query, own, outputs in zip(queries, prepared, inferred.outputs, strict=True):
            reading = student.decode(own, outputs)
            understandings.append(_understanding(query, reading, plan(query, reading), lineage))
            # The other partitions' batches, and the poll, get their turn.
            await asyncio.sleep(0)
    return understandings


def plan(query: Query, reading: QueryReading) -> tuple[ToolCall, ...]:
    """What to do, in order: the intent is the plan."""
    first = call_id(query.id, query.version, 0)
    match reading.intent.value:
        case "out_of_scope":
            return (Refuse(id=first, arguments=RefuseArguments(reason="out_of_scope")),)
        case "navigational":
            company = next((c.value for c in reading.criteria if c.type == "company" and not c.negated), None)
            page = OpenCompanyArguments(company=company, page=reading.rewrite.value)
            return (OpenCompany(id=first, arguments=page),)
    search = SearchArguments(rewrite=reading.rewrite.value, criteria=reading.criteria)
    if not reading.profile_fields:
        return (SearchJobs(id=first, arguments=search),)
    return (
        LoadProfile(id=first, arguments=LoadProfileArguments(fields=reading.profile_fields)),
        SearchJobs(id=call_id(query.id, query.version, 1), arguments=search),
    )


def dated(query: Query, day: date) -> Query:
    """The query, asked on that day where it does not say."""
    return query if query.asked_on is not None else query.model_copy(update={"asked_on": day})


def _dated(event: Event[Query]) -> Query:
    # The record's day and not today: a replay must give the same bytes.
    return dated(event.value, datetime.fromtimestamp(event.record.timestamp_ms / 1000, UTC).date())


def _understanding(
    query: Query, reading: QueryReading, calls: Sequence[ToolCall], lineage: QueryLineage
) -> QueryUnderstanding:
    return QueryUnderstanding(
        id=query.id,
        source_version=query.version,
        content_hash=query.content_hash,
        tool_calls=tuple(calls),
        engine="student",
        lineage=lineage,
        **{name: getattr(reading, name) for name in QueryReading.model_fields},
    )


def _outcome(understanding: QueryUnderstanding) -> Outcome:
    return (
        *(_call(understanding, call) for call in understanding.tool_calls),
        Output(QUERY_UNDERSTANDING, understanding.id, understanding, understanding.degraded),
    )


def _call(understanding: QueryUnderstanding, call: ToolCall) -> Output:
    value = QueryToolCall(
        query_id=understanding.id,
        source_version=understanding.source_version,
        engine=understanding.engine,
        call=call,
    )
    return Output(QUERY_TOOL_CALLS, understanding.id, value)


def _lineage(model: ServedModel, student: QueryStudent) -> QueryLineage:
    return QueryLineage(
        model=model.name,
        model_version=served.version(model),
        tokenizer=student.tokenizer_digest,
        pipeline=version("talentstream"),
        schema_=QUERY_UNDERSTANDING.name,
    )


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[tuple[Infer, QueryStudent]]:
    """The student and its served model, checked to belong together.

    Raises:
        RetryableError: Triton or the model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """
    student = await asyncio.to_thread(QueryStudent.load, model_dir(QueryStudent.name))
    async with served.connect(settings, student) as infer:
        # Whatever loads at first use loads before the worker calls itself ready.
        await understand([Query(id="warm-up", text="baker in Lyon, no nights, over 2000 EUR a month")], infer, student)
        yield infer, student


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[Callable[[Sequence[Query]], Awaitable[list[QueryUnderstanding]]]]:
    """Understands queries without Kafka, those without a day as asked today; raises as :func:`connect`."""
    async with connect(settings) as (infer, student):

        async def read(queries: Sequence[Query]) -> list[QueryUnderstanding]:
            today = datetime.now(UTC).date()
            return await understand([dated(query, today) for query in queries], infer, student)

        yield read


async def made_by(settings: Settings) -> str:
    """What a result would be made by now; raises as :func:`connect`."""
    async with connect(settings) as (infer, _):
        return _made_by(infer.model)


def _made_by(model: ServedModel) -> str:
    return f"{served.version(model)}:{version('talentstream')}"


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The queries worker; raises as :func:`connect`."""
    async with connect(settings) as (infer, student):
        yield Worker(
            flow=QUERIES_FLOW,
            handle=partial(handle, infer=infer, student=student),
            made_by=lambda: _made_by(infer.model),
        )
