"""The contract of CVs: one form of the two, nothing protected, errors that name the field and never its value."""

import json

import pytest

from topics.catalogue import Topic
from topics.cvs import MAX_SECTIONS, MAX_TEXT_CHARS, Cv
from topics.validation import InvalidEventError, parse

CVS = Topic("cvs.v1", "cv id", "talentstream.cv.v1", Cv, "in", "compact", "CVs.")


def cv(**fields: object) -> bytes:
    return json.dumps({"id": "c1", "version": 2} | fields).encode()


def refusal(value: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEventError) as caught:
        parse(CVS, b"c1", value)
    return [(error.code, error.field) for error in caught.value.errors]


def test_text_or_sections() -> None:
    plain = parse(CVS, b"c1", cv(text="Baker", shoe_size=43))
    assert plain == Cv(id="c1", version=2, text="Baker")
    parts = parse(CVS, b"c1", cv(sections=[{"heading": "Skills", "text": "Bread", "icon": "x"}, {"text": ""}]))
    assert isinstance(parts, Cv)
    assert [(s.heading, s.text) for s in parts.sections or ()] == [("Skills", "Bread"), (None, "")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(cv(), [("missing", "text")], id="neither"),
        pytest.param(cv(text="x", sections=[]), [("invalid", "sections")], id="both"),
        pytest.param(cv(text=1), [("invalid", "text")], id="text of the wrong type"),
        pytest.param(cv(sections=[{"text": 1}]), [("invalid", "sections.0.text")], id="section of the wrong type"),
        pytest.param(cv(sections=[{"heading": "x"}]), [("missing", "sections.0.text")], id="section without text"),
        pytest.param(cv(text="x" * (MAX_TEXT_CHARS + 1)), [("too_large", "text")], id="long text"),
        pytest.param(cv(sections=[{"text": ""}] * (MAX_SECTIONS + 1)), [("too_large", "sections")], id="many sections"),
        pytest.param(cv(sections=[{"text": "x" * 150_000}] * 2), [("too_large", "sections")], id="long in all"),
        pytest.param(cv(text="x", gender="f", age=3), [("invalid", "age"), ("invalid", "gender")], id="protected"),
        pytest.param(cv(text="x", nationality=None), [("invalid", "nationality")], id="protected and null"),
        pytest.param(cv(text="x", language="french"), [("invalid", "language")], id="bad language"),
    ],
)
def test_bad_cvs_are_refused_by_field(value: bytes, expected: list[tuple[str, str]]) -> None:
    assert refusal(value) == expected


def test_refusals_never_repeat_a_value() -> None:
    with pytest.raises(InvalidEventError) as caught:
        parse(CVS, b"c1", cv(text="x", birth_date="1971-02-03"))
    assert "1971" not in str(caught.value.errors)
