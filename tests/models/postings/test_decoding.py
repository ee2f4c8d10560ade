"""Decoding: the surest sentence decides, shows why, and numbers come from its words."""

import numpy as np
import pytest

from models.postings import decoding
from models.postings.decoding import Calibration, Floats
from models.postings.labels import HEADS, TAGS, head_slices
from models.postings.preparing import NO_SPAN, Prepared, Unit

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
    return Prepared(text, "en", 1.0, True, "Denver, CO", tuple(units))


def sentence_probs(**said: tuple[int, str, float]) -> Floats:
    """Every head is surely `none` (posting heads: surely their first class) but where told otherwise."""
    probs = np.full((len(SENTENCES), sum(map(len, HEADS.values()))), 1e-4, np.float32)
    for part in head_slices().values():
        probs[:, part.start] = 1.0
    for head, (unit, value, p) in said.items():
        part = head_slices()[head]
        probs[unit, part] = 1e-4
        probs[unit, part.start] = 1 - p
        probs[unit, part.start + HEADS[head].index(value)] = p
    return probs


def token_probs(tag: str, *quotes: str, document: Prepared | None = None) -> list[Floats]:
    document = document or prepared()
    result = []
    for unit in document.units:
        probs = np.zeros((len(unit.token_ids), len(TAGS)), np.float32)
        for quote in quotes:
            at = document.text.find(quote)
            inside = [i for i, (a, b) in enumerate(unit.token_spans) if at <= a and b <= at + len(quote) and a < b]
            probs[inside, TAGS.index(tag)] = 0.9
        result.append(probs)
    return result


def test_the_surest_sentence_decides_and_is_the_evidence() -> None:
    found = decoding.decide(sentence_probs(pay_period=(1, "hour", 0.95)), Calibration.neutral())
    assert (found["pay_period"].value, found["pay_period"].units) == ("hour", (1,))
    assert found["pay_period"].confidence > 0.9
    assert (found["bonus"].value, found["bonus"].units) == ("no", ())
    assert (found["seniority"].value, found["seniority"].units) == (HEADS["seniority"][0], (0,))


def test_probabilities_add_to_one_and_bias_counts() -> None:
    score = np.log(np.array([0.2, 0.8]))
    assert decoding.calibrated(score, 1.0, [0.0, 0.0]) == pytest.approx([0.2, 0.8])
    assert decoding.calibrated(score, 1.0, [5.0, 0.0])[0] > 0.9
    assert decoding.calibrated(score, 0.0, [0.0, 0.0]) == pytest.approx([0.5, 0.5])


def test_posting_heads_hear_the_other_units_as_told() -> None:
    probs = np.array([[0.6, 0.4], [0.1, 0.9], [0.1, 0.9]], np.float32)
    assert decoding.scores("seniority", probs, 0.0).argmax() == 0
    assert decoding.scores("seniority", probs, 1.0).argmax() == 1
    assert decoding.scores("seniority", probs[:1], 1.0).argmax() == 0


def test_pay_is_read_where_the_words_are_tagged() -> None:
    document = prepared()
    pay = decoding.Decision("hour", 0.9, 0.95, (1,))
    reading = decoding.read_pay(document, token_probs("amount", "$20 - $25"), pay, 0.5)
    assert reading is not None
    assert (reading.low, reading.high, reading.currency) == (20, 25, "USD")
    assert document.text[slice(*reading.spans[0])] == "$20 - $25"
    assert reading.period == "hour"
    assert decoding.read_pay(document, token_probs("amount"), pay, 0.5) is None


def test_amounts_of_another_size_are_not_the_pay() -> None:
    text = "Pay: $20 - $25 per hour, lead $28, sign-on bonus $7,500."
    document = prepared(text)
    pay = decoding.Decision("hour", 0.9, 0.95, (0,))
    reading = decoding.read_pay(document, token_probs("amount", text, document=document), pay, 0.5)
    assert reading is not None
    assert (reading.low, reading.high) == (20, 28)


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
    runs = decoding.tagged(unit, probs, 1, 0.5)
    assert [(a - unit.start, b - unit.start) for a, b, _ in runs] == [(0, 2), (4, 5)]
    assert runs[0][2] == pytest.approx(0.7)
