"""Writes those postings and CVs that are graded, for `talentstream extract` and `talentstream structure`.

python -m models.matching.sample --grades grades.jsonl --postings pool.jsonl.gz --cvs cvs.jsonl.gz --out folder
"""

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path

from models.datasets import read_lines
from models.matching.data import read_grades


def write(source: Path, key: str, wanted: Collection[str], target: Path) -> int:
    """The lines whose `key` is wanted; how many there were."""
    count = 0
    with target.open("w", encoding="utf-8") as out:
        for row in read_lines(source):
            if row[key] in wanted:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grades", type=Path, nargs="+", required=True)
    parser.add_argument("--postings", type=Path, required=True)
    parser.add_argument("--cvs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    grades = read_grades(options.grades)
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.postings, "id", {own.posting_id for own in grades}, options.out / "postings.jsonl")
    write(options.cvs, "cv_id", {own.cv_id for own in grades}, options.out / "cvs.jsonl")


if __name__ == "__main__":
    main()
