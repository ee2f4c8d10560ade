"""Graded pairs: read, split by posting, ranked."""

import json
from pathlib import Path

import numpy as np

from models.matching.data import Grade, Pairs, is_test, part, read_grades, read_outcomes
from models.matching.facets import ALL, BY_FACET
from tests.models.matching.documents import cv, posting


def grade(posting_id: str, cv_id: str, value: int) -> Grade:
    return Grade(posting_id, cv_id, value, dict.fromkeys(BY_FACET, value))


def pairs(*grades: Grade) -> Pairs:
    ids = {own.posting_id for own in grades}, {own.cv_id for own in grades}
    return Pairs(grades, {own: posting(own) for own in ids[0]}, {own: cv(own) for own in ids[1]})


def test_of_a_pair_graded_twice_the_last_counts(tmp_path: Path) -> None:
    rows = [
        {"posting_id": "p", "cv_id": "c", "grade": value, "facets": dict.fromkeys(BY_FACET, value)} for value in (1, 3)
    ]
    (tmp_path / "grades.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_grades([tmp_path / "grades.jsonl"]) == [grade("p", "c", 3)]


def test_recruiters_decisions_are_mapped_as_published(tmp_path: Path) -> None:
    statuses = ("hired", "interviewed", "rejected", "pool", "no_news", "position_filled")
    rows = [{"posting_id": "p", "cv_id": status, "status": status, "at": "2026-01-01T00:00:00Z"} for status in statuses]
    rows += [rows[0] | {"cv_id": "again", "status": status, "at": f"2026-01-0{day}T00:00:00Z"}
             for status, day in (("hired", 3), ("rejected", 2))]  # fmt: skip
    (tmp_path / "outcomes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    two = {own.cv_id: own.grade for own in read_outcomes([tmp_path / "outcomes.jsonl"])}
    assert two == {"hired": 3, "interviewed": 0, "rejected": 0, "again": 3}
    three = {own.cv_id: own.grade for own in read_outcomes([tmp_path / "outcomes.jsonl"], talent_pool=True)}
    assert three == two | {"pool": 2}


def test_pairs_without_features_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "postings.jsonl").write_text(posting("p").model_dump_json())
    (tmp_path / "cvs.jsonl").write_text(cv("c").model_dump_json())
    grades = [grade("p", "c", 1), grade("p", "d", 1), grade("q", "c", 1)]
    read = Pairs.read(grades, tmp_path / "postings.jsonl", tmp_path / "cvs.jsonl")
    assert read.grades == [grade("p", "c", 1)]
    assert read.numbers.shape == (1, len(ALL))


def test_a_posting_is_trained_on_or_tested_never_both() -> None:
    all_pairs = pairs(*(grade(f"p{i}", f"c{j}", j) for i in range(200) for j in range(3)))
    test, train = all_pairs.part_of(test=True), all_pairs.part_of(test=False)
    assert {own.posting_id for own in test.grades}.isdisjoint(own.posting_id for own in train.grades)
    assert len(test.grades) + len(train.grades) == len(all_pairs.grades)
    assert 0.15 < len(test.grades) / len(all_pairs.grades) < 0.35
    assert all(is_test(own.posting_id) for own in test.grades)
    # The parts of cross-validation are drawn anew: not all of a test's neighbours in one.
    assert {part(own.posting_id, 5) for own in train.grades} == set(range(5))


def test_reserved_cvs_are_not_trained_on() -> None:
    ids = [f"p{i}" for i in range(20)]
    train = pairs(*(grade(own, name, 1) for own in ids for name in ("c", "reserved"))).part_of(False, {"reserved"})
    assert {own.cv_id for own in train.grades} == {"c"}


def test_ranked_by_posting_ties_gaining_nothing() -> None:
    own = pairs(grade("p", "a", 3), grade("p", "b", 0), grade("q", "a", 1), grade("q", "b", 2))
    assert own.rankings(np.array([0.5, 0.5, 0.1, 0.2])) == [[0, 3], [2, 1]]
