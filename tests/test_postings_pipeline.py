"""The main job end to end on real parts: postings in Kafka, features out, through Triton and Redis."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from models.postings.student import Student
from models.titles.student import TitleStudent
from tests.support.streams import produce, read_all, until_answered, until_counted
from topics.catalogue import DEAD_LETTERS, POSTING_FEATURES, POSTINGS, REJECTIONS
from topics.envelope import header
from topics.generate import json_schema
from topics.postings import PostingFeatures
from workers import postings
from workers.demo import POSTINGS_FILE
from workers.embedded import EmbeddedTriton
from workers.runtime import in_background
from workers.settings import Settings

DEMO = [(json.loads(line)["id"].encode(), line.encode()) for line in POSTINGS_FILE.read_text().splitlines()]


async def through(settings: Settings, records: list[tuple[bytes, bytes | None]]) -> dict[bytes, list[ConsumerRecord]]:
    """Publishes and runs the worker until each key is answered; all features and rejections by key."""
    before = await _answers(settings)
    expected = {key: sum(1 for k, _ in records if k == key) + len(before.get(key, [])) for key, _ in records}
    async with postings.worker(settings) as worker, in_background(worker, settings):
        await produce(settings, POSTINGS.name, records)
        await until_counted(settings, [POSTING_FEATURES.name, REJECTIONS.name], expected)
    after = await _answers(settings)
    return {key: after[key][len(before.get(key, [])) :] for key in expected}


async def _answers(settings: Settings) -> dict[bytes, list[ConsumerRecord]]:
    found: dict[bytes, list[ConsumerRecord]] = {}
    for topic in (POSTING_FEATURES, REJECTIONS):
        for record in await read_all(settings, topic.name):
            found.setdefault(record.key, []).append(record)
    return found


def inferred() -> float:
    labels = {"model": Student.name}
    return REGISTRY.get_sample_value("talentstream_inference_sequences_total", labels) or 0.0


async def test_postings_become_valid_features_with_evidence_in_their_text(settings: Settings) -> None:
    answers = await through(settings, list(DEMO))
    validator = Draft202012Validator(json_schema(POSTING_FEATURES))
    for key, value in DEMO:
        (record,) = answers[key]
        assert record.topic == POSTING_FEATURES.name
        assert list(validator.iter_errors(json.loads(record.value))) == []
        features = PostingFeatures.model_validate_json(record.value)
        assert features.id == key.decode()
        assert features.source_version == json.loads(value)["version"]
        assert Student.name in features.lineage.models
        assert header(record.headers, "ce_type") == POSTING_FEATURES.event_type
        for name in type(features).model_fields:
            feature = getattr(features, name)
            for evidence in getattr(feature, "evidence", ()):
                assert 0 <= evidence.start < evidence.end <= len(features.text or "")


def under(prefix: str, records: list[tuple[bytes, bytes]], version: int = 0) -> list[tuple[bytes, bytes]]:
    """The same postings under ids and a version of the test's own."""
    found = []
    for key, value in records:
        own = prefix + key.decode()
        found.append((own.encode(), json.dumps(json.loads(value) | {"id": own, "version": version}).encode()))
    return found


async def test_an_edit_without_new_content_costs_no_inference_and_gives_the_same_features(settings: Settings) -> None:
    first = await through(settings, [*under("edit-", DEMO[:10], 1)])
    before = inferred()
    again = await through(settings, [*under("edit-", DEMO[:10], 2)])
    assert inferred() == before
    for key, (record,) in again.items():
        (earlier,) = first[key]
        assert record.value.replace(b'"source_version":2', b'"source_version":1') == earlier.value


async def test_the_same_again_and_an_older_version_change_nothing(settings: Settings) -> None:
    older, posting, newer = (under("old-", DEMO[:1], version)[0] for version in (4, 5, 6))
    async with postings.worker(settings) as worker, in_background(worker, settings):
        await produce(settings, POSTINGS.name, [posting, posting, older, newer])
        await until_counted(settings, [POSTING_FEATURES.name], {posting[0]: 2})
    versions = [json.loads(record.value)["source_version"] for record in (await _answers(settings))[posting[0]]]
    assert versions == [5, 6]


async def test_the_same_content_under_another_id_keeps_its_own_identity(settings: Settings) -> None:
    key, value = DEMO[0]
    twin = json.loads(value) | {"id": "twin", "version": 9}
    one = json.loads((await _answers(settings))[key][0].value)
    before = inferred()
    answers = await through(settings, [(b"twin", json.dumps(twin).encode())])
    other = json.loads(answers[b"twin"][0].value)
    assert (other["id"], other["source_version"]) == ("twin", 9)
    assert one | {"id": 0, "source_version": 0} == other | {"id": 0, "source_version": 0}
    assert inferred() == before, "the first test inferred it already"


async def test_a_tombstone_removes_the_features(settings: Settings) -> None:
    ((key, value),) = under("gone-", DEMO[1:2])
    answers = await through(settings, [(key, value), (key, None)])
    assert [record.value is None for record in answers[key]] == [False, True]


