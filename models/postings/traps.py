"""Short cases written by hand, full of traps: negation, false friends, minimal pairs. Nothing is ever trained on them.

    python -m models.postings.traps [--misses]

`traps.jsonl` grows by a line: `id`, `group`, `pair` (a name that a minimal pair shares, or null), `language`, `title`,
`text`, and `expect`: the fields at stake and their values by the annotation guide. Put there what a user reports; put
the cure into `written.jsonl`, in other words.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.repository import model_dir
from topics.postings import Posting, PostingExtraction

FILE = Path(__file__).with_name("traps.jsonl")


@dataclass(frozen=True, slots=True)
class Trap:
    """One case: what is at stake, and the values that are right."""

    id: str
    group: str
    pair: str | None
    language: str
    title: str
    text: str
    expect: dict[str, Any]

    @property
    def posting(self) -> Posting:
        """The case as an event."""
        return Posting(id=self.id, title=self.title, body=self.text)


def load(path: Path = FILE) -> list[Trap]:
    """All cases.

    Raises:
        OSError, ValueError, TypeError: no such file, or a line that is no case.
    """
    return [Trap(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def misses(traps: Sequence[Trap], extractions: Sequence[PostingExtraction]) -> list[tuple[Trap, str, Any]]:
    """Each value that is not as expected: its case, its field, what was said instead."""
    return [
        (trap, name, getattr(extraction, name).value)
        for trap, extraction in zip(traps, extractions, strict=True)
        for name, value in trap.expect.items()
        if getattr(extraction, name).value != value
    ]


def lines(traps: Sequence[Trap], missed: Sequence[tuple[Trap, str, Any]]) -> list[str]:
    """The score as a Markdown table, by group and language."""
    values: dict[tuple[str, str], int] = defaultdict(int)
    wrong: dict[tuple[str, str], int] = defaultdict(int)
    for trap in traps:
        values[trap.group, trap.language] += len(trap.expect)
    for trap, _, _ in missed:
        wrong[trap.group, trap.language] += 1
    text = ["| traps | language | values | right |", "|---|---|---|---|"]
    for (group, language), count in sorted(values.items()):
        text.append(f"| {group} | {language} | {count} | {1 - wrong[group, language] / count:.3f} |")
    total, bad = sum(values.values()), len(missed)
    cases = len({trap.id for trap, _, _ in missed})
    text.append(f"| **all** | | {total} | **{1 - bad / total:.3f}** |")
    return [*text, "", f"Cases with every value right: {len(traps) - cases} of {len(traps)}."]


def score(model: Path) -> tuple[list[str], list[tuple[Trap, str, Any]]]:
    """Lines of the table, and the misses, of the exported student in a folder."""
    from models.postings import running  # ONNX Runtime is of the `train` extra
    from models.postings.student import Student
    from models.running import session

    cases, student = load(), Student.load(model)
    prepared = student.prepare_batch([trap.posting for trap in cases])
    answers = running.run(session(model / "1" / "model.onnx"), prepared)
    missed = misses(cases, [student.decode(p, *answer) for p, answer in zip(prepared, answers, strict=True)])
    return lines(cases, missed), missed


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=model_dir("postings_student"), help="folder of the exported student"
    )
    parser.add_argument("--misses", action="store_true", help="show each value that is not as expected")
    options = parser.parse_args(arguments)
    table, missed = score(options.model)
    if options.misses:
        for trap, name, said in missed:
            sys.stdout.write(f"{trap.id}: {name} is {trap.expect[name]!r}, not {said!r}: {trap.title} | {trap.text}\n")
    sys.stdout.write("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
