"""The whole way on tiny synthetic postings: train a few steps, export, serve."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from models import datasets
from models.postings import data, running
from models.postings.labels import HEADS, SCORES, SHOWN, TAGS
from models.postings.preparing import Prepared, Unit
from models.postings.student import Student
from models.postings.voting import Calibration
from models.running import session
from models.text.sentences import Span
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
    run = train(Config(postings, (labels,), tmp_path / "run", epochs=1, steps=2))
    target = export(run, tmp_path / "postings_student", None, (), None)
    student = Student.load(target)
    assert student.assets_digest in (target / "config.pbtxt").read_text("utf-8")

    posting = Posting(id="x", title="Nurse", location="Denver, CO", body="Pay: $20 an hour.\nWork from home.\nBe nice.")
    (prepared,) = student.prepare_batch([posting])
    model = session(target / "1" / "model.onnx")
    ((sentence, tokens),) = running.run(model, [prepared])
    assert sentence.shape == (len(prepared.units), SCORES)
    assert [t.shape for t in tokens] == [(len(unit.token_ids), len(TAGS) + len(SHOWN)) for unit in prepared.units]
    extraction = student.decode(prepared, sentence, tokens)
    assert extraction == student.decode(prepared, sentence, tokens)
    assert extraction.language.value == "en"


@pytest.mark.train
def test_a_result_does_not_depend_on_batch_mates(tmp_path: Path) -> None:
    from models.postings.export import export  # of the `train` extra
    from models.postings.train import Config, train

    postings, labels = write(tmp_path)
    run = train(Config(postings, (labels,), tmp_path / "run", epochs=1, steps=1))
    model = session(export(run, tmp_path / "student", None, (), None) / "1" / "model.onnx")
    generator = np.random.default_rng(0)
    units = tuple(
        Unit(0, 1, [101, *generator.integers(1000, 20000, size).tolist(), 102], [(0, 0)] * (size + 2))
        for size in (30, 30, 29, 28, 30, 27, 30)
    )
    together = running.run(model, [Prepared("x", Span(0, 0), "en", 1.0, True, "", units)])[0]
    for index, unit in enumerate(units):
        alone = running.run(model, [Prepared("x", Span(0, 0), "en", 1.0, True, "", (unit,))])[0]
        np.testing.assert_array_equal(together[0][index], alone[0][0])
        np.testing.assert_array_equal(together[1][index], alone[1][0])


@pytest.mark.train
def test_training_goes_on_from_what_is_served(tmp_path: Path) -> None:
    import torch

    from models.postings.export import export  # of the `train` extra
    from models.postings.network import Network, Probabilities
    from models.postings.train import Config, train

    postings, labels = write(tmp_path)
    config = Config(postings, (labels,), tmp_path / "run", epochs=1, steps=1)
    served = export(train(config), tmp_path / "student", None, (), None)
    # No step at all: what it goes on from is what was served, but for what eight bits leave out.
    again = dataclasses.replace(config, start=served, out=tmp_path / "again", encoder_rate=0.0, head_rate=0.0)
    network = Probabilities(Network.load(train(again)))
    ids = torch.randint(1000, 20000, (2, 24))
    expected = session(served / "1" / "model.onnx").run(
        None, {"input_ids": ids.numpy(), "attention_mask": np.ones((2, 24), np.int64)}
    )
    with torch.no_grad():
        _, tokens = network(ids, torch.ones_like(ids))
    np.testing.assert_allclose(tokens.numpy(), expected[1], atol=0.05)
    assert json.loads((tmp_path / "again" / "config.json").read_text("utf-8"))["start"]["train_postings"] > 0


WORDS = (
    "river", "stone", "window", "garden", "morning", "letter", "market", "bridge", "summer", "winter", "kitchen",
    "mountain", "forest", "island", "village", "harbour", "castle", "meadow",
)  # fmt: skip


def various(folder: Path, count: int) -> tuple[Path, Path]:
    """Postings that say the same in other surroundings, so that none is another's near-duplicate."""
    postings, labels = write(folder, count)
    rows = [json.loads(line) for line in postings.read_text("utf-8").splitlines()]
    generator = np.random.default_rng(0)
    for row in rows:
        row["text"] += f"<p>{' '.join(generator.choice(WORDS, 120))}.</p>"
    postings.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return postings, labels


