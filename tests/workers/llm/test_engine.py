"""The engine over real HTTP, against the local server and its faults."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from tests.support.llm import BY_NAME, RECORDED, Recorded, chunked, engine_of, normaliser
from topics.queries import ToolCall
from workers.errors import FatalError
from workers.llm import client, engine, local, prompt
from workers.llm.engine import LlmEngine, Understood
from workers.llm.errors import (
    BusyError,
    LlmError,
    MalformedError,
    TimedOutError,
    TooLargeError,
    TruncatedError,
    UnavailableError,
)
from workers.llm.local import Reply
from workers.settings import Settings

MIXED = BY_NAME["mixed"]
# Long enough for a slow machine, short enough to be waited for.
SOON_S = 0.4


def settings_of(url: str, **settings: Any) -> Settings:
    known: dict[str, Any] = {"llm_url": url, "llm_model": "tiny", "llm_deadline_s": 20.0}
    return Settings(**known | settings)


@asynccontextmanager
async def answered(reply: Reply, **settings: Any) -> AsyncIterator[tuple[LlmEngine, list[Mapping[str, Any]]]]:
    """An engine whose endpoint answers each request so, and the requests that it gets."""
    requests: list[Mapping[str, Any]] = []

    async def replies(request: Mapping[str, Any]) -> Reply:
        requests.append(request)
        return reply

    async with local.serve(replies) as url, engine.connect(settings_of(url, **settings), normaliser()) as llm:
        yield llm, requests


async def read(llm: LlmEngine, recorded: Recorded = MIXED) -> tuple[list[ToolCall], Understood | LlmError]:
    calls: list[ToolCall] = []
    try:
        return calls, await llm.read(recorded.query, calls.append)
    except LlmError as error:
        return calls, error


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("talentstream_llm_answers_total", {"result": result}) or 0.0


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: r.name)
async def test_each_recorded_answer_is_read(recorded: Recorded) -> None:
    async with answered(Reply(recorded.answer)) as (llm, _):
        calls, understood = await read(llm, recorded)
    assert isinstance(understood, Understood)
    assert understood.degraded == ()
    assert [call.tool for call in calls] == recorded.tools
    assert [c.span for c in understood.reading.criteria] == recorded.spans


async def test_the_request_is_what_such_endpoints_take() -> None:
    async with answered(Reply(MIXED.answer)) as (llm, requests):
        await read(llm)
    (request,) = requests
    assert request["messages"] == prompt.messages(MIXED.query)
    assert (request["model"], request["stream"], request["temperature"]) == ("tiny", True, 0)
    assert request["response_format"]["json_schema"]["schema"]["required"][0] == "intent"
    async with answered(Reply(MIXED.answer), llm_guided=False) as (llm, requests):
        await read(llm)
    assert "response_format" not in requests[0]


async def test_a_call_is_dispatched_while_the_rest_is_still_to_come() -> None:
    whole = MIXED.answer.index("}") + 1  # of the first call
    reply = Reply(MIXED.answer, stall_after=whole + 1)
    async with answered(reply, llm_deadline_s=60.0) as (llm, _):
        dispatched: asyncio.Queue[ToolCall] = asyncio.Queue()
        reading = asyncio.create_task(llm.read(MIXED.query, dispatched.put_nowait))
        assert (await asyncio.wait_for(dispatched.get(), 20)).tool == "load_profile"
        assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


@pytest.mark.parametrize("name", ["mixed", "navigational-fr-no-company"])
async def test_cut_at_every_byte_of_the_connection(name: str) -> None:
    """What was dispatched is the beginning of what the whole would dispatch; the reading is the whole's, or none."""
    recorded = BY_NAME[name]
    async with answered(Reply(recorded.answer)) as (llm, _):
        all_calls, whole = await read(llm, recorded)
    assert isinstance(whole, Understood)
    cuts = iter(range(len(recorded.answer)))

    async def replies(_: Mapping[str, Any]) -> Reply:
        return Reply(recorded.answer, cut_after=next(cuts))

    read_whole = 0
    async with local.serve(replies) as url, engine.connect(settings_of(url), normaliser()) as llm:
        for _ in recorded.answer:
            calls, outcome = await read(llm, recorded)
            assert calls == all_calls[: len(calls)]
            if len(calls) == len(all_calls):
                read_whole += 1
                assert isinstance(outcome, Understood)
                assert outcome.degraded == (UnavailableError.reason,)
                same = {"criteria", "rewrite", "missing", "intent", "profile_fields", "stale_profile"}
                assert outcome.reading.model_dump(include=same) == whole.reading.model_dump(include=same)
            else:
                assert isinstance(outcome, UnavailableError)
    assert 0 < read_whole < len(recorded.answer)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: r.name)
