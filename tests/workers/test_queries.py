"""What the queries worker makes of a reading: the plan, its ids, the records; and what a person is shown of it."""

import io
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from models.queries.student import QueryStudent
from topics.catalogue import QUERIES_FLOW, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from topics.fields import Feature
from topics.queries import Criterion, Facet, Intent, Profile, ProfileField, Query, QueryReading
from workers import ask, queries
from workers.delivery import Event, Record
from workers.inference import Inference, ServedModel
from workers.queries import plan

LEEDS = Criterion(type="location", span="leeds", start=9, end=14, value="Leeds", negated=False, confidence=0.9)
ACME = Criterion(type="company", span="acme", start=0, end=4, value="Acme", negated=False, confidence=0.9)
SALES = Criterion(type="industry", span="sales", start=18, end=23, value="sales", negated=True, confidence=0.6)
NOON_MS = 1_764_158_400_000  # 2025-11-26


def reading(intent: Intent, *criteria: Criterion, needs: tuple[ProfileField, ...] = (), **more: Any) -> QueryReading:
    return QueryReading(
        language=Feature(value="en", confidence=0.9),
        intent=Feature(value=intent, confidence=0.9),
        criteria=criteria,
        rewrite=Feature(value="" if intent == "out_of_scope" else "jobs in Leeds", confidence=0.8),
        profile_fields=needs,
        **{"missing": (), "facets": (), "stale_profile": False} | more,
    )


def calls(read: QueryReading) -> list[dict[str, Any]]:
    made = plan(Query(id="q", version=4, text="x"), read)
    assert [call.id for call in made] == [f"q:4:{number}" for number in range(len(made))]
    return [{call.tool: call.arguments.model_dump(mode="json")} for call in made]


def test_criteria_are_searched_for() -> None:
    (call,) = calls(reading("criteria", LEEDS, SALES))
    assert call["search_jobs"]["rewrite"] == "jobs in Leeds"
    assert [c["value"] for c in call["search_jobs"]["criteria"]] == ["Leeds", "sales"]


@pytest.mark.parametrize("intent", ["self_reference", "mixed"])
def test_what_draws_on_the_profile_loads_it_first(intent: Intent) -> None:
    load, search = calls(reading(intent, LEEDS, needs=("title", "skills"), missing=("skills",)))
    assert load == {"load_profile": {"fields": ["title", "skills"]}}
    assert list(search) == ["search_jobs"]


def test_a_page_is_opened() -> None:
    assert calls(reading("navigational", ACME)) == [{"open_company": {"company": "Acme", "page": "jobs in Leeds"}}]
    not_acme = ACME.model_copy(update={"negated": True})
    assert calls(reading("navigational", not_acme, LEEDS))[0]["open_company"]["company"] is None


def test_what_is_no_job_search_is_refused() -> None:
    assert calls(reading("out_of_scope")) == [{"refuse": {"reason": "out_of_scope"}}]


class Student:
    """Reads in each query what it was told to; `asked` are the queries it was given."""

    name = "query_student"
    tokenizer_digest = "t"

    def __init__(self, *readings: QueryReading) -> None:
        self.asked: list[Query] = []
        self._readings = iter(readings)

    def prepare(self, query: Query) -> Any:
        self.asked.append(query)
        return type("Prepared", (), {"token_ids": [1, len(self.asked)]})

    def decode(self, prepared: Any, outputs: Any) -> QueryReading:
        assert outputs["query_probs"] == prepared.token_ids[1]
        return next(self._readings)


class Infer:
    model = ServedModel("query_student", "3", 8, ("query_probs",), frozenset(), {"digest": "abc"})

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        return Inference(self.model, [{"query_probs": np.float32(ids[1])} for ids in sequences])  # type: ignore[dict-item]


def event(key: str, **fields: Any) -> Event[Query]:
    return Event(
        key, Query(id=key, text="jobs for me", **fields), Record("queries.v1", 0, 7, key.encode(), b"", (), NOON_MS)
    )


async def test_each_query_is_answered_in_order_its_tool_calls_first() -> None:
    student: Any = Student(reading("mixed", LEEDS, needs=("title",)), reading("out_of_scope"))
    outcomes = await queries.handle([event("a"), event("b")], Infer(), student)
    assert [[output.topic for output in outcome] for outcome in outcomes] == [
        [QUERY_TOOL_CALLS, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING],
        [QUERY_TOOL_CALLS, QUERY_UNDERSTANDING],
    ]
    for key, outcome in zip(("a", "b"), outcomes, strict=True):
        *published, whole = (json.loads(output.value.model_dump_json()) for output in outcome)
        assert {output.key for output in outcome} == {key}
        assert [call["call"] for call in published] == whole["tool_calls"]
        assert (whole["id"], whole["lineage"]["model_version"]) == (key, "3-abc")


async def test_a_query_is_of_the_record_s_day_unless_it_names_one() -> None:
    student: Any = Student(reading("criteria"), reading("criteria"))
    await queries.handle([event("a"), event("b", asked_on=date(2020, 2, 29))], Infer(), student)
    assert [query.asked_on for query in student.asked] == [date(2025, 11, 26), date(2020, 2, 29)]


def test_the_worker_waits_for_no_mates() -> None:
    assert queries.DEFAULTS["batch_wait_s"] == 0.0
    assert QUERIES_FLOW.worker == queries.NAME
    assert QueryStudent.name == Student.name


async def test_a_person_sees_the_spans_in_colour_and_what_is_missing() -> None:
    read = reading(
        "mixed",
        LEEDS,
        SALES,
        needs=("title", "skills"),
        missing=("skills",),
        stale_profile=True,
        facets=(Facet(type="schedule", value="nights", confidence=0.5),),
    )
    student: Any = Student(read)
    text = "near me, leeds no sales"
    query = Query(id="ask", text=text, profile=Profile(updated_at=date(2020, 1, 1)))
    (understanding,) = await queries.understand([query], Infer(), student)
    printed = io.StringIO()
    ask.show(text, understanding, Console(file=printed, width=100, force_terminal=True, color_system="standard"))
    shown = printed.getvalue()
    assert "\x1b[30;43mleeds\x1b[0m" in shown, "a location is black on yellow"
    assert "\x1b[9;" in shown, "what is not wanted is struck out"
    plain = io.StringIO()
    ask.show(text, understanding, Console(file=plain, width=100))
    for expected in (text, "jobs in Leeds", "not sales", "missing", "older than two years", "schedule: nights"):
        assert expected in plain.getvalue()
    assert 'load_profile({"fields":["title","skills"]})' in plain.getvalue()
