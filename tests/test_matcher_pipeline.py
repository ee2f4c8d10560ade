"""Postings and CVs end to end on real parts: each finds the other, lists say why, and nothing that is gone stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.support.streams import produce, read_all
from topics.catalogue import CV_FEATURES, CVS, CVS_FLOW, MATCHES, POSTING_FEATURES, POSTINGS
from topics.cvs import CvFeatures
from topics.generate import json_schema
from topics.matches import Match, MatchList
from topics.postings import PostingFeatures
from workers import cvs, erase, matcher, postings
from workers.demo import CVS_FILE, POSTINGS_FILE
from workers.embedded import EmbeddedRedis
from workers.runtime import in_background
from workers.settings import Settings

TIMEOUT_S = 90
PEOPLE = {json.loads(line)["id"]: line.encode() for line in CVS_FILE.read_text("utf-8").splitlines()}
JOBS = {json.loads(line)["id"]: line.encode() for line in POSTINGS_FILE.read_text("utf-8").splitlines()}

VERSIONS = count(10)

Lists = dict[str, MatchList]


@pytest_asyncio.fixture(scope="module", params=["faiss", "redis"])
async def matched(request: pytest.FixtureRequest, settings: Settings, redis8: EmbeddedRedis) -> AsyncIterator[Settings]:
    """All three workers, the bundled postings and CVs published."""
    vectors = redis8.url if request.param == "redis" else None
    complete = settings.model_copy(update={"match_min_score": 0.0, "vector_redis_url": vectors})
    async with AsyncExitStack() as workers:
        for worker in (
            await workers.enter_async_context(postings.worker(complete)),
            await workers.enter_async_context(cvs.worker(complete)),
            await workers.enter_async_context(matcher.worker(complete)),
        ):
            await workers.enter_async_context(in_background(worker, complete))
        await produce(complete, CVS.name, [(key.encode(), value) for key, value in PEOPLE.items()])
        await produce(complete, POSTINGS.name, [(key.encode(), value) for key, value in JOBS.items()])
        yield complete


def next_version() -> int:
    """Newer than all before."""
    return next(VERSIONS)


async def lists(settings: Settings) -> Lists:
    """As they stand now."""
    newest = {record.key.decode(): record.value for record in await read_all(settings, MATCHES.name)}
    return {key: MatchList.model_validate_json(value) for key, value in newest.items() if value is not None}


async def until(settings: Settings, holds: Callable[[Lists], bool]) -> Lists:
    """The lists once that is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not holds(found := await lists(settings)):  # noqa: ASYNC110 - Kafka's doing
            await asyncio.sleep(0.3)
    return found


def complete(found: Lists) -> bool:
    """Every subject has a list, and the nurse's is made of all postings."""
    expected = {f"posting:{own}" for own in JOBS} | {f"cv:{own}" for own in PEOPLE}
    return found.keys() == expected and ids(found["posting:demo-001"]).issuperset({"cv-nurse-en", "cv-nurse-twin"})


def ids(own: MatchList) -> set[str]:
    return {match.id for match in own.matches}


async def test_every_subject_has_a_valid_list_of_the_other_side(matched: Settings) -> None:
    found = await until(matched, complete)
    validator = Draft202012Validator(json_schema(MATCHES))
    for record in await read_all(matched, MATCHES.name):
        if record.value is None:
            continue
        assert list(validator.iter_errors(json.loads(record.value))) == []
        assert MatchList.model_validate_json(record.value).subject == record.key.decode()
    for subject, own in found.items():
        assert ids(own) <= (PEOPLE.keys() if subject.startswith("posting:") else JOBS.keys())
        assert [m.score for m in own.matches] != []


async def test_the_nurse_leads_the_nurses_list_and_the_list_says_why(matched: Settings) -> None:
    found = await until(matched, complete)
    best = found["posting:demo-001"].matches[0]
    assert best.id in {"cv-nurse-en", "cv-nurse-twin"}
    texts = await evidence_texts(matched, "demo-001", best)
    assert any("nurs" in text.lower() for text in texts["cv"])
    assert any("nurs" in text.lower() or "RN" in text for text in texts["posting"])
    assert {"title", "skills", "experience"} <= {name for name, value in best.facets if value is not None}
    sous_chef = found["posting:demo-003"].matches[0]
    assert sous_chef.id == "cv-chef-sections"


async def evidence_texts(settings: Settings, posting_id: str, match: Match) -> dict[str, list[str]]:
    """The words that each span of the evidence shows."""
    records = {
        r.key.decode(): r.value for t in (POSTING_FEATURES, CV_FEATURES) for r in await read_all(settings, t.name)
    }
    posting = PostingFeatures.model_validate_json(records[posting_id]).text or ""
    cv = CvFeatures.model_validate_json(records[match.id]).text or ""
    evidence = match.evidence
    return {
        "posting": [posting[span.start : span.end] for span in evidence.posting],
        "cv": [cv[span.start : span.end] for span in evidence.cv],
    }


