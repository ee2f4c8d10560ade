"""The hand-written traps through the real Triton: valid cases, and a score that only rises."""

import collections
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import TypeAdapter, ValidationError

from models.postings import traps
from models.postings.data import written
from topics.postings import PostingExtraction
from workers import postings
from workers.settings import Settings

CASES = traps.load()
# Raised with each model that does better: `python -m models.postings.traps` prints today's.
LEAST = 0.88


async def test_traps_are_seen_through(triton_settings: Settings) -> None:
    async with postings.connect(triton_settings) as parts:
        features = [
            one
            for start in range(0, len(CASES), 64)
            for one in await postings.extract([trap.posting for trap in CASES[start : start + 64]], parts)
        ]
    missed = traps.misses(CASES, features)
    values = sum(len(trap.expect) for trap in CASES)
    assert 1 - len(missed) / values >= LEAST, "\n".join(traps.lines(CASES, missed))


def test_traps_are_many_valid_and_of_both_languages() -> None:
    assert len(CASES) >= 400
    assert len({trap.id for trap in CASES}) == len({trap.text for trap in CASES}) == len(CASES)
    assert collections.Counter(trap.language for trap in CASES)["fr"] >= 100
    for trap in CASES:
        assert trap.expect, trap.id
        for name, value in trap.expect.items():
            field: TypeAdapter[Any] = TypeAdapter(PostingExtraction.model_fields[name].annotation or None)
            try:
                field.validate_python({"value": value, "confidence": 1.0})
            except ValidationError:
                pytest.fail(f"{trap.id}: {name} cannot be {value!r}")


def test_the_members_of_a_pair_differ_in_what_is_right() -> None:
    pairs = collections.defaultdict(list)
    for trap in CASES:
        if trap.pair is not None:
            pairs[trap.pair].append(trap.expect)
    assert pairs
    assert [name for name, own in pairs.items() if len(own) < 2 or any(own.count(one) == len(own) for one in own)] == []


def test_nothing_is_trained_on_a_trap() -> None:
    texts = {" ".join(trap.text.casefold().split()) for trap in CASES}
    assert texts.isdisjoint(" ".join(item.posting.body.casefold().split()) for item in written())


def test_a_miss_names_case_field_and_what_was_said() -> None:
    trap = traps.Trap("t", "pay", None, "en", "Cook", "£12 an hour.", {"pay_period": "hour", "pay_max": 12.0})
    said = SimpleNamespace(pay_period=SimpleNamespace(value="day"), pay_max=SimpleNamespace(value=12.0))
    missed = traps.misses([trap], [cast(PostingExtraction, said)])
    assert missed == [(trap, "pay_period", "day")]
    assert traps.lines([trap], missed)[2:] == [
        "| pay | en | 2 | 0.500 |", "| **all** | | 2 | **0.500** |", "", "Cases with every value right: 0 of 1."
    ]  # fmt: skip