@pytest.mark.train
def test_confidence_is_fitted_to_the_calibration_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.postings.export import export  # of the `train` extra
    from models.postings.train import Config, train

    monkeypatch.setattr(data, "written", list)
    postings, labels = various(tmp_path, 40)
    further = tmp_path / "further.jsonl"
    lines = labels.read_text("utf-8").splitlines(keepends=True)
    labels.write_text("".join(lines[:32]), "utf-8")
    further.write_text("".join(lines[32:36]), "utf-8")
    files = (labels, further)
    parts = data.split(data.load(postings, files, None), ())
    assert all(item.sampled for part in ("calibration", "test") for item in parts[part])
    assert {f"p{i}" for i in range(32, 36)} <= {item.posting.id for item in parts["train"]}

    run = train(Config(postings, files, tmp_path / "run", epochs=1, steps=2))
    student = Student.load(export(run, tmp_path / "student", postings, files, None))
    # All of them say "remote": the more certain for having been seen to be right.
    example = parts["calibration"][0]
    (prepared,) = student.prepare_batch([example.posting])
    ((scores, _),) = running.run(session(tmp_path / "student" / "1" / "model.onnx"), [prepared])
    remote = HEADS["work_arrangement"].index("remote")
    before = Calibration.neutral().probabilities(scores)["work_arrangement"][remote]
    assert student.calibration.probabilities(scores)["work_arrangement"][remote] > before


@pytest.mark.train
def test_a_head_is_reviewed_below_where_it_errs() -> None:
    from models.measuring import review_threshold

    sure = np.repeat([0.45, 0.55, 0.65, 0.75, 0.85, 0.95], 20)
    right = np.array([True] * 10 + [False] * 10 + [True] * 100)
    assert review_threshold(sure, right) == 0.5
    assert review_threshold(sure, np.ones(120, bool)) == 0.0
    # Luck below a stretch of errors does not count.
    right[40:60] = False
    assert review_threshold(sure, right) == 0.7


@pytest.mark.train
@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_f1_is_that_of_scikit_learn(average: str) -> None:
    from sklearn.metrics import f1_score

    from models.measuring import f1  # of the `train` extra

    generator = np.random.default_rng(0)
    truth, guess = (generator.choice(list("abcde"), 200, p=[0.5, 0.3, 0.1, 0.05, 0.05]).tolist() for _ in range(2))
    classes = sorted(set(truth))
    expected = f1_score(truth, guess, labels=classes, average=average, zero_division=0.0)
    assert f1(truth, guess, classes, average) == pytest.approx(expected)


@pytest.mark.train
def test_group_f1_leaves_out_what_is_too_rare() -> None:
    from models.postings.evaluate import group_f1  # of the `train` extra

    truth = [("a", "x")] * 6 + [("b", "x")] * 6 + [("c", "x")]
    guess = [("a", "x")] * 6 + [("b", "x")] * 6 + [("a", "x")]
    assert group_f1("macro", truth)(truth, truth) == 1.0
    # "c" stands once: that it is missed counts only as a wrong "a".
    assert group_f1("macro", truth)(truth, guess) == pytest.approx((np.mean([12 / 13, 1.0]) + 1.0) / 2)


def test_reserved_postings_are_refused(tmp_path: Path) -> None:
    postings, labels = write(tmp_path, count=3)
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("p1\n", "utf-8")
    with pytest.raises(ValueError, match="p1 is reserved"):
        data.load(postings, [labels], reserved)


def test_a_posting_is_labelled_once(tmp_path: Path) -> None:
    postings, labels = write(tmp_path, count=3)
    with pytest.raises(ValueError, match="p0 is labelled twice"):
        data.load(postings, [labels, labels], None)


def test_unlabelled_postings_resemble_none_that_is_tested_on(tmp_path: Path) -> None:
    postings, labels = various(tmp_path, 12)
    rows = [json.loads(line) for line in postings.read_text("utf-8").splitlines()]
    rows.append(rows[0] | {"id": "copy"})
    postings.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    labels.write_text("".join(labels.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    examples = data.load(postings, [labels], None)
    found = data.unlabelled(postings, examples, examples[:1], (), None, 100, 0)
    assert sorted(posting.id for posting in found) == sorted(f"p{i}" for i in range(4, 12))


def test_near_duplicates_stay_together() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " * 3
    groups = datasets.near_duplicates(
        [long, "something else entirely that shares no eight words at all", long + " more"]
    )
    assert groups[0] == groups[2] != groups[1]
