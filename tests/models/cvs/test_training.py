"""Training end to end on a few composed CVs: what it writes can be exported, served and judged."""

import json
from pathlib import Path

import pytest

from models.cvs import data, running, written
from models.cvs.student import CvStudent
from models.datasets import draw
from models.running import session

pytestmark = pytest.mark.train


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    cvs, labels = tmp_path / "cvs.jsonl", tmp_path / "labels.jsonl"
    with cvs.open("w") as texts, labels.open("w") as answers:
        for item in written.examples("train")[:40]:
            texts.write(json.dumps({"cv_id": item.cv_id, "text": item.text}) + "\n")
            answers.write(json.dumps({"cv_id": item.cv_id} | item.label) + "\n")
    return cvs, labels


def test_reserved_and_doubled_labels_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    cvs, labels = files
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("written-1-0\n")
    with pytest.raises(ValueError, match="reserved"):
        data.load(cvs, [labels], reserved)
    with pytest.raises(ValueError, match="twice"):
        data.load(cvs, [labels, labels], None)


def test_parts_are_drawn_by_id(files: tuple[Path, Path]) -> None:
    cvs, labels = files
    parts = data.split(data.load(cvs, [labels], None))
    assert sum(map(len, parts.values())) == 40
    assert all(draw(item.cv_id) >= 0.245 for item in parts["train"])


def test_trains_exports_and_serves(files: tuple[Path, Path], tmp_path: Path) -> None:
    from models.cvs.export import export
    from models.cvs.train import Config, train

    cvs, labels = files
    run = train(Config(cvs=cvs, labels=(labels,), out=tmp_path / "run", layers=1, epochs=1, steps=2))
    target = export(run, tmp_path / "model", cvs, [labels], None)
    student = CvStudent.load(target)
    prepared = student.prepare_batch(["Baker\nExperience\nBaker 2010 - 2012"], [None])
    ((window, tokens),) = running.run(session(target / "1" / "model.onnx", 1), prepared)
    extraction = student.decode(prepared[0], window, tokens)
    assert extraction.language.value == "en"
    assert student.assets_digest in (target / "config.pbtxt").read_text()
