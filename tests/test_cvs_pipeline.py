"""CVs end to end on real parts: what comes out is structured, standardised, and tells nobody's name."""

import base64
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka.structs import ConsumerRecord
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from models.cvs.student import CvStudent
from tests.support.streams import produce, read_all, until_counted
from topics.catalogue import CV_FEATURES, CV_GROUPS, CVS, CVS_FLOW, CVS_LEDGER, DEAD_LETTERS, OUTCOMES, REJECTIONS
from topics.cvs import CvFeatures
from topics.generate import json_schema
from workers import cvs, erase
from workers.demo import CVS_FILE
from workers.runtime import in_background
from workers.settings import Settings

DEMO = [(json.loads(line)["id"].encode(), line.encode()) for line in CVS_FILE.read_text("utf-8").splitlines()]
PERSONAL = (
    "Amara", "Okafor", "Willow Crescent", "900123", "amara.okafor", "Nigerian", "Tomasz", "Wiśniewski", "010-0199",
    "Benchekroun", "rue des Tilleuls", "39 98 01 23", "mariée", "Wei Zhang", "Lindqvist", "Quay Street", "Swedish",
)  # fmt: skip


async def through(settings: Settings, records: list[tuple[bytes, bytes | None]]) -> dict[bytes, list[ConsumerRecord]]:
    """Publishes and runs the worker until each key is answered; new features and rejections by key."""
    before = await _answers(settings)
    expected = {key: sum(1 for k, _ in records if k == key) + len(before.get(key, [])) for key, _ in records}
    async with cvs.worker(settings) as worker, in_background(worker, settings):
        await produce(settings, CVS.name, records)
        await until_counted(settings, [CV_FEATURES.name, REJECTIONS.name], expected)
    after = await _answers(settings)
    return {key: after[key][len(before.get(key, [])) :] for key in expected}


async def _answers(settings: Settings) -> dict[bytes, list[ConsumerRecord]]:
    found: dict[bytes, list[ConsumerRecord]] = {}
    for topic in (CV_FEATURES, REJECTIONS):
        for record in await read_all(settings, topic.name):
            found.setdefault(record.key, []).append(record)
    return found


def inferred() -> float:
    labels = {"model": CvStudent.name}
    return REGISTRY.get_sample_value("talentstream_inference_sequences_total", labels) or 0.0


def evidence_of(features: CvFeatures) -> list[tuple[int, int]]:
    spans = []
    for name in type(features).model_fields:
        value: Any = getattr(features, name)
        for feature in value if isinstance(value, tuple) else (value,):
            spans += [(evidence.start, evidence.end) for evidence in getattr(feature, "evidence", ())]
    return spans


