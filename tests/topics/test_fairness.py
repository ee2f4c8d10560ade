"""The contract of protected groups and recruiters' decisions."""

import json

import pytest
from jsonschema import Draft202012Validator

from topics.catalogue import CV_GROUPS, OUTCOMES
from topics.fairness import CvGroups, Outcome
from topics.generate import json_schema
from topics.validation import InvalidEventError, parse

DECISION = {"posting_id": "p-1", "cv_id": "cv-1", "status": "hired", "at": "2026-11-26T09:00:00+01:00"}


def read(topic: object, key: str, content: object) -> object:
    return parse(topic, key.encode(), json.dumps(content).encode())  # type: ignore[arg-type]


def test_groups_are_words_each_optional() -> None:
    groups = read(CV_GROUPS, "cv-1", {"id": "cv-1", "age_band": "25-34", "region": "fr-idf", "shoe_size": 43})
    assert isinstance(groups, CvGroups)
    assert groups.declared() == {"age_band": "25-34", "region": "fr-idf"}
    assert read(CV_GROUPS, "cv-1", {"id": "cv-1"}).declared() == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["Female", "12 High Street", "jane@example.org", "", "x" * 41, 7])
def test_a_text_is_no_group_to_either_reader(value: object) -> None:
    content = {"id": "cv-1", "gender": value}
    with pytest.raises(InvalidEventError) as refused:
        read(CV_GROUPS, "cv-1", content)
    assert [error.field for error in refused.value.errors] == ["gender"]
    assert not Draft202012Validator(json_schema(CV_GROUPS)).is_valid(content)


def test_a_decision_has_the_key_of_its_pair_and_a_time_with_a_zone() -> None:
    outcome = read(OUTCOMES, "p-1:cv-1", DECISION)
    assert isinstance(outcome, Outcome)
    assert outcome.at.utcoffset() is not None
    for key, content, field in (
        ("cv-1:p-1", DECISION, "id"),
        ("p-1:cv-1", {**DECISION, "at": "2026-11-26T09:00:00"}, "at"),
        ("p-1:cv-1", {**DECISION, "status": "ghosted"}, "status"),
    ):
        with pytest.raises(InvalidEventError) as refused:
            read(OUTCOMES, key, content)
        assert [error.field for error in refused.value.errors] == [field]