GERMAN = (
    "Wir suchen zum nächstmöglichen Zeitpunkt eine erfahrene Fachkraft für unsere Werkstatt in der Innenstadt. " * 4
)
# Baking would be work at a place.
NESTED = "<div>" * 10_000 + "This is a posting." + "</div>" * 10_000

BAD = [
    pytest.param(b"\xff\xfe\x00", ("invalid_encoding", "$value"), id="invalid UTF-8"),
    pytest.param(b"{nope", ("invalid_json", "$value"), id="invalid JSON"),
    pytest.param(b'{"id": "ID", "body": 7}', ("invalid", "body"), id="wrong type"),
    pytest.param(b'{"body": "x"}', ("missing", "id"), id="no id"),
    pytest.param(b'{"id": "ID"}', ("missing", "body"), id="no body"),
    pytest.param(b'{"id": "ID", "body": "' + b"x" * 10_000_000 + b'"}', ("too_large", "$value"), id="10 MB body"),
    pytest.param(b'{"id": "ID", "body": ' + b"[" * 10_000, ("too_deep", "$value"), id="10,000 levels"),
    pytest.param(b'{"id": "ID", "body": "x", "version": "two"}', ("invalid", "version"), id="unknown version"),
]
ODD = [
    pytest.param("", id="empty text"),
    pytest.param(" \n\t ", id="white space"),
    pytest.param(GERMAN, id="unsupported language"),
    pytest.param("\x00\x01\x02\x1b[31m\u202e\ufeff", id="control characters"),
    pytest.param("<div><p>Our <b>values<p></div></i><table><tr><td>matter", id="broken HTML tree"),
    pytest.param(NESTED, id="10,000 levels of HTML"),
    pytest.param("<" * 50_000, id="only brackets"),
    pytest.param("🥖" * 1000, id="only emoji"),
    pytest.param("we bake the bread and " * 8_000, id="one endless sentence"),
]


@pytest.mark.parametrize(("value", "expected"), BAD)
async def test_bad_input_is_rejected_once_and_the_stream_goes_on(
    settings: Settings, request: pytest.FixtureRequest, value: bytes, expected: tuple[str, str]
) -> None:
    key = f"bad-{request.node.callspec.id.replace(' ', '-')}".encode()
    after = json.dumps({"id": key.decode() + "-after", "body": "We bake bread."}).encode()
    answers = await through(settings, [(key, value.replace(b"ID", key)), (key + b"-after", after)])
    (rejection,) = answers[key]
    content = json.loads(rejection.value)
    assert rejection.topic == REJECTIONS.name
    assert content["key"] == key.decode()
    assert (content["errors"][0]["code"], content["errors"][0]["field"]) == expected
    assert answers[key + b"-after"][0].topic == POSTING_FEATURES.name


@pytest.mark.parametrize("body", ODD)
async def test_odd_input_gives_features_that_claim_nothing(
    settings: Settings, request: pytest.FixtureRequest, body: str
) -> None:
    key = f"odd-{request.node.callspec.id.replace(' ', '-')}"
    answers = await through(settings, [(key.encode(), json.dumps({"id": key, "body": body}).encode())])
    (record,) = answers[key.encode()]
    assert record.topic == POSTING_FEATURES.name
    features = PostingFeatures.model_validate_json(record.value)
    assert features.work_arrangement.value == "not_stated"
    assert features.pay_period.value == "not_stated"
    assert features.education_requirement.value == "not_stated"
    assert features.degraded == (("unsupported_language",) if body == GERMAN else ())


async def test_the_title_tells_rank_and_department_where_the_text_is_not_read(settings: Settings) -> None:
    value = {"id": "german", "title": "Leiter Vertrieb (m/w/d)", "body": GERMAN}
    answers = await through(settings, [(b"german", json.dumps(value).encode())])
    features = PostingFeatures.model_validate_json(answers[b"german"][0].value)
    assert (features.seniority.value, features.department.value) == ("manager", "Sales")
    assert [(e.start, e.end) for e in features.department.evidence] == [(0, len(value["title"]))]
    assert features.department.confidence > 0
    assert TitleStudent.name in features.lineage.models


async def test_triton_is_waited_for(settings: Settings, tmp_path: Path) -> None:
    """Dead in the middle of the stream and back later: nothing lost, nothing twice, nothing dead-lettered."""
    fresh = [
        (f"wait-{i}".encode(), json.dumps({"id": f"wait-{i}", "body": f"We bake bread number {i}."}).encode())
        for i in range(60)
    ]
    async with EmbeddedTriton(tmp_path) as triton:
        own = settings.model_copy(update={"triton_url": triton.url, "inference_timeout_s": 1.0, "retry_max_s": 0.5})
        async with postings.worker(own) as worker, in_background(worker, own):
            triton.kill()
            await produce(own, POSTINGS.name, fresh)
            await asyncio.sleep(2)
            await triton.start()
            await until_answered(own, POSTING_FEATURES.name, [key for key, _ in fresh])
    found = [r.key for r in await read_all(settings, POSTING_FEATURES.name) if r.key.startswith(b"wait-")]
    assert sorted(found) == sorted(key for key, _ in fresh)
    assert await read_all(settings, DEAD_LETTERS.name) == []
