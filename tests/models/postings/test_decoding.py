"""Decoding: the surest sentence decides, shows why, and numbers come from its words."""

from pathlib import Path

import numpy as np
import pytest

from models.postings import decoding, tagging
from models.postings.labels import CLASSES, HEADS, SHOWN, TAGS, head_slices
from models.postings.preparing import NO_SPAN, Prepared, Unit
from models.postings.tagging import Floats
from models.postings.voting import Calibration
from models.text.sentences import Span

SENTENCES = [
    "Nurse",
    "Salary: $20 - $25 per hour, plus 10 days off.",
    "At least 3 years of experience.",
    "Python and C++, SQL.",
]


def prepared(*sentences: str) -> Prepared:
    text = "\n".join(sentences or SENTENCES)
    units = []
    start = 0
    for sentence in sentences or SENTENCES:
        # One token for each character: spans are then easy to name.
        spans = [NO_SPAN, *((start + i, start + i + 1) for i in range(len(sentence))), NO_SPAN]
        units.append(Unit(start, start + len(sentence), [0] * len(spans), spans))
        start += len(sentence) + 1
    return Prepared(text, Span(0, 0), "en", 1.0, True, "Denver, CO", tuple(units))


def sentence_scores(**said: tuple[int, str, float]) -> Floats:
    """Every head is surely `none` (posting heads: their first class) but where told otherwise; votes likewise."""
    probs = np.full((len(SENTENCES), CLASSES), 1e-4, np.float32)
    for part in head_slices().values():
        probs[:, part.start] = 1.0
    for head, (unit, value, p) in said.items():
        part = head_slices()[head]
        probs[unit, part] = 1e-4
        probs[unit, part.start] = 1 - p
        probs[unit, part.start + HEADS[head].index(value)] = p
    # Who says something is heard, the others are not.
    heard = np.zeros((len(SENTENCES), len(HEADS)), np.float32)
    for head, (unit, *_) in said.items():
        heard[unit, list(HEADS).index(head)] = 20.0
    return np.concatenate([probs, np.log(probs), heard], 1)


def token_probs(tag: str, *quotes: str, document: Prepared | None = None) -> list[Floats]:
    document = document or prepared()
    result = []
    for unit in document.units:
        probs = np.zeros((len(unit.token_ids), len(TAGS) + len(SHOWN)), np.float32)
        for quote in quotes:
            at = document.text.find(quote)
            inside = [i for i, (a, b) in enumerate(unit.token_spans) if at <= a and b <= at + len(quote) and a < b]
            probs[inside, TAGS.index(tag)] = 0.9
        result.append(probs)
    return result


def decided(scores: Floats) -> dict[str, decoding.Decision]:
    return decoding.decide(scores, Calibration.neutral())


def test_the_surest_sentence_decides_and_is_the_evidence() -> None:
    found = decided(sentence_scores(pay_period=(1, "hour", 0.95)))
    assert (found["pay_period"].value, found["pay_period"].units) == ("hour", (1,))
    assert found["pay_period"].confidence > 0.9
    assert (found["bonus"].value, found["bonus"].units) == ("no", ())
    assert (found["seniority"].value, found["seniority"].units) == (HEADS["seniority"][0], (0,))


def test_scale_and_bias_count_and_probabilities_add_to_one() -> None:
    scores = sentence_scores(bonus=(1, "yes", 0.6))
    made = Calibration.neutral()
    assert made.probabilities(scores)["bonus"] == pytest.approx([0.4, 0.6], abs=1e-3)
    made.scale["bonus"] = 2.0
    assert made.probabilities(scores)["bonus"] == pytest.approx([0.16 / 0.52, 0.36 / 0.52], abs=1e-3)
    made.bias["bonus"][:] = [20.0, 0.0]
    assert made.probabilities(scores)["bonus"].argmax() == 0
    assert all(p.sum() == pytest.approx(1.0) for p in made.probabilities(scores).values())


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    made = Calibration.neutral()
    made.bias["bonus"][:] = [0.25, -1.5]
    made.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == made
    made.bias["bonus"].pop()
    made.save(tmp_path / "calibration.json")
    with pytest.raises(ValueError, match="bonus"):
        Calibration.load(tmp_path / "calibration.json")


