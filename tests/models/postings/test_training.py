"""The whole way on tiny synthetic postings: train a few steps, export, serve."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.postings import data, running
from models.postings.labels import HEADS, TAGS
from models.postings.preparing import Prepared, Unit
from models.postings.student import Student
from topics.postings import Posting

LABEL = {
    "work_arrangement": "remote", "pay_period": "hour", "pay_min": 20, "pay_max": 25, "pay_currency": "USD",
    "commission": "no", "bonus": "no", "experience_requirement": "required", "experience_years_min": 3,
    "experience_years_max": None, "experience_level": "intermediate", "education_requirement": "not_stated",
    "education_level": "not_stated", "certification": "not_stated", "employment_type": "full_time", "seniority": "mid",
    "department": "Healthcare", "language": "en", "skills": ["Python"], "hard": False,
    "evidence": {"work_arrangement": "work from home", "pay": "Pay: $20 - $25", "experience": "3 years of experience"},
}  # fmt: skip


def write(folder: Path, count: int = 24) -> tuple[Path, Path]:
    postings, labels = folder / "postings.jsonl", folder / "labels.jsonl"
    texts = [
        f"<p>Join team {i}.</p><ul><li>You work from home number {i}.</li><li>Pay: $20 - $25 an hour in group {i}.</li>"
        f"<li>3 years of experience with Python {i}.</li></ul><p>Full time.</p><p>{'We smile a lot. ' * (i % 4)}</p>"
        for i in range(count)
    ]
    rows = [{"id": f"p{i}", "title": "Nurse", "location": "Denver, CO", "text": t} for i, t in enumerate(texts)]
    postings.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    labels.write_text("".join(json.dumps({"id": f"p{i}"} | LABEL) + "\n" for i in range(count)), "utf-8")
    return postings, labels


@pytest.mark.train
def test_trains_exports_and_serves(tmp_path: Path) -> None:
    from models.postings.export import export  # of the `train` extra
    from models.postings.train import Config, train

    postings, labels = write(tmp_path)
    run = train(Config(postings, labels, tmp_path / "run", epochs=1, steps=2, batch_tokens=400))
    target = export(run, tmp_path / "postings_student", None, None, None)
    student = Student.load(target)
    assert student.assets_digest in (target / "config.pbtxt").read_text("utf-8")

    posting = Posting(id="x", title="Nurse", location="Denver, CO", body="Pay: $20 an hour.\nWork from home.\nBe nice.")
    (prepared,) = student.prepare_batch([posting])
    model = running.session(target / "1" / "model.onnx")
    ((sentence, tokens),) = running.run(model, [prepared])
    assert sentence.shape == (len(prepared.units), sum(map(len, HEADS.values())))
    assert [t.shape for t in tokens] == [(len(unit.token_ids), len(TAGS)) for unit in prepared.units]
    extraction = student.decode(prepared, sentence, tokens)
    assert extraction == student.decode(prepared, sentence, tokens)
    assert extraction.language.value == "en"


@pytest.mark.train
def test_a_result_does_not_depend_on_batch_mates(tmp_path: Path) -> None:
    from models.postings.export import export  # of the `train` extra
    from models.postings.train import Config, train

    postings, labels = write(tmp_path)
    run = train(Config(postings, labels, tmp_path / "run", epochs=1, steps=1, batch_tokens=400))
    model = running.session(export(run, tmp_path / "student", None, None, None) / "1" / "model.onnx")
    generator = np.random.default_rng(0)
    units = tuple(
        Unit(0, 1, [101, *generator.integers(1000, 20000, size).tolist(), 102], [(0, 0)] * (size + 2))
        for size in (30, 30, 29, 28, 30, 27, 30)
    )
    together = running.run(model, [Prepared("x", "en", 1.0, True, "", units)])[0]
    for index, unit in enumerate(units):
        alone = running.run(model, [Prepared("x", "en", 1.0, True, "", (unit,))])[0]
        np.testing.assert_array_equal(together[0][index], alone[0][0])
        np.testing.assert_array_equal(together[1][index], alone[1][0])


def test_reserved_postings_are_refused(tmp_path: Path) -> None:
    postings, labels = write(tmp_path, count=3)
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("p1\n", "utf-8")
    with pytest.raises(ValueError, match="p1 is reserved"):
        data.load(postings, labels, reserved)


def test_near_duplicates_stay_together() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " * 3
    groups = data.near_duplicates([long, "something else entirely that shares no eight words at all", long + " more"])
    assert groups[0] == groups[2] != groups[1]
