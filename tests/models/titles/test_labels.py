"""The label spaces and how they translate to a posting's vocabulary."""

from typing import get_args

import pytest

from models.titles import labels, posting
from topics import fields
from topics.titles import TitleDepartment, TitleSeniority


def test_digest_changes_with_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = labels.digest()
    assert before == labels.digest()
    monkeypatch.setitem(labels.HEADS, "seniority", labels.HEADS["seniority"][::-1])
    assert labels.digest() != before


@pytest.mark.parametrize(
    ("found", "title", "expected"),
    [
        ("Junior", "Praktikantin Einkauf", "intern"),
        ("Junior", "Internship Finance", "intern"),
        ("Junior", "Junior Controller", "entry"),
        ("Junior", "International Trainee", "entry"),
        ("Professional", "Schreiner", "mid"),
        ("Senior", "Senior Welder", "senior"),
        ("Lead", "Teamleiterin Kasse", "lead"),
        ("Lead", "Supervisor", "lead"),
        ("Lead", "Leiter Finanzen", "manager"),
        ("Lead", "Sales Manager", "manager"),
        ("Lead", "Project Manager", "lead"),
        ("Lead", "Head of Baking", "executive"),
        ("Director", "Director of Baking", "executive"),
        ("Management", "Inhaber", "executive"),
    ],
)
def test_seniority_in_the_posting_vocabulary(found: TitleSeniority, title: str, expected: str) -> None:
    assert posting.seniority(found, title) == expected


def test_every_class_has_a_place_in_the_posting_vocabulary() -> None:
    assert {posting.seniority(one, "") for one in get_args(TitleSeniority)} <= set(get_args(fields.Seniority))
    found = {one: posting.department(one) for one in get_args(TitleDepartment)}
    assert found.pop("Other") is None
    assert set(found.values()) <= set(get_args(fields.Department))
    assert len(set(found.values())) == len(found)
