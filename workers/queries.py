"""Queries in, tool calls and understandings out: prepare, infer, decode, plan.

Milliseconds matter here, so an event waits for no batch mates (`DEFAULTS`); what has come while the last batch was
inferred makes the next. Nothing is cached: a look-up would take a third of the time of an inference.

A consumer sees a tool call when its transaction is committed. With the student all tool calls are known at one moment:
one pass of the encoder gives intent and criteria, decoding them takes a millisecond and a half, committing a
transaction three and more. One of their own would bring the tool calls to nobody sooner and the understanding to
everybody later. So both travel in one transaction, the tool calls first. An engine that takes longer announces each
call as it comes (`delivery/early.py`).

Engines: the student; an LLM, for which the student answers where it fails; the student with an LLM in its shadow.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import structlog

from models.queries import guard
from models.queries.student import QueryStudent
from models.repository import model_dir
from topics.catalogue import QUERIES_FLOW, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING, Topic
from topics.queries import (
    LoadProfile,
    LoadProfileArguments,
    OpenCompany,
    OpenCompanyArguments,
    Query,
    QueryEngine,
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
from workers.delivery import Event, Handler, Outcome, Output, Worker
from workers.errors import WorkError
from workers.inference import Infer, ServedModel
from workers.llm import engine, prompt
from workers.llm import shadow as shadowing
from workers.llm.engine import LlmEngine, Understood
from workers.llm.errors import LlmError
from workers.llm.shadow import Shadow
from workers.settings import Settings

NAME = QUERIES_FLOW.worker
# Of settings that the environment leaves open.
DEFAULTS: dict[str, Any] = {"batch_wait_s": 0.0, "batch_events": 32}
# Of the student: as many as the model has instances.
BATCHES_AT_ONCE = 2
# Kept of failed batches; partitions that were lost meanwhile leave some behind.
MOST_ANSWERS = 10_000

log = structlog.get_logger()


async def handle(batch: Sequence[Event[Query]], infer: Infer, student: QueryStudent) -> list[Outcome]:
    """The tool calls and the understanding of each query."""
    understandings = await understand([_dated(event) for event in batch], infer, student)
    return [_Calls(event).outcome(own) for event, own in zip(batch, understandings, strict=True)]


@dataclass(frozen=True, slots=True)
class LlmAnswer:
    """What came of asking an LLM: a reading, or the reason why there is none; and the tool calls it made."""

    understood: Understood | None
    failure: tuple[str, ...]
    calls: tuple[ToolCall, ...]


async def handle_by_llm(
    batch: Sequence[Event[Query]],
    infer: Infer,
    student: QueryStudent,
    llm: LlmEngine,
    answers: dict[str, LlmAnswer],
) -> list[Outcome]:
    """As :func:`handle`, but the LLM reads, all queries at once; each tool call is announced as soon as it is whole.

    Where the LLM fails the student answers. What was announced until then is out; the understanding says which of the
    calls stand.

    Args:
        answers: by record, of batches that have failed: while the student is out of reach nothing is asked twice.
    """
    try:
        # Where one fails none of the others may go on: it would announce into the next attempt.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_by_llm(event, infer, student, llm, answers)) for event in batch]
    except* WorkError as errors:
        raise errors.exceptions[0] from None
    for event in batch:
        answers.pop(event.record.identity, None)
    return [task.result() for task in tasks]


async def handle_shadowed(
    batch: Sequence[Event[Query]], infer: Infer, student: QueryStudent, shadow: Shadow
) -> list[Outcome]:
    """As :func:`handle`; then the LLM is asked the same, for which nobody waits."""
    queries = [_dated(event) for event in batch]
    started = time.perf_counter()
    understandings = await understand(queries, infer, student)
    took_s = time.perf_counter() - started
    for query, understanding in zip(queries, understandings, strict=True):
        if not guard.refuses(query.text):
            shadow.compare(query, understanding, took_s)
    return [_Calls(event).outcome(own) for event, own in zip(batch, understandings, strict=True)]


async def _by_llm(
    event: Event[Query], infer: Infer, student: QueryStudent, llm: LlmEngine, answers: dict[str, LlmAnswer]
) -> Outcome:
    query = _dated(event)
    calls = _Calls(event)
    answer = answers.get(event.record.identity)
    if answer is None:
        answer = await _ask(query, llm, calls)
        if len(answers) < MOST_ANSWERS:
            answers[event.record.identity] = answer
    else:
        for call in answer.calls:
            calls.dispatch(call)
    if answer.understood is not None:
        reading, degraded = answer.understood.reading, answer.understood.degraded
        understanding = _understanding(query, reading, calls.standing, _llm_lineage(llm), "llm")
        return calls.outcome(understanding.model_copy(update={"degraded": degraded}))
    (by_student,) = await understand([query], infer, student)
    return calls.outcome(by_student.model_copy(update={"degraded": answer.failure}))


async def _ask(query: Query, llm: LlmEngine, calls: "_Calls") -> LlmAnswer:
    """Asks the LLM, each of whose calls is dispatched as it comes."""
    if guard.refuses(query.text):
        # An order to the system or code: no LLM needs to see it.
        return LlmAnswer(None, (), ())
    try:
        understood = await llm.read(query, calls.dispatch)
    except LlmError as error:
        log.debug("the student answers in the LLM's place", reason=error.reason, cause=str(error))
        return LlmAnswer(None, (error.reason,), tuple(calls.standing))
    return LlmAnswer(understood, (), tuple(calls.standing))


class _Calls:
    """A query's tool calls as they go out: none twice, whoever makes it and however often it is tried.

    What an earlier attempt announced is out, be it that an LLM was asked then and is no more.

    Attributes:
        standing: those that the LLM made in this attempt.
    """

    def __init__(self, event: Event[Query]) -> None:
        self.standing: list[ToolCall] = []
        self._event = event
        self._out = [QueryToolCall.model_validate_json(value) for value in event.announced]

    def dispatch(self, call: ToolCall) -> None:
        """Announces a call of the LLM, unless an earlier attempt has."""
        known = len(self._out)
        self.standing.append(self._place(call, "llm"))
        if len(self._out) > known:
            self._event.announce(_call(self._out[-1]))

    def outcome(self, understanding: QueryUnderstanding) -> Outcome:
        """All that is out or goes out, the understanding last; its calls are those that stand."""
        standing = tuple(self._place(call, understanding.engine) for call in understanding.tool_calls)
        final = understanding.model_copy(update={"tool_calls": standing})
        return (*map(_call, self._out), Output(QUERY_UNDERSTANDING, final.id, final, final.degraded))

    def _place(self, call: ToolCall, made_by: QueryEngine) -> ToolCall:
        """The call under its id: that of the same call that is out already, or the next."""
        for earlier in self._out:
            if earlier.call == call.model_copy(update={"id": earlier.call.id}):
                return earlier.call
        query = self._event.value
        own = call.model_copy(update={"id": call_id(query.id, query.version, len(self._out))})
        self._out.append(QueryToolCall(query_id=query.id, source_version=query.version, engine=made_by, call=own))
        return own


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
    query: Query,
    reading: QueryReading,
    calls: Sequence[ToolCall],
    lineage: QueryLineage,
    made_by: QueryEngine = "student",
) -> QueryUnderstanding:
    return QueryUnderstanding(
        id=query.id,
        source_version=query.version,
        content_hash=query.content_hash,
        tool_calls=tuple(calls),
        engine=made_by,
        lineage=lineage,
        **{name: getattr(reading, name) for name in QueryReading.model_fields},
    )


def _call(made: QueryToolCall) -> Output:
    return Output(QUERY_TOOL_CALLS, made.query_id, made)


def _lineage(model: ServedModel, student: QueryStudent) -> QueryLineage:
    return QueryLineage(
        model=model.name,
        model_version=served.version(model),
        tokenizer=student.tokenizer_digest,
        pipeline=served.RELEASE,
        schema_=QUERY_UNDERSTANDING.name,
    )


def _llm_lineage(llm: LlmEngine) -> QueryLineage:
    return QueryLineage(
        model=llm.model,
        model_version=f"prompt-{prompt.DIGEST}",
        tokenizer=None,
        pipeline=served.RELEASE,
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
        return _made_by(infer.model, settings)


def _made_by(model: ServedModel, settings: Settings) -> str:
    by_llm = f"{settings.llm_model}-{prompt.DIGEST}:" if settings.query_engine == "llm" else ""
    return f"{by_llm}{served.version(model)}:{served.RELEASE}"


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The queries worker; raises as :func:`connect`, and FatalError where an LLM is asked for and not named."""
    async with AsyncExitStack() as parts:
        infer, student = await parts.enter_async_context(connect(settings))
        announces: Topic | None = None
        at_once: int | None = BATCHES_AT_ONCE
        if settings.query_engine == "student":
            handler: Handler = partial(handle, infer=infer, student=student)
        else:
            llm = await parts.enter_async_context(engine.connect(settings, student.normaliser))
            if settings.query_engine == "llm":
                handler = partial(handle_by_llm, infer=infer, student=student, llm=llm, answers={})
                announces, at_once = QUERY_TOOL_CALLS, None
            else:
                shadow = await parts.enter_async_context(shadowing.connect(settings, llm))
                handler = partial(handle_shadowed, infer=infer, student=student, shadow=shadow)
        yield Worker(QUERIES_FLOW, handler, lambda: _made_by(infer.model, settings), announces, at_once)
