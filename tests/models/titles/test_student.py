"""The shipped student: odd titles, and invented ones in several languages whose answers may not change unnoticed."""

import json
from pathlib import Path

import pytest

from models import running
from models.repository import model_dir
from models.titles.student import MAX_TOKENS, Floats, TitleStudent
from topics.titles import TitleFeatures

GOLDEN = Path(__file__).parents[2] / "data" / "golden_titles.jsonl"


@pytest.fixture(scope="module")
def student() -> TitleStudent:
    return TitleStudent.load(model_dir(TitleStudent.name))


def answers(student: TitleStudent, titles: list[str]) -> list[dict[str, Floats]]:
    return running.run(running.session(model_dir(student.name) / "1" / "model.onnx"), student.tokenize(titles))


def read(student: TitleStudent, titles: list[str]) -> list[TitleFeatures]:
    return student.decode(answers(student, titles))


def test_golden_titles(student: TitleStudent, request: pytest.FixtureRequest) -> None:
    rows = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
    found = read(student, [row["title"] for row in rows])
    if request.config.getoption("--update-golden"):
        made = [
            {"title": row["title"], "seniority": own.seniority.value, "department": own.department.value}
            for row, own in zip(rows, found, strict=True)
        ]
        GOLDEN.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), "utf-8")
    assert [(row["title"], row["seniority"], row["department"]) for row in rows] == [
        (row["title"], own.seniority.value, own.department.value) for row, own in zip(rows, found, strict=True)
    ]


@pytest.mark.parametrize("title", ["", "   ", "****** *** ", "\x00\x07", "\u200b", "--- ///"])
def test_a_title_that_says_nothing_is_answered_with_doubt(student: TitleStudent, title: str) -> None:
    assert len(student.tokenize([title])[0]) == 2
    (own,) = read(student, [title])
    assert own.seniority.confidence < 0.6
    assert own.department.confidence < 0.7
    assert own.seniority.review
    assert own.department.review


@pytest.mark.parametrize("title", ["x" * 5_000, "Leiter " * 2_000, "\ud800", "🙂", "营业经理", "ﬁnance", "1", "a\nb"])
def test_odd_titles_go_through(student: TitleStudent, title: str) -> None:
    (ids,) = student.tokenize([title])
    assert 2 <= len(ids) <= MAX_TOKENS
    (own,) = read(student, [title])
    assert 0 < own.seniority.confidence <= 1


def test_results_do_not_depend_on_batch_mates(student: TitleStudent) -> None:
    titles = [
        "Baker",
        "Leiter Einkauf und Logistik Region Süd-West",
        "Chargée de clientèle",
        "",
        "Chief Baking Officer",
    ]
    together = answers(student, titles)
    for title, own in zip(titles, together, strict=True):
        (alone,) = answers(student, [title])
        assert {name: array.tobytes() for name, array in alone.items()} == {
            name: array.tobytes() for name, array in own.items()
        }


def test_digests_are_short_and_stable(student: TitleStudent) -> None:
    again = TitleStudent.load(model_dir(TitleStudent.name))
    assert (again.assets_digest, again.tokenizer_digest) == (student.assets_digest, student.tokenizer_digest)
    assert (len(student.assets_digest), len(student.tokenizer_digest)) == (16, 12)
