"""Titles from files to files, around a model that is told what to answer."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.repository import model_dir
from models.titles.labels import HEADS, output
from models.titles.student import TitleStudent
from workers import titles
from workers.inference import Inference, ServedModel
from workers.titles import TitleReader

MODEL = ServedModel(TitleStudent.name, "1", 64, tuple(map(output, HEADS)), frozenset())


class Told:
    """Answers by the number of tokens, and counts what it is asked."""

    model = MODEL

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        self.asked += [list(sequence) for sequence in sequences]
        answers = []
        for sequence in sequences:
            own = {}
            for head, classes in HEADS.items():
                array = np.full(len(classes), 0.5 / (len(classes) - 1), np.float32)
                array[len(sequence) % len(classes)] = 0.5
                own[output(head)] = array
            answers.append(own)
        return Inference(MODEL, answers)


@pytest.fixture(scope="module")
def student() -> TitleStudent:
    return TitleStudent.load(model_dir(TitleStudent.name))


async def test_equal_titles_are_asked_once_and_answered_in_order(student: TitleStudent) -> None:
    told = Told()
    found = await TitleReader(told, student).read(["Baker", "Leiter Einkauf und Logistik", "Baker", ""])
    assert len(told.asked) == 3
    assert found[0] == found[2] != found[1]
    expected = len(student.tokenize(["Leiter Einkauf und Logistik"])[0]) % len(HEADS["department"])
    assert found[1].department.value == HEADS["department"][expected]
    assert found[1].department.confidence == 0.5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.txt", "Baker\n\nChef, Pastry\n"),
        ("in.csv", 'id,title\n1,Baker\n2,\n3,"Chef, Pastry"\n'),
        ("in.csv", 'text,label\nBaker,x\n"",x\n"Chef, Pastry",y\n'),
        ("in.jsonl", '{"title": "Baker"}\n{"text": ""}\n\n{"title": "Chef, Pastry"}\n'),
    ],
)
def test_files_are_read_in_order_blank_titles_too(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert titles.read_file(tmp_path / name) == ["Baker", "", "Chef, Pastry"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.xml", "", "expected a file named"),
        ("in.csv", "name\nBaker\n", "neither a column"),
        ("in.jsonl", '{"title": "Baker"}\n{"title": 3}\n', "line 2 is no JSON object"),
        ("in.jsonl", "[1]\n", "line 1 is no JSON object"),
        ("in.jsonl", "{\n", "line 1 is no JSON object"),
    ],
)
def test_what_can_not_be_read_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=message):
        titles.read_file(tmp_path / name)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
async def test_rows_are_written_in_order_whatever_the_title_holds(
    tmp_path: Path, student: TitleStudent, name: str
) -> None:
    read = ['Chef "Pastry", Lyon', "****** ***", "Bad \udcff byte"]
    titles.write_file(tmp_path / name, read, await TitleReader(Told(), student).read(read))
    text = (tmp_path / name).read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines())) if name.endswith("csv") else list(map(json.loads, text.splitlines()))
    assert [row["title"] for row in rows] == [*read[:2], "Bad ? byte"]
    assert [tuple(row) for row in rows] == [titles.COLUMNS] * 3
    assert {float(row["seniority_confidence"]) for row in rows} == {0.5}
