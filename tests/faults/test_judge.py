"""The judge: a clean run is clean, and each kind of fault is seen."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from tests.faults.judge import Answer, Input, Refusal, Verdict, judge
from tests.faults.load import Mix, events

INPUTS = [
    Input(0, 0, b"a", 1, "a1"),
    Input(0, 1, b"a", 2, "a2"),
    Input(0, 2, b"a", 1, "a1"),  # again, overtaken
    Input(0, 3, b"bad", code="missing"),
    Input(1, 0, b"b", 2, "b2"),
    Input(1, 1, b"b", 1, "b1"),  # late
]
OUTPUTS = [Answer(0, 0, b"a", 1, "a1"), Answer(0, 1, b"a", 2, "a2"), Answer(1, 0, b"b", 2, "b2")]
REFUSALS = [Refusal(0, 3, "missing")]


def test_a_clean_run_is_clean() -> None:
    verdict = judge(INPUTS, OUTPUTS, REFUSALS, OUTPUTS)
    assert verdict == Verdict(events=6)
    assert verdict.clean


def without(index: int) -> Callable[[list[Answer], list[Refusal]], None]:
    return lambda outputs, _: outputs.__delitem__(index)


def plus(*answers: Answer) -> Callable[[list[Answer], list[Refusal]], None]:
    return lambda outputs, _: outputs.extend(answers)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without(2), {"lost": 1}),
        (lambda _, refusals: refusals.clear(), {"lost": 1}),
        (plus(Answer(0, 5, b"a", 2, "a2")), {"duplicated": 1}),
        (lambda _, refusals: refusals.append(REFUSALS[0]), {"duplicated": 1}),
        (plus(Answer(0, 5, b"a", 1, "a1")), {"duplicated": 1, "out_of_order": 1}),
        (plus(Answer(1, 5, b"b", 1, "b1")), {"out_of_order": 1}),
        (plus(Answer(1, 5, b"c", 1, "c1")), {"unknown": 1}),
        (plus(Answer(1, 5, b"b", 9, "b9")), {"unknown": 1}),
        (lambda _, refusals: refusals.append(Refusal(9, 9, "missing")), {"unknown": 1}),
        (lambda outputs, _: outputs.__setitem__(2, Answer(1, 0, b"b", 2, "x")), {"wrong": 1}),
        (lambda _, refusals: refusals.__setitem__(0, Refusal(0, 3, "invalid")), {"wrong": 1}),
        # A healthy input that was rejected, beside its output and in its place.
        (lambda _, refusals: refusals.append(Refusal(1, 0, "processing_failed")), {"duplicated": 1, "wrong": 1}),
        (
            lambda outputs, refusals: (outputs.pop(), refusals.append(Refusal(1, 0, "processing_failed"))),
            {"wrong": 1},
        ),
    ],
)
def test_each_fault_is_seen(change: Callable[[list[Answer], list[Refusal]], object], expected: dict[str, int]) -> None:
    outputs, refusals = list(OUTPUTS), list(REFUSALS)
    change(outputs, refusals)
    verdict = judge(INPUTS, outputs, refusals, outputs)
    assert verdict.failures == expected
    assert not verdict.clean


def test_readers_that_differ_are_seen() -> None:
    assert judge(INPUTS, OUTPUTS, REFUSALS, OUTPUTS[1:]).failures == {"unlike_live": 1}
    assert judge(INPUTS, OUTPUTS, REFUSALS, [*OUTPUTS, OUTPUTS[0]]).failures == {"unlike_live": 1}


def test_a_verdict_with_any_fault_is_not_clean() -> None:
    for field in fields(Verdict):
        if field.name not in ("events", "further", "recovery_s"):
            figures: dict[str, Any] = {"events": 1, field.name: 1}
            assert not Verdict(**figures).clean
    assert not Verdict(events=1).and_further(handled_again=1).clean
    assert Verdict(events=1, recovery_s=9.0).and_further(handled_again=0).clean


def test_the_load_is_the_same_for_a_seed_and_as_long_as_asked() -> None:
    mix = Mix(repeats=0.1, late=0.1, poison=0.1)
    first, second = list(events(2_000, 7, mix)), list(events(2_000, 7, mix))
    assert first == second
    assert len(first) == 2_000
    assert list(events(2_000, 8, mix)) != first