async def test_each_recorded_answer_cut_at_every_character(recorded: Recorded) -> None:
    all_calls, _ = await read(engine_of([recorded.answer]), recorded)
    for cut in range(len(recorded.answer)):
        calls, outcome = await read(engine_of(chunked(recorded.answer[:cut], 3)), recorded)
        assert calls == all_calls[: len(calls)]
        if isinstance(outcome, Understood):
            assert calls == all_calls
        else:
            assert isinstance(outcome, TruncatedError)
            assert len(calls) < len(all_calls)


def events(*texts: str) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


WHOLE = events(MIXED.answer)
FAULTS = [
    pytest.param(Reply(status=500), UnavailableError, id="500"),
    pytest.param(Reply(status=401), UnavailableError, id="401"),
    pytest.param(Reply(status=302), UnavailableError, id="redirect"),
    pytest.param(Reply(raw=b""), TruncatedError, id="nothing"),
    pytest.param(Reply(raw=b"<html>502</html>"), TruncatedError, id="a page"),
    pytest.param(Reply(raw=b"data: <html>\n\n"), MalformedError, id="no JSON in the events"),
    pytest.param(Reply(raw=b"data: [1, 2]\n\n"), MalformedError, id="other JSON in the events"),
    pytest.param(Reply(raw=b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'), MalformedError, id="UTF-8"),
    pytest.param(Reply(raw=b'data: {"error": {"code": 400}}\n\n'), UnavailableError, id="an error in the stream"),
    pytest.param(Reply(raw=b'data: {"choices": []}\n\ndata: [DONE]\n\n'), TruncatedError, id="no choice"),
    pytest.param(Reply(raw=gzip.compress(WHOLE)), TruncatedError, id="compressed unasked"),
    pytest.param(Reply(raw=b"data: " + b"x" * client.MAX_LINE_BYTES * 2), TooLargeError, id="a line without end"),
    pytest.param(Reply(raw=b": ping\n" * (client.MAX_STREAM_BYTES // 6)), TooLargeError, id="comments without end"),
    pytest.param(Reply("x" * 20_000), TooLargeError, id="chatter without end"),
    pytest.param(Reply("I can't help with that."), TruncatedError, id="no object"),
    pytest.param(Reply("{'intent': 'criteria'}"), MalformedError, id="Python in place of JSON"),
    pytest.param(Reply(MIXED.answer[:60], finish="length"), TruncatedError, id="length"),
    pytest.param(Reply(MIXED.answer[:60], finish="content_filter"), TruncatedError, id="filtered"),
]


@pytest.mark.parametrize(("reply", "error"), FAULTS)
async def test_each_fault_has_its_error_and_is_counted(reply: Reply, error: type[LlmError]) -> None:
    before = counted(error.reason)
    async with answered(reply) as (llm, _):
        calls, outcome = await read(llm)
    assert type(outcome) is error
    assert calls == []
    assert counted(error.reason) == before + 1
    assert MIXED.query.text not in str(outcome)


async def test_events_cut_at_every_byte_are_read_as_far_as_they_are_whole() -> None:
    raw = events(*chunked(MIXED.answer, 60))
    all_calls, _ = await read(engine_of([MIXED.answer]))
    cuts = iter(range(len(raw)))

    async def replies(_: Mapping[str, Any]) -> Reply:
        return Reply(raw=raw[: next(cuts)])

    async with local.serve(replies) as url, engine.connect(settings_of(url), normaliser()) as llm:
        for _ in raw:
            calls, outcome = await read(llm)
            assert calls == all_calls[: len(calls)]
            assert isinstance(outcome, Understood) is (len(calls) == len(all_calls))


RAW = [
    pytest.param(WHOLE.replace(b"\n", b"\r\n"), id="CRLF"),
    pytest.param(b": ping\n\nevent: message\n" + WHOLE.replace(b"data: ", b"data:") + b"data: [DONE]\n\n", id="forms"),
    pytest.param(events("Sure.\n", *chunked(MIXED.answer, 1)), id="character by character"),
    pytest.param(WHOLE.removesuffix(b"\n\n"), id="no line end at the end"),
    pytest.param(
        b'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n\n' + WHOLE, id="role first"
    ),
]


@pytest.mark.parametrize("raw", RAW)
async def test_every_form_of_the_stream_is_read(raw: bytes) -> None:
    async with answered(Reply(raw=raw)) as (llm, _):
        calls, outcome = await read(llm)
    assert isinstance(outcome, Understood)
    assert [call.tool for call in calls] == MIXED.tools


SLOW = [
    pytest.param(Reply(MIXED.answer, first_token_s=3600), 0, id="no first token"),
    pytest.param(Reply(MIXED.answer, stall_after=30), 0, id="stalls before a call"),
    pytest.param(Reply(MIXED.answer, stall_after=MIXED.answer.index("}") + 2), 1, id="stalls after a call"),
    pytest.param(Reply(MIXED.answer + " " * 4000, token_s=0.05), None, id="drips"),
]


@pytest.mark.parametrize(("reply", "dispatched"), SLOW)
async def test_past_the_deadline_there_is_an_error_and_what_was_dispatched_stands(
    reply: Reply, dispatched: int | None
) -> None:
    async with answered(reply, llm_deadline_s=SOON_S) as (llm, _):
        calls, outcome = await read(llm)
    assert isinstance(outcome, TimedOutError)
    assert dispatched in (None, len(calls))


async def test_a_stall_after_the_last_call_costs_the_facets_alone() -> None:
    recorded = BY_NAME["criteria"]
    reply = Reply(recorded.answer, stall_after=recorded.answer.index('"facets"'))
    async with answered(reply, llm_deadline_s=SOON_S) as (llm, _):
        calls, outcome = await read(llm, recorded)
    assert isinstance(outcome, Understood)
    assert [call.tool for call in calls] == recorded.tools
    assert (outcome.degraded, outcome.reading.facets) == ((TimedOutError.reason,), ())


async def test_no_more_answers_are_under_way_than_allowed_and_the_wait_counts() -> None:
    at_once = most = 0
    full, release = asyncio.Event(), asyncio.Event()

    async def replies(_: Mapping[str, Any]) -> Reply:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 2:
            full.set()
        await release.wait()
        at_once -= 1
        return Reply(MIXED.answer)

    async with local.serve(replies) as url, engine.connect(settings_of(url, llm_concurrency=2), normaliser()) as llm:
        reading = [asyncio.create_task(read(llm)) for _ in range(6)]
        await asyncio.wait_for(full.wait(), 20)
        release.set()
        assert all(isinstance(outcome, Understood) for _, outcome in await asyncio.gather(*reading))
    assert most == 2
    settings = {"llm_concurrency": 1, "llm_deadline_s": SOON_S}
    async with answered(Reply(first_token_s=3600), **settings) as (llm, _):
        outcomes = [outcome for _, outcome in await asyncio.gather(*[read(llm) for _ in range(3)])]
    assert {type(outcome) for outcome in outcomes} == {TimedOutError, BusyError}


async def test_an_endpoint_that_is_not_there_is_unavailable_at_once() -> None:
    async with engine.connect(settings_of("http://127.0.0.1:9/v1"), normaliser()) as llm:
        _, outcome = await read(llm)
    assert isinstance(outcome, UnavailableError)


async def test_the_token_is_sent_and_never_told(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        sent.append(request)

    settings = settings_of("http://127.0.0.1:9/v1", llm_token=SecretStr("hush-hush"))
    with caplog.at_level(logging.DEBUG):
        async with client.connect(settings) as llm:
            llm._http.event_hooks["request"].append(note)
            with pytest.raises(UnavailableError) as error:
                await anext(llm.stream([]))
    assert sent[0].headers["authorization"] == "Bearer hush-hush"
    assert "hush-hush" not in caplog.text + str(error.value) + repr(settings)


@pytest.mark.parametrize("settings", [{}, {"llm_url": "http://x/v1"}, {"llm_model": "m"}])
async def test_an_engine_without_an_address_or_a_model_is_fatal(settings: dict[str, Any]) -> None:
    with pytest.raises(FatalError, match="TALENTSTREAM_LLM_URL"):
        async with client.connect(Settings(**settings)):
            pass
    with pytest.raises(ValueError, match="TALENTSTREAM_LLM_URL"):
        Settings(query_engine="llm", **settings)


@pytest.mark.parametrize("url", ["ftp://x", "http://user:hush@x/v1", "http://x/v1?key=hush", "x:8000"])
def test_an_address_that_is_none_or_holds_a_secret_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="llm_url") as error:
        Settings(llm_url=url)
    assert "hush" not in str(error.value)


async def test_the_published_pace_comes_from_a_process_that_ends_with_us() -> None:
    async with local.published() as url, engine.connect(settings_of(url), normaliser()) as llm:
        calls, outcome = await read(llm)
    assert isinstance(outcome, Understood)
    assert [call.tool for call in calls] == ["search_jobs"]
    async with engine.connect(settings_of(url), normaliser()) as llm:
        assert isinstance((await read(llm))[1], UnavailableError)