async def test_cvs_become_valid_features_that_name_nobody(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # At DEBUG the broker's client, which this test publishes by, logs what it sends.
    with caplog.at_level(logging.INFO):
        answers = await through(settings, list(DEMO))
    printed = "".join(capfd.readouterr())
    validator = Draft202012Validator(json_schema(CV_FEATURES))
    for key, value in DEMO:
        (record,) = answers[key]
        assert record.topic == CV_FEATURES.name
        assert list(validator.iter_errors(json.loads(record.value))) == []
        features = CvFeatures.model_validate_json(record.value)
        assert (features.id, features.source_version) == (key.decode(), json.loads(value)["version"])
        assert features.masked
        text = features.text or ""
        assert all(0 <= start < end <= len(text) for start, end in evidence_of(features))
        for personal in PERSONAL:
            assert personal not in record.value.decode()
            assert personal not in caplog.text + printed
        assert features.embedding is not None
        vector = np.frombuffer(base64.b64decode(features.embedding.fp16), "<f2").astype(np.float32)
        assert vector.shape == (features.embedding.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-2)


async def test_the_features_tell_what_the_cv_says(settings: Settings) -> None:
    answers = await _answers(settings)
    nurse = CvFeatures.model_validate_json(answers[b"cv-nurse-en"][0].value)
    assert "nurse" in (nurse.current_title.value or "").lower()
    assert nurse.department.value == "Healthcare"
    assert nurse.education[0].value.level == "bachelor"
    assert {language.value for language in nurse.languages} == {"en", "fr"}
    assert "carry out wound care" in {skill.value.label for skill in nurse.esco_skills}
    cook = CvFeatures.model_validate_json(answers[b"cv-chef-sections"][0].value)
    assert cook.esco_occupation.value is not None
    assert "chef" in cook.esco_occupation.value.label


async def test_another_name_age_nationality_and_address_give_the_same_bytes(settings: Settings) -> None:
    answers = await _answers(settings)
    one, other = (answers[key][0].value for key in (b"cv-nurse-en", b"cv-nurse-twin"))
    assert one.replace(b"cv-nurse-en", b"ID") == other.replace(b"cv-nurse-twin", b"ID")


async def test_the_same_cv_of_another_person_costs_no_inference(settings: Settings) -> None:
    value = json.loads(DEMO[0][1]) | {"id": "cv-third", "version": 7}
    value["text"] = value["text"].replace("Amara", "Ngozi").replace("amara", "ngozi")
    before = inferred()
    answers = await through(settings, [(b"cv-third", json.dumps(value).encode())])
    assert inferred() == before
    assert json.loads(answers[b"cv-third"][0].value)["source_version"] == 7


async def test_a_tombstone_removes_the_features(settings: Settings) -> None:
    value = json.dumps({"id": "cv-gone", "text": "Cook at The Copper Pot since 2015."}).encode()
    answers = await through(settings, [(b"cv-gone", value), (b"cv-gone", None)])
    assert [record.value is None for record in answers[b"cv-gone"]] == [False, True]


async def test_an_erased_cv_is_gone_from_topics_memory_and_cache(settings: Settings) -> None:
    value = json.dumps({"id": "cv-erased", "text": "Ada Quill\nada@example.org\nBaker, Mill Lane Bakery, 2011 - 2019"})
    groups = [(cv, json.dumps({"id": cv.decode(), "gender": "female"}).encode()) for cv in (b"cv-erased", b"cv-kept")]
    decided = {"status": "rejected", "at": "2026-11-26T09:00:00Z"}
    outcomes = {
        f"{posting}:{cv}".encode(): json.dumps({"posting_id": posting, "cv_id": cv, **decided}).encode()
        for posting, cv in (("p-1", "cv-erased"), ("p-2", "cv-erased"), ("cv-erased", "cv-kept"))
    }
    await produce(settings, CV_GROUPS.name, groups)
    await produce(settings, OUTCOMES.name, [*outcomes.items(), (b"p-3:cv-erased", b"{nope")])
    async with cvs.worker(settings) as worker, in_background(worker, settings):
        await produce(settings, CVS.name, [(b"cv-erased", value.encode())])
        await until_counted(settings, [CV_FEATURES.name], {b"cv-erased": 1})
        found = await erase.find(settings, CVS_FLOW, b"cv-erased")
        receipt = await erase.erase(settings, CVS_FLOW, "cv-erased", found, timeout_s=20)
    assert (receipt.pending, receipt.cached) == ([], 1)
    for topic in (CVS, CV_FEATURES, CVS_LEDGER):
        newest = [record for record in await read_all(settings, topic.name) if record.key == b"cv-erased"][-1]
        assert newest.value is None
    # What others publish about it goes too, and of nobody else.
    kept = {record.key: record.value for record in await read_all(settings, CV_GROUPS.name)}
    assert kept == {b"cv-erased": None, b"cv-kept": groups[1][1]}
    decisions = {record.key: record.value for record in await read_all(settings, OUTCOMES.name)}
    assert decisions == {
        b"p-1:cv-erased": None,
        b"p-2:cv-erased": None,
        b"cv-erased:cv-kept": outcomes[b"cv-erased:cv-kept"],
        b"p-3:cv-erased": None,
    }
    assert not (await erase.find(settings, CVS_FLOW, b"cv-erased")).live


BAD = [
    pytest.param({"text": "x", "sections": []}, ("invalid", "sections"), id="both forms"),
    pytest.param({}, ("missing", "text"), id="neither form"),
    pytest.param({"text": 7}, ("invalid", "text"), id="wrong type"),
    pytest.param({"text": "x" * 300_000}, ("too_large", "text"), id="too long"),
    pytest.param({"text": "x", "birth_date": "1990-01-01"}, ("invalid", "birth_date"), id="protected attribute"),
]


@pytest.mark.parametrize(("value", "expected"), BAD)
async def test_bad_input_is_rejected_once_and_never_quoted(
    settings: Settings, request: pytest.FixtureRequest, value: dict[str, Any], expected: tuple[str, str]
) -> None:
    key = f"bad-cv-{request.node.callspec.id.replace(' ', '-')}"
    answers = await through(settings, [(key.encode(), json.dumps({"id": key} | value).encode())])
    (rejection,) = answers[key.encode()]
    content = json.loads(rejection.value)
    assert rejection.topic == REJECTIONS.name
    assert content["topic"] == CVS.name
    assert (content["errors"][0]["code"], content["errors"][0]["field"]) == expected
    assert b"1990" not in rejection.value


ODD = ["", " \n\t ", "\x00\x01\u202e\ufeff", "<" * 50_000, "🥖" * 1000, "Cook and baker and " * 8_000, "-\n" * 20_000]


@pytest.mark.parametrize("number", range(len(ODD)))
async def test_odd_input_gives_features(settings: Settings, number: int) -> None:
    key = f"odd-cv-{number}"
    answers = await through(settings, [(key.encode(), json.dumps({"id": key, "text": ODD[number]}).encode())])
    features = CvFeatures.model_validate_json(answers[key.encode()][0].value)
    assert features.languages == ()
    assert features.education == ()


async def test_nothing_of_this_is_a_dead_letter_and_the_ledger_knows_versions_alone(settings: Settings) -> None:
    assert [r for r in await read_all(settings, DEAD_LETTERS.name) if b"cv" in (r.key or b"")] == []
    for record in await read_all(settings, CVS_LEDGER.name):
        for personal in PERSONAL:
            assert personal.encode() not in (record.value or b"")


def test_the_offline_verb_reads_files_as_they_are_shared(settings: Settings, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from workers.cli import app

    source, target = tmp_path / "cvs.jsonl", tmp_path / "out.jsonl"
    rows = [json.loads(value) for _, value in DEMO]
    source.write_text("".join(json.dumps({"cv_id": row.pop("id")} | row) + "\n" for row in rows), "utf-8")
    assert settings.triton_url is not None
    result = CliRunner().invoke(
        app,
        ["structure", "--in", str(source), "--out", str(target)],
        env={"TRITON_URL": settings.triton_url},
    )
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [row["id"] for row in found] == [key.decode() for key, _ in DEMO]
    assert "Okafor" not in target.read_text("utf-8")
