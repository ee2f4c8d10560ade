"""Heads and snippets of CVs written by hand: what must be masked in each, and what must stay."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.anonymise.kinds import Found
from models.anonymise.report import Score

CASES = "cases.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """A snippet.

    Attributes:
        mask: kind and value of what is to be masked; a value stands for all its places.
        stay: what must not be masked.
    """

    language: str
    text: str
    mask: tuple[tuple[str, str], ...]
    stay: tuple[str, ...]


def load() -> list[Case]:
    """All cases."""
    rows = map(json.loads, (Path(__file__).parent / CASES).read_text("utf-8").splitlines())
    return [Case(r["language"], r["text"], tuple((k, v) for k, v in r["mask"]), tuple(r["stay"])) for r in rows]


def missed(case: Case, find: Callable[[str], Sequence[Found]]) -> tuple[list[tuple[str, str]], list[str]]:
    """The values that are not wholly masked, and the things that should have stayed."""
    found = find(case.text)
    left = "".join("\0" if any(f.start <= i < f.end for f in found) else c for i, c in enumerate(case.text))

    def gone(value: str) -> bool:
        places = [i for i in range(len(case.text)) if case.text.startswith(value, i)]
        return all(not any(c.isalnum() for c in left[i : i + len(value)]) for i in places)

    return [(k, v) for k, v in case.mask if not gone(v)], [value for value in case.stay if value not in left]


def score(find: Callable[[str], Sequence[Found]]) -> dict[str, dict[str, Score]]:
    """Scores by language and kind; things that must stay are counted under the kind `stay`."""
    scores: dict[str, dict[str, Score]] = {}
    for case in load():
        missing, harmed = missed(case, find)
        own = scores.setdefault(case.language, {})
        for kind, value in case.mask:
            before = own.get(kind, Score(0, 0, 0, 0))
            own[kind] = before._replace(found=before.found + ((kind, value) not in missing), gold=before.gold + 1)
        before = own.get("stay", Score(0, 0, 0, 0))
        own["stay"] = before._replace(
            kept=before.kept + len(case.stay) - len(harmed), stay=before.stay + len(case.stay)
        )
    return scores
