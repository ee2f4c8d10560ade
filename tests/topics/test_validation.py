import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.catalogue import INPUT_MAX_BYTES, POSTINGS
from topics.envelope import encode, input_headers
from topics.postings import MAX_BODY_CHARS, Posting
from topics.validation import InvalidEventError, parse


def posting(**fields: object) -> bytes:
    return json.dumps({"id": "p1", "version": 3, "title": "Cook", "body": "We cook."} | fields).encode()


def refusal(
    value: bytes, key: bytes | None = b"p1", headers: tuple[tuple[str, bytes], ...] = ()
) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEventError) as caught:
        parse(POSTINGS, key, value, headers)
    return [(error.code, error.field) for error in caught.value.errors]


def test_valid_posting_with_and_without_headers() -> None:
    event = parse(POSTINGS, b"p1", posting(), input_headers(POSTINGS, event_id="e", source="/board"))
    assert event == parse(POSTINGS, b"p1", posting())
    assert isinstance(event, Posting)
    assert (event.id, event.version, event.body) == ("p1", 3, "We cook.")


def test_unknown_keys_are_ignored_so_boards_may_send_more() -> None:
    assert parse(POSTINGS, b"p1", posting(salary_note="x")) == parse(POSTINGS, b"p1", posting())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"\xff\xfe", [("invalid_encoding", "$value")], id="not UTF-8"),
        pytest.param(b"{", [("invalid_json", "$value")], id="not JSON"),
        pytest.param(b"", [("invalid_json", "$value")], id="empty"),
        pytest.param(b"[]", [("invalid", "$value")], id="not an object"),
        pytest.param(b"null", [("invalid", "$value")], id="JSON null"),
        pytest.param(b'{"id": "p1"}', [("missing", "body")], id="no body"),
        pytest.param(b'{"body": "x"}', [("missing", "id")], id="no id"),
        pytest.param(posting(body=None), [("invalid", "body")], id="null body"),
        pytest.param(posting(id=7), [("invalid", "id")], id="id of the wrong type"),
        pytest.param(posting(id=""), [("invalid", "id")], id="empty id"),
        pytest.param(posting(version="3"), [("invalid", "version")], id="version of the wrong type"),
        pytest.param(posting(version=-1), [("invalid", "version")], id="negative version"),
        pytest.param(posting(title=[], body=1), [("invalid", "title"), ("invalid", "body")], id="two wrong fields"),
        pytest.param(posting(posted_at="yesterday"), [("invalid", "posted_at")], id="bad date"),
        pytest.param(posting(language="english"), [("invalid", "language")], id="bad language"),
        pytest.param(posting(body="x" * (MAX_BODY_CHARS + 1)), [("too_large", "body")], id="long body"),
        pytest.param(posting(body="x" * 10_000_000), [("too_large", "$value")], id="10 MB body"),
        pytest.param(b'{"id": "p1", "body": ' + b"[" * 10_000, [("too_deep", "$value")], id="10,000 levels"),
        pytest.param(b'{"id": "p1", "body": "\x01"}', [("invalid_json", "$value")], id="raw control character"),
        pytest.param(b'{"id": "p1", "body": "\\ud800"}', [("invalid_json", "$value")], id="lone surrogate"),
    ],
)
def test_bad_values_name_the_field(value: bytes, expected: list[tuple[str, str]]) -> None:
    assert refusal(value) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [(None, ("missing", "$key")), (b"\xff", ("invalid_encoding", "$key")), (b"p2", ("key_mismatch", "id"))],
)
def test_bad_keys(key: bytes | None, expected: tuple[str, str]) -> None:
    assert refusal(posting(), key=key) == [expected]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ce_specversion", b"2.0", "unsupported_version"),
        ("ce_type", b"talentstream.posting.v9", "unsupported_version"),
        ("content-type", b"application/avro", "invalid"),
    ],
)
def test_headers_of_another_contract(name: str, value: bytes, code: str) -> None:
    assert refusal(posting(), headers=((name, value),)) == [(code, name)]


def test_messages_never_repeat_the_value() -> None:
    with pytest.raises(InvalidEventError) as caught:
        parse(POSTINGS, b"p1", posting(language="Jane Doe", version="jane@example.com"))
    assert "ane" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    with contextlib.suppress(InvalidEventError):
        parse(POSTINGS, b"p1", value)


@given(st.builds(Posting, id=st.just("p1"), title=st.text(max_size=20), body=st.text(max_size=50)))
def test_what_is_encoded_is_read_back(event: Posting) -> None:
    assert parse(POSTINGS, b"p1", encode(event)) == event


def test_topic_lets_oversized_events_reach_us() -> None:
    assert int(POSTINGS.config()["max.message.bytes"]) == INPUT_MAX_BYTES > 10_000_000


def test_content_hash_ignores_identity_and_company() -> None:
    one = Posting(id="a", version=1, company="A", title="t", body="b")
    assert one.content_hash == Posting(id="b", version=2, company="B", title="t", body="b").content_hash
    assert one.content_hash != Posting(id="a", version=1, title="t", location="b", body="b").content_hash
    assert one.content_hash != Posting(id="a", version=1, title="tb", body="").content_hash
