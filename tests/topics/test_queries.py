"""The contract of queries: what is taken, what is refused by field, and what every tool call looks like."""

import json
from datetime import date

import pytest
from pydantic import TypeAdapter, ValidationError

from topics.catalogue import FLOWS, QUERIES, QUERIES_FLOW, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from topics.queries import MAX_PROFILE_SKILLS, MAX_QUERY_CHARS, Profile, Query, ToolCall, call_id
from topics.validation import InvalidEventError, parse

CALLS: TypeAdapter[ToolCall] = TypeAdapter(ToolCall)
PROFILE = {"title": "Nurse", "skills": ["triage"], "location": None, "seniority": "mid", "updated_at": "2026-01-31"}


def query(**fields: object) -> bytes:
    return json.dumps({"id": "q1"} | fields).encode()


def test_a_query_with_and_without_profile() -> None:
    assert parse(QUERIES, b"q1", query(text="nurse", profile=None, shoe_size=4)) == Query(id="q1", text="nurse")
    full = parse(
        QUERIES, b"q1", query(text="nurse", locale="fr-CA", profile=PROFILE | {"age": 30}, asked_on="2026-11-26")
    )
    assert full == Query(
        id="q1",
        text="nurse",
        locale="fr-CA",
        profile=Profile(title="Nurse", skills=("triage",), seniority="mid", updated_at=date(2026, 1, 31)),
        asked_on=date(2026, 11, 26),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(query(), ("missing", "text"), id="no text"),
        pytest.param(query(text=""), ("invalid", "text"), id="empty"),
        pytest.param(query(text=" \n\t"), ("invalid", "text"), id="white space"),
        pytest.param(query(text="x" * (MAX_QUERY_CHARS + 1)), ("too_large", "text"), id="long"),
        pytest.param(query(text={"text": "x"}), ("invalid", "text"), id="an object"),
        pytest.param(query(text="x", locale="french please"), ("invalid", "locale"), id="bad locale"),
        pytest.param(query(text="x", profile={"title": "x"}), ("missing", "profile.updated_at"), id="ageless profile"),
        pytest.param(query(text="x", profile="nurse"), ("invalid", "profile"), id="profile in words"),
        pytest.param(
            query(text="x", profile=PROFILE | {"updated_at": "yesterday"}),
            ("invalid", "profile.updated_at"),
            id="no date",
        ),
        pytest.param(
            query(text="x", profile=PROFILE | {"skills": ["x"] * (MAX_PROFILE_SKILLS + 1)}),
            ("too_large", "profile.skills"),
            id="many skills",
        ),
    ],
)
def test_bad_queries_are_refused_by_field(value: bytes, expected: tuple[str, str]) -> None:
    with pytest.raises(InvalidEventError) as caught:
        parse(QUERIES, b"q1", value)
    assert [(error.code, error.field) for error in caught.value.errors] == [expected]
    assert "nurse" not in str(caught.value.errors).lower()


def test_the_content_hash_is_of_all_that_the_reading_depends_on() -> None:
    one = Query(id="q1", text="nurse")
    same = Query(id="q2", version=3, text="nurse", asked_on=date(2026, 11, 26))
    assert one.content_hash == same.content_hash, "no profile, no age of it"
    profile = Profile(updated_at=date(2026, 1, 31))
    others = [
        Query(id="q1", text="nurses"),
        Query(id="q1", text="nurse", locale="en"),
        Query(id="q1", text="nurse", profile=profile),
        Query(id="q1", text="nurse", profile=profile, asked_on=date(2026, 11, 26)),
    ]
    assert len({one.content_hash, *(other.content_hash for other in others)}) == 5


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_jobs", {"rewrite": "nurse jobs", "criteria": []}),
        ("load_profile", {"fields": ["skills", "location"]}),
        ("open_company", {"company": "Siemens", "page": "Siemens careers"}),
        ("refuse", {"reason": "out_of_scope"}),
    ],
)
def test_the_tool_tells_the_arguments(tool: str, arguments: dict[str, object]) -> None:
    value = {"id": call_id("q1", 0, 1), "tool": tool, "arguments": arguments}
    assert CALLS.validate_python(value).tool == tool
    for wrong in (value | {"tool": "drop_tables"}, value | {"arguments": {"order": "x"}}, value | {"also": 1}):
        with pytest.raises(ValidationError):
            CALLS.validate_python(wrong)


def test_each_query_stands_for_itself() -> None:
    assert QUERIES_FLOW in FLOWS
    assert QUERIES_FLOW.ledger is None
    assert QUERIES.partitions == QUERY_UNDERSTANDING.partitions == QUERY_TOOL_CALLS.partitions
    for topic in (QUERIES, QUERY_UNDERSTANDING, QUERY_TOOL_CALLS):
        assert not topic.compacted
        assert topic.retention_ms is not None
