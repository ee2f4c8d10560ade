import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from topics.catalogue import DEAD_LETTERS, POSTING_FEATURES, POSTINGS, POSTINGS_FLOW, POSTINGS_LEDGER, REJECTIONS
from topics.envelope import header
from topics.rejections import DEAD_LETTER_HEADERS
from workers.delivery import Event, Outcome, Output, Record, Worker
from workers.delivery.ledger import Ledger
from workers.delivery.messages import Message
from workers.delivery.process import process
from workers.errors import FatalError, PoisonError, RetryableError

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Echo(BaseModel):
    """Stands for features where only delivery is under test."""

    id: str


class Handler:
    """Answers each event, fails as told on some bodies, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, events: Sequence[Event[Any]]) -> list[Outcome]:
        self.batches.append([event.key for event in events])
        for event in events:
            match event.value.body:
                case "poison":
                    raise PoisonError("contains jane@example.com")
                case "bug":
                    raise ZeroDivisionError
                case "down":
                    raise RetryableError("down")
                case "misconfigured":
                    raise FatalError("no")
        return [(Output(POSTING_FEATURES, event.key, Echo(id=event.key)),) for event in events]


def record(offset: int, body: str | None, key: bytes | None = None) -> Record:
    key = key or f"p{offset}".encode()
    value = None if body is None else json.dumps({"id": f"p{offset}", "body": body}).encode()
    return Record(POSTINGS.name, 3, offset, key, value, (("ce_id", b"e1"), TRACE), 1_700_000_000_000)


async def run(records: Sequence[Record], handler: Handler | None = None) -> list[Message]:
    """Messages for others; the ledger's are tested in test_delivery_ledger.py."""
    worker = Worker(POSTINGS_FLOW, handler or Handler(), lambda: "test")
    answers = await process(worker, records, Ledger(), timeout_s=5)
    return [m for m in answers.messages if m.topic != POSTINGS_LEDGER.name]


async def test_each_input_gives_its_outputs_in_order() -> None:
    messages = await run([record(i, "ok") for i in range(5)])
    assert [m.topic for m in messages] == [POSTING_FEATURES.name] * 5
    assert [m.key for m in messages] == [b"p0", b"p1", b"p2", b"p3", b"p4"]


async def test_headers_carry_the_trace_and_ids_repeat_on_replay() -> None:
    first, again, other = [await run([record(offset, "ok")]) for offset in (0, 0, 1)]
    assert first == again
    headers = first[0].headers
    assert header(headers, "ce_type") == POSTING_FEATURES.event_type
    assert header(headers, "ce_subject") == "p0"
    assert header(headers, "ce_time") == "2023-11-14T22:13:20.000Z"
    assert TRACE in headers
    assert header(headers, "ce_id") != header(other[0].headers, "ce_id")


async def test_tombstone_in_tombstone_out() -> None:
    (message,) = await run([record(0, None)])
    assert (message.topic, message.key, message.value) == (POSTING_FEATURES.name, b"p0", None)


async def test_bad_input_is_rejected_between_good_ones() -> None:
    bad = Record(POSTINGS.name, 3, 1, b"p1", b"{}", (), 0)
    messages = await run([record(0, "ok"), bad, record(2, "ok")])
    assert [m.topic for m in messages] == [POSTING_FEATURES.name, REJECTIONS.name, POSTING_FEATURES.name]
    rejection = json.loads(messages[1].value or b"")
    assert messages[1].key == b"p1"
    assert (rejection["key"], rejection["topic"], rejection["partition"], rejection["offset"]) == (
        "p1",
        "postings.v1",
        3,
        1,
    )
    assert rejection["code"] == "missing"
    assert [error["field"] for error in rejection["errors"]] == ["id", "body"]


async def test_record_without_key_and_value_is_rejected() -> None:
    (message,) = await run([Record(POSTINGS.name, 3, 0, None, None, (), 0)])
    assert (message.topic, message.key) == (REJECTIONS.name, None)
    assert json.loads(message.value or b"")["errors"][0]["field"] == "$key"


@pytest.mark.parametrize(
    ("body", "name"), [("poison", "workers.errors.PoisonError"), ("bug", "builtins.ZeroDivisionError")]
)
async def test_poison_is_found_by_halving_and_dead_lettered_with_its_bytes(body: str, name: str) -> None:
    handler = Handler()
    records = [record(i, body if i == 5 else "ok") for i in range(8)]
    messages = await run(records, handler)
    by_key = {m.key: m for m in messages if m.topic == POSTING_FEATURES.name}
    assert by_key.keys() == {f"p{i}".encode() for i in range(8)} - {b"p5"}
    rejection, dead_letter = (m for m in messages if m.topic != POSTING_FEATURES.name)
    assert json.loads(rejection.value or b"")["code"] == "processing_failed"
    assert (dead_letter.topic, dead_letter.key, dead_letter.value) == (DEAD_LETTERS.name, b"p5", records[5].value)
    assert dict(dead_letter.headers).keys() >= set(DEAD_LETTER_HEADERS)
    assert header(dead_letter.headers, DEAD_LETTER_HEADERS[0]) == name
    assert [header(dead_letter.headers, n) for n in DEAD_LETTER_HEADERS[3:]] == ["postings.v1", "3", "5"]
    assert header(dead_letter.headers, "ce_id") == "e1"
    # The whole, then halves: everything else is handled in as large a batch as the fault allows.
    assert [len(batch) for batch in handler.batches] == [8, 4, 4, 2, 1, 1, 2]


async def test_what_failed_is_not_quoted_to_the_producer_or_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    messages = await run([record(0, "poison")])
    rejection = next(m for m in messages if m.topic == REJECTIONS.name)
    assert b"jane" not in (rejection.value or b"")
    captured = capsys.readouterr()
    assert "jane" not in captured.out + captured.err


@pytest.mark.parametrize(("body", "error"), [("down", RetryableError), ("misconfigured", FatalError)])
async def test_outage_and_misconfiguration_are_not_the_events_fault(body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await run([record(0, "ok"), record(1, body)])


async def test_handler_that_loses_an_event_is_fatal() -> None:
    async def forgetful(events: Sequence[Event[Any]]) -> list[Outcome]:
        return []

    with pytest.raises(FatalError, match="0 outcomes for 1 events"):
        await process(Worker(POSTINGS_FLOW, forgetful, lambda: "test"), [record(0, "ok")], Ledger(), timeout_s=5)