async def test_a_cv_that_is_deleted_stands_in_no_list_and_comes_back(matched: Settings) -> None:
    await until(matched, complete)
    await produce(matched, CVS.name, [(b"cv-chef-sections", None)])
    found = await until(matched, lambda now: "cv:cv-chef-sections" not in now)
    found = await until(matched, lambda now: not any("cv-chef-sections" in ids(own) for own in now.values()))
    assert found["posting:demo-003"].matches != ()
    again = json.loads(PEOPLE["cv-chef-sections"]) | {"version": next_version()}
    await produce(matched, CVS.name, [(b"cv-chef-sections", json.dumps(again).encode())])
    await until(matched, complete)
    found = await until(matched, lambda now: "cv-chef-sections" in ids(now["posting:demo-003"]))
    assert found["posting:demo-003"].matches[0].id == "cv-chef-sections"


async def test_an_erased_cv_leaves_no_list_with_its_name(matched: Settings) -> None:
    await until(matched, complete)
    key, twin = b"cv-erased", json.loads(PEOPLE["cv-nurse-en"]) | {"id": "cv-erased"}
    await produce(matched, CVS.name, [(key, json.dumps(twin).encode())])
    await until(matched, lambda now: "cv-erased" in ids(now["posting:demo-001"]))
    found = await erase.find(matched, CVS_FLOW, key)
    assert {b"cv:cv-erased", b"posting:demo-001"} <= found.lists
    receipt = await erase.erase(matched, CVS_FLOW, "cv-erased", found, TIMEOUT_S)
    assert {row.topic: row.state for row in receipt.rows}[MATCHES.name] == "complete"
    assert receipt.pending == []
    assert not any("cv-erased" in ids(own) for own in (await lists(matched)).values())
    assert not (await erase.find(matched, CVS_FLOW, key)).live


async def test_a_cv_that_moves_to_another_market_leaves_the_lists_of_this_one(matched: Settings) -> None:
    await until(matched, complete)
    moved = json.loads(PEOPLE["cv-nurse-twin"]) | {"version": next_version(), "market": "fr"}
    await produce(matched, CVS.name, [(b"cv-nurse-twin", json.dumps(moved).encode())])
    found = await until(matched, lambda now: now["cv:cv-nurse-twin"].market == "fr")
    found = await until(matched, lambda now: not any("cv-nurse-twin" in ids(own) for own in now.values()))
    assert found["cv:cv-nurse-twin"].matches == ()
    back = json.loads(PEOPLE["cv-nurse-twin"]) | {"version": next_version()}
    await produce(matched, CVS.name, [(b"cv-nurse-twin", json.dumps(back).encode())])
    await until(matched, complete)


async def test_who_works_on_site_alone_is_not_matched_with_a_remote_job(matched: Settings) -> None:
    found = await until(matched, complete)
    assert "cv-data-en" in ids(found["posting:demo-004"])
    picky = json.loads(PEOPLE["cv-data-en"]) | {"version": next_version(), "work_arrangements": ["onsite"]}
    await produce(matched, CVS.name, [(b"cv-data-en", json.dumps(picky).encode())])
    await until(matched, lambda now: "cv-data-en" not in ids(now["posting:demo-004"]))
    anything = json.loads(PEOPLE["cv-data-en"]) | {"version": next_version()}
    await produce(matched, CVS.name, [(b"cv-data-en", json.dumps(anything).encode())])
    await until(matched, lambda now: "cv-data-en" in ids(now["posting:demo-004"]))


def test_the_offline_verb_ranks_every_pair(settings: Settings, tmp_path: Path) -> None:
    from workers.cli import app

    jobs, people, target = tmp_path / "postings.jsonl", tmp_path / "cvs.jsonl", tmp_path / "out.jsonl"
    rows = [json.loads(value) for value in list(JOBS.values())[:4]]
    jobs.write_text("".join(json.dumps(row | {"text": row.pop("body")}) + "\n" for row in rows) + '{"id": "no-text"}\n')
    people.write_text("".join(f"{value.decode()}\n" for value in PEOPLE.values()), "utf-8")
    assert settings.triton_url is not None
    result = CliRunner().invoke(
        app,
        ["match", "--postings", str(jobs), "--cvs", str(people), "--out", str(target)],
        env={"TRITON_URL": settings.triton_url},
    )
    assert result.exit_code == 1, result.output  # one line is refused
    assert "no-text" in result.output
    found = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [row["posting_id"] for row in found] == [row["id"] for row in rows]
    for row in found:
        assert sorted(match["cv_id"] for match in row["matches"]) == sorted(PEOPLE)
        assert [m["score"] for m in row["matches"]] == sorted((m["score"] for m in row["matches"]), reverse=True)
    assert found[0]["matches"][0]["cv_id"] in {"cv-nurse-en", "cv-nurse-twin"}
    assert found[2]["matches"][0]["cv_id"] == "cv-chef-sections"