def test_a_sentence_is_heard_by_its_attention() -> None:
    scores = sentence_scores(bonus=(1, "yes", 0.9), commission=(2, "yes", 0.9))
    scores[2, 2 * CLASSES + list(HEADS).index("commission")] = -20.0
    found = decided(scores)
    assert found["bonus"].value == "yes"
    assert found["commission"].value == "no"


def test_pay_is_read_where_the_words_are_tagged() -> None:
    document = prepared()
    pay = decoding.Decision("hour", 0.9, 0.95, (1,))
    reading = decoding.read_pay(document, token_probs("amount", "$20 - $25"), pay, 0.5)
    assert reading is not None
    assert (reading.low, reading.high, reading.currency) == (20, 25, "USD")
    assert document.text[slice(*reading.spans[0])] == "$20 - $25"
    assert reading.period == "hour"
    assert decoding.read_pay(document, token_probs("amount"), pay, 0.5) is None


@pytest.mark.parametrize(
    ("text", "period", "low", "high"),
    [
        # An amount of another size; years, postal codes and hours, which have no currency.
        ("Pay: $20 - $25 per hour, lead $28, sign-on bonus $7,500.", "hour", 20, 28),
        ("30000 € to 35000 € a year (13002 Marseille), in 2026.", "year", 30_000, 35_000),
    ],
)
def test_figures_beside_the_pay_are_not_the_pay(text: str, period: str, low: float, high: float) -> None:
    document = prepared(text)
    pay = decoding.Decision(period, 0.9, 0.95, (0,))
    reading = decoding.read_pay(document, token_probs("amount", text, document=document), pay, 0.5)
    assert reading is not None
    assert (reading.low, reading.high) == (low, high)


def test_of_years_alike_sure_the_first_are_asked_for_on_the_whole() -> None:
    document = prepared("Six years of design, of which 3 years in a lab.", "Nice: 9 years.")
    probs = token_probs("years", "Six years", "3 years", document=document)
    experience = decoding.Decision("required", 0.8, 0.9, (0, 1))
    probs[0][:, TAGS.index("years")] *= 0.95
    reading = decoding.read_years(document, probs, experience, 0.5)
    assert reading is not None
    assert reading.low == 6
    # Much less sure, it does not stand before the others.
    probs[0][:12, TAGS.index("years")] *= 0.7
    reading = decoding.read_years(document, probs, experience, 0.5)
    assert reading is not None
    assert reading.low == 3


def test_years_are_read_where_the_words_are_tagged() -> None:
    experience = decoding.Decision("required", 0.8, 0.9, (2,))
    reading = decoding.read_years(prepared(), token_probs("years", "3 years"), experience, 0.5)
    assert reading is not None
    assert (reading.low, reading.high) == (3, None)
    assert reading.confidence == pytest.approx(0.72, abs=1e-3)


def test_skills_are_whole_words_once_each() -> None:
    found = decoding.read_skills(prepared(), token_probs("skill", "Pytho", "C", "SQL."), 0.5)
    assert [name for name, *_ in found] == ["Python", "C++", "SQL"]
    assert all(prepared().text[start:end] == name for name, _, start, end in found)


def test_runs_break_where_the_tag_does() -> None:
    unit = prepared().units[3]
    probs = np.zeros((len(unit.token_ids), len(TAGS)), np.float32)
    probs[[1, 2, 5], 1] = [0.8, 0.6, 0.9]
    runs = tagging.tagged(unit, probs, 1, 0.5)
    assert [(a - unit.start, b - unit.start) for a, b, _ in runs] == [(0, 2), (4, 5)]
    assert runs[0][2] == pytest.approx(0.7)
