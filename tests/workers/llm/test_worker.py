"""The queries worker with an LLM, on real Kafka and Triton; the LLM is the local server."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.structs import ConsumerRecord
from typer.testing import CliRunner

from models.queries.student import QueryStudent
from tests.support.llm import BY_NAME, Recorded, engine_of
from tests.support.streams import produce, read_all, until_counted
from topics.catalogue import QUERIES, QUERY_SHADOW, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from topics.fields import Feature
from topics.queries import Query, QueryReading, QueryToolCall, QueryUnderstanding
from topics.query_shadow import QueryShadow
from workers import queries
from workers.delivery import Event, Outcome, Output
from workers.delivery.core import Record
from workers.errors import RetryableError
from workers.inference import Infer, Inference, ServedModel
from workers.llm import local
from workers.llm.engine import LlmEngine
from workers.llm.errors import UnavailableError
from workers.llm.local import Reply
from workers.llm.shadow import agreement
from workers.runtime import in_background
from workers.settings import Settings

MIXED = BY_NAME["mixed"]
FIRST_CALL = MIXED.answer.index("}") + 2


def with_llm(settings: Settings, url: str, mode: str, **more: Any) -> Settings:
    own = {"query_engine": mode, "llm_url": url, "llm_model": "tiny", "llm_deadline_s": 20.0} | queries.DEFAULTS
    return settings.model_copy(update=own | more)


def asked(recorded: Recorded) -> tuple[str, bytes]:
    key = f"{recorded.name}-{uuid.uuid4().hex[:6]}"
    return key, recorded.query.model_copy(update={"id": key}).model_dump_json().encode()


async def of(settings: Settings, topic: str, key: str) -> list[ConsumerRecord]:
    return [record for record in await read_all(settings, topic) if record.key == key.encode()]


@asynccontextmanager
async def working(settings: Settings, mode: str, reply: Reply, **more: Any) -> AsyncIterator[Settings]:
    """The worker, whose LLM answers each query so."""

    async def replies(_: Mapping[str, Any]) -> Reply:
        return reply

    async with local.serve(replies) as url:
        own = with_llm(settings, url, mode, **more)
        async with queries.worker(own) as worker, in_background(worker, own):
            yield own


async def answer(settings: Settings, key: str) -> tuple[QueryUnderstanding, list[QueryToolCall]]:
    (final,) = await of(settings, QUERY_UNDERSTANDING.name, key)
    understanding = QueryUnderstanding.model_validate_json(final.value or b"")
    calls = [QueryToolCall.model_validate_json(r.value or b"") for r in await of(settings, QUERY_TOOL_CALLS.name, key)]
    return understanding, calls


async def test_the_llm_reads_and_its_calls_are_the_understandings(settings: Settings) -> None:
    key, value = asked(MIXED)
    async with working(settings, "llm", Reply(MIXED.answer)):
        await produce(settings, QUERIES.name, [(key.encode(), value)])
        await until_counted(settings, [QUERY_UNDERSTANDING.name], {key.encode(): 1})
    understanding, calls = await answer(settings, key)
    assert (understanding.engine, understanding.degraded) == ("llm", ())
    assert understanding.lineage.model == "tiny"
    assert [c.span for c in understanding.criteria] == MIXED.spans
    assert [made.call for made in calls] == list(understanding.tool_calls)
    assert [call.id for call in understanding.tool_calls] == [f"{key}:0:0", f"{key}:0:1"]


async def test_a_call_is_out_while_the_llm_still_writes_and_the_student_answers_by_the_deadline(
    settings: Settings,
) -> None:
    key, value = asked(MIXED)
    async with working(settings, "llm", Reply(MIXED.answer, stall_after=FIRST_CALL), llm_deadline_s=8.0):
        await produce(settings, QUERIES.name, [(key.encode(), value)])
        await until_counted(settings, [QUERY_TOOL_CALLS.name], {key.encode(): 1})
        assert await of(settings, QUERY_UNDERSTANDING.name, key) == []
        await until_counted(settings, [QUERY_UNDERSTANDING.name], {key.encode(): 1})
    understanding, calls = await answer(settings, key)
    assert (understanding.engine, understanding.degraded) == ("student", ("llm_timeout",))
    assert (calls[0].engine, calls[0].call.tool) == ("llm", "load_profile")
    assert [made.call.id for made in calls] == [f"{key}:0:{number}" for number in range(len(calls))]
    # What stands is out, under the ids that the understanding names.
    published = [made.call for made in calls]
    assert understanding.tool_calls
    assert all(call in published for call in understanding.tool_calls)


@pytest.mark.parametrize("reply", [Reply(status=500), Reply("{'intent'"), Reply(MIXED.answer, cut_after=5)])
async def test_where_the_llm_fails_the_student_answers(settings: Settings, reply: Reply) -> None:
    key, value = asked(MIXED)
    async with working(settings, "llm", reply):
        await produce(settings, QUERIES.name, [(key.encode(), value)])
        await until_counted(settings, [QUERY_UNDERSTANDING.name], {key.encode(): 1})
    understanding, calls = await answer(settings, key)
    assert understanding.engine == "student"
    assert understanding.degraded[0].startswith("llm_")
    assert [made.call for made in calls] == list(understanding.tool_calls)
    assert {made.engine for made in calls} == {"student"}


async def test_an_order_is_refused_and_no_llm_sees_it(settings: Settings) -> None:
    key, value = asked(BY_NAME["injection"])
    async with working(settings, "llm", Reply(MIXED.answer)):
        await produce(settings, QUERIES.name, [(key.encode(), value)])
        await until_counted(settings, [QUERY_UNDERSTANDING.name], {key.encode(): 1})
    understanding, _ = await answer(settings, key)
    assert (understanding.engine, understanding.degraded) == ("student", ())
    assert [call.tool for call in understanding.tool_calls] == ["refuse"]


async def test_the_shadow_reports_and_the_students_answer_is_the_one_published(settings: Settings) -> None:
    (key, value), (other, other_value) = asked(MIXED), asked(BY_NAME["criteria"])
    async with working(settings, "shadow", Reply(MIXED.answer)):
        await produce(settings, QUERIES.name, [(key.encode(), value), (other.encode(), other_value)])
        await until_counted(settings, [QUERY_UNDERSTANDING.name], {key.encode(): 1, other.encode(): 1})
        await until_counted(settings, [QUERY_SHADOW.name], {key.encode(): 1, other.encode(): 1})
    understanding, calls = await answer(settings, key)
    assert (understanding.engine, understanding.degraded) == ("student", ())
    assert {made.engine for made in calls} == {"student"}
    (record,) = await of(settings, QUERY_SHADOW.name, key)
    report = QueryShadow.model_validate_json(record.value or b"")
    assert report.student.model_dump() == understanding.model_dump(include=set(report.student.model_dump()))
    assert report.llm is not None
    assert [c.span for c in report.llm.criteria] == MIXED.spans
    assert report.agreement == agreement(report.student, report.llm)
    assert 0 < (report.first_call_s or 0) <= report.llm_s
    # The other query got an answer that is not about it.
    (record,) = await of(settings, QUERY_SHADOW.name, other)
    failed = QueryShadow.model_validate_json(record.value or b"")
    assert (failed.llm, failed.agreement, failed.failure) == (None, None, "llm_invalid")


def test_the_report_command_counts_what_is_there(settings: Settings) -> None:
    from workers.cli import app

    environment = {"KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or ""}
    result = CliRunner().invoke(app, ["shadow-report"], env=environment)
    assert result.exit_code == 0, result.output
    for expected in ("2 queries", "intent", "criteria (F1)", "llm_invalid", "50.0%"):
        assert expected in result.output


def event(recorded: Recorded, announced: tuple[bytes, ...], announce: Callable[[Output], None]) -> Event[Query]:
    record = Record(QUERIES.name, 0, 0, recorded.name.encode(), b"", (), 1_780_000_000_000)
    return Event(recorded.name, recorded.query, record, announced, announce)


class _Student:
    """Reads the same in every query."""

    tokenizer_digest = "t"

    def prepare(self, query: Query) -> SimpleNamespace:
        return SimpleNamespace(token_ids=[1], query=query)

    def decode(self, prepared: Any, outputs: Any) -> QueryReading:
        return QueryReading(
            language=Feature(value="en", confidence=1.0),
            intent=Feature(value="criteria", confidence=1.0),
            criteria=(),
            rewrite=Feature(value="jobs", confidence=1.0),
            missing=(),
            facets=(),
            stale_profile=False,
        )


class _Infer:
    model = ServedModel("query_student", "1", 8, (), frozenset(), {"digest": "d"})

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        return Inference(self.model, [{} for _ in sequences])


class _Down(_Infer):
    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        raise RetryableError("Triton is down")


INFER, DOWN = cast(Infer, _Infer()), cast(Infer, _Down())
STUDENT = cast(QueryStudent, _Student())


def parts(outcome: Outcome) -> tuple[QueryUnderstanding, list[QueryToolCall]]:
    *calls, final = [output.value for output in outcome]
    assert isinstance(final, QueryUnderstanding)
    return final, [call for call in calls if isinstance(call, QueryToolCall)]


async def test_a_further_attempt_announces_nothing_twice_and_withdraws_what_no_longer_stands() -> None:
    announced: list[bytes] = []

    def announce(output: Output) -> None:
        announced.append(output.value.model_dump_json().encode())

    async def attempt(text: str) -> tuple[QueryUnderstanding, list[QueryToolCall]]:
        events = [event(MIXED, tuple(announced), announce)]
        (outcome,) = await queries.handle_by_llm(events, INFER, STUDENT, engine_of([text]), {})
        return parts(outcome)

    first, first_calls = await attempt(MIXED.answer)
    again, again_calls = await attempt(MIXED.answer)
    assert (first, first_calls) == (again, again_calls)
    assert len(announced) == 2
    other = json.loads(MIXED.answer)
    other["tool_calls"][1]["rewrite"] = "cabinet maker jobs in Dundee"
    third, third_calls = await attempt(json.dumps(other))
    assert len(announced) == 3
    # All that ever went out, in order; the understanding names those that stand.
    assert third_calls[:2] == first_calls
    assert [call.id for call in third.tool_calls] == ["mixed:0:0", "mixed:0:2"]


async def test_while_the_student_is_out_of_reach_the_llm_is_asked_once() -> None:
    asked: list[str] = []

    class Engine:
        model = "llm"

        async def read(self, query: Query, dispatch: Callable[[Any], None]) -> None:
            asked.append(query.id)
            raise UnavailableError("so that the student is asked")

    answers: dict[str, queries.LlmAnswer] = {}
    events = [event(MIXED, (), lambda _: None)]
    llm = cast(LlmEngine, Engine())
    with pytest.raises(RetryableError):
        await queries.handle_by_llm(events, DOWN, STUDENT, llm, answers)
    (outcome,) = await queries.handle_by_llm(events, INFER, STUDENT, llm, answers)
    assert asked == [MIXED.name]
    assert parts(outcome)[0].degraded == ("llm_unavailable",)
    assert answers == {}


async def test_one_querys_failure_ends_the_others_before_they_announce_more() -> None:
    going_on = asyncio.Event()

    class Engine:
        async def read(self, query: Query, dispatch: Callable[[Any], None]) -> None:
            if query.id == MIXED.name:
                raise UnavailableError("so that the student is asked")
            try:
                await asyncio.Event().wait()
            finally:
                going_on.set()

    events = [event(BY_NAME[name], (), lambda _: None) for name in ("criteria", "mixed")]
    with pytest.raises(RetryableError):
        await queries.handle_by_llm(events, DOWN, STUDENT, cast(LlmEngine, Engine()), {})
    assert going_on.is_set()


async def test_what_an_llm_announced_stands_beside_the_students_calls_when_no_llm_is_asked_any_more() -> None:
    announced: list[bytes] = []
    events = [event(MIXED, (), lambda output: announced.append(output.value.model_dump_json().encode()))]
    await queries.handle_by_llm(events, INFER, STUDENT, engine_of([MIXED.answer]), {})
    (outcome,) = await queries.handle([event(MIXED, tuple(announced), lambda _: None)], INFER, STUDENT)
    final, calls = parts(outcome)
    assert [call.call.id for call in calls] == [f"mixed:0:{number}" for number in range(3)]
    assert [call.engine for call in calls] == ["llm", "llm", "student"]
    assert [call.id for call in final.tool_calls] == ["mixed:0:2"]
