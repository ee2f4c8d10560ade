"""What the shipped student says of the bundled postings, through the real Triton.

`pytest tests/test_postings_golden.py --update-golden` rewrites the golden file after a change that is meant to change
it; the diff then shows what became of each posting.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from topics.catalogue import POSTINGS
from topics.fields import Feature
from topics.postings import Posting, PostingExtraction, PostingFeatures
from workers import postings
from workers.demo import POSTINGS_FILE
from workers.files import read_events
from workers.settings import Settings

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden_features.jsonl"
EXPECTED = DATA / "demo_expected.jsonl"
# Weights of seven bits saturate on no processor; what is left are last digits of its floating point, which now and then
# tip a rounding. A change of ours moves far more.
CHANGED, SKILLS = 0.02, 0.08
TOLERANCE = 0.01


@pytest_asyncio.fixture(scope="module")
async def features(triton_settings: Settings) -> list[PostingFeatures]:
    events = [line.event for line in read_events(POSTINGS_FILE, POSTINGS)]
    async with postings.connect(triton_settings) as parts:
        return await postings.extract([event for event in events if isinstance(event, Posting)], parts)


def summary(posting: PostingFeatures) -> dict[str, Any]:
    """Value, confidence and the evidence's words of each field."""
    result: dict[str, Any] = {"id": posting.id}
    for name in PostingExtraction.model_fields:
        feature = getattr(posting, name)
        result[name] = [_one(posting, f) for f in feature] if isinstance(feature, tuple) else _one(posting, feature)
    return result


def _one(posting: PostingFeatures, feature: Feature[Any]) -> dict[str, Any]:
    quotes = [(posting.text or "")[e.start : e.end] for e in feature.evidence]
    return {"value": feature.value, "confidence": feature.confidence, "evidence": quotes}


def same(golden: dict[str, Any], now: dict[str, Any]) -> bool:
    """Equal values and evidence."""
    return bool(golden["value"] == now["value"] and golden["evidence"] == now["evidence"])


def test_features_are_the_golden_ones(features: list[PostingFeatures], request: pytest.FixtureRequest) -> None:
    now = [summary(posting) for posting in features]
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in now))
    golden = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    assert [row["id"] for row in golden] == [row["id"] for row in now]
    pairs = [
        (f"{old['id']}.{name}: {old[name]} -> {new[name]}", old[name], new[name])
        for old, new in zip(golden, now, strict=True)
        for name in PostingExtraction.model_fields
        if name != "skills"
    ]
    changed = [text for text, old, new in pairs if not same(old, new)]
    apart = [abs(old["confidence"] - new["confidence"]) for _, old, new in pairs]
    assert len(changed) <= CHANGED * len(pairs), changed
    assert sum(apart) / len(apart) <= TOLERANCE
    before, after = ({(row["id"], skill["value"]) for row in rows for skill in row["skills"]} for rows in (golden, now))
    assert len(before & after) >= (1 - SKILLS) * len(before | after)


def test_hand_made_expectations_are_mostly_met(features: list[PostingFeatures]) -> None:
    """The bundled postings are full of traps and used for no training; `pytest -s` prints the share."""
    by_id = {posting.id: posting for posting in features}
    met = []
    for line in EXPECTED.read_text().splitlines():
        expected = json.loads(line)
        posting = by_id[expected.pop("id")]
        met += [getattr(posting, name).value == value for name, value in expected.items()]
    print(f"\nas expected: {sum(met)} of {len(met)} values ({sum(met) / len(met):.3f})")  # noqa: T201 - the figure itself
    assert sum(met) / len(met) >= 0.82


def test_bundled_postings_are_many_and_various() -> None:
    lines = list(read_events(POSTINGS_FILE, POSTINGS))
    bodies = [line.event.body for line in lines if isinstance(line.event, Posting)]
    assert len(bodies) == len(lines) >= 40
    assert 10 <= sum("<" in body for body in bodies) <= len(bodies) - 10
    expected = [json.loads(line) for line in EXPECTED.read_text().splitlines()]
    assert [row["id"] for row in expected] == [line.key for line in lines]
    assert sum(row["language"] == "fr" for row in expected) >= 10
