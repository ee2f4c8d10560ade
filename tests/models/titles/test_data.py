"""Reading labels and lists; what never crosses the border between training and test."""

import gzip
import json
from pathlib import Path

import pytest

from models.titles import data
from models.titles.cleaning import key


def write_lines(path: Path, rows: list[dict[str, str | None]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def label(title: str, **more: str | None) -> dict[str, str | None]:
    return {"title": title, "seniority": "Professional", "department": "Other", "origin": "positions"} | more


def test_labels_are_read_with_what_is_unknown_and_what_else_is_right(tmp_path: Path) -> None:
    rows = [label("Baker (m/w/d)", department=None), label("Cook", seniority_alt="Senior", origin="cvs"), label("***")]
    baker, cook = data.read_labels(write_lines(tmp_path / "labels.jsonl", rows))
    assert (baker.text, baker.classes, baker.real) == ("Baker", {"seniority": "Professional"}, True)
    assert (cook.second, cook.real) == ({"seniority": "Senior"}, False)


def test_an_unknown_class_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "labels.jsonl", [label("Baker", seniority="Chef")])
    with pytest.raises(ValueError, match="'Chef' is no seniority"):
        data.read_labels(path)


def test_lists_know_one_head(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('text,label\n"Sales, Nord",Sales\n , Sales\n'.replace(" , Sales", " ,Sales"), "utf-8")
    assert [(t.text, t.classes, t.real) for t in data.read_list(path, "department")] == [
        ("Sales, Nord", {"department": "Sales"}, False)
    ]


def test_near_duplicates_stay_together_and_tested_ones_train_nowhere() -> None:
    real = [data.Title(f"Baker of {n} loaves", {"seniority": "Professional"}, {}, True) for n in range(200)]
    real += [data.Title(f"{n} LOAVES: baker, of", {"seniority": "Lead"}, {}, True) for n in range(200)]
    others = [data.Title(title.text.lower(), title.classes, {}, False) for title in real[:200]]
    parts = data.split([*real, *others])
    keys = {part: {key(title.text) for title in own} for part, own in parts.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["calibration"]
    assert not keys["calibration"] & keys["test"]
    assert all(title.real for part in ("calibration", "test") for title in parts[part])
    assert 80 < len(parts["test"]) < 160
    assert any(not title.real for title in parts["train"])


def test_plain_titles_and_occupations_are_read_once_each(tmp_path: Path) -> None:
    plain = tmp_path / "titles.txt"
    plain.write_text("Baker\n\n Baker \nCook\n", "utf-8")
    assert data.read_plain(plain) == ["Baker", "Cook"]
    occupations = tmp_path / "occupations.csv.gz"
    with gzip.open(occupations, "wt", encoding="utf-8") as out:
        out.write('preferredLabel,altLabels\nBäcker/Bäckerin,"Brotbäcker\nBäcker"\n')
    assert data.read_occupations(occupations) == ["Bäcker", "Bäckerin", "Brotbäcker"]
