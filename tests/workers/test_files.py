import gzip
from pathlib import Path

import pytest

from topics.catalogue import POSTINGS
from workers.files import parse_rename, read_events

LINES = b"""{"id": "a", "body": "one"}

{"id": "b"}
{"id": "c", "body": "\xff"}
not json
{"body": "no id"}
[]
{"id": "d", "body": "two"}
"""


@pytest.mark.parametrize("name", ["postings.jsonl", "postings.jsonl.gz"])
def test_good_lines_are_events_and_bad_ones_say_where_and_what(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(LINES) if name.endswith("gz") else LINES)
    lines = list(read_events(path, POSTINGS))
    assert [(line.number, line.key, line.event is not None) for line in lines] == [
        (1, "a", True),
        (3, "b", False),
        (4, "c", False),
        (5, None, False),
        (6, None, False),
        (7, None, False),
        (8, "d", True),
    ]
    assert [line.errors[0].field for line in lines if line.errors] == ["body", "$value", "$value", "id", "$value"]


def test_rename_reads_files_made_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"id": "a", "text": "one", "meta": {"x": 1}}\n')
    (line,) = read_events(path, POSTINGS, parse_rename(["text=body"]))
    assert line.event is not None
    assert line.event.body == "one"  # type: ignore[attr-defined]


def test_rename_needs_an_equals_sign() -> None:
    with pytest.raises(ValueError, match="FROM=TO"):
        parse_rename(["text"])
