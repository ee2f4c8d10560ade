"""Figures of the anonymiser and their Markdown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.anonymise.kinds import KINDS, Kind

_SAMPLES = 1_000


class Counts(NamedTuple):
    """Of one document and kind: values found, values that stand in it, masks that are right, masks."""

    found: int
    gold: int
    right: int
    masks: int


class Alarms(NamedTuple):
    """Masks in a text that is about no person."""

    masks: dict[Kind, int]
    words: int


class Score(NamedTuple):
    """Of the hand-written cases: values found of all, things left alone of all that must stay."""

    found: int
    gold: int
    kept: int
    stay: int


def ratio(pairs: Sequence[tuple[int, int]]) -> str:
    """A share with its 95 % interval over resampled documents, and its counts."""
    numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    hits, total = numbers.sum(axis=0)
    if not total:
        return "none"
    drawn = np.random.default_rng(0).integers(0, len(numbers), (_SAMPLES, len(numbers)))
    sums = numbers[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / np.maximum(1, sums[:, 1]), [2.5, 97.5])
    return f"{hits / total:.4f} [{low:.4f}, {high:.4f}] ({hits}/{total})"


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one evaluation.

    Attributes:
        documents: test CVs by language.
        real: how many of them have a real body.
        languages: of each test CV.
        tools: counts by kind and document, of the anonymiser and of what it is compared with.
        seen: the anonymiser's counts where training saw the names.
        identical: by language, pairs of one CV about two people.
        cases: scores of the hand-written cases by language and kind.
        postings: masks in postings.
        speed: CVs of 3,500 characters a second on one core.
    """

    documents: dict[str, int]
    real: int
    languages: Sequence[str]
    tools: dict[str, dict[Kind, list[Counts]]]
    seen: dict[Kind, list[Counts]]
    identical: dict[str, list[Counts]]
    cases: dict[str, dict[str, Score]]
    postings: Sequence[Alarms]
    speed: float

    def lines(self) -> list[str]:
        """The report as Markdown."""
        shares = ", ".join(f"{number} {language}" for language, number in self.documents.items())
        text = [
            f"{sum(self.documents.values())} test CVs ({shares}; {self.real} with a real body). In brackets 95 % "
            f"bootstrap intervals over CVs, then counts.",
            "",
        ]
        for language in self.documents:
            text += self._table(language)
        text += ["| kind | recall, names seen in training | recall, names never seen |", "|---|---|---|"]
        for kind in ("name", "address", "email"):
            unseen = self.tools["anonymiser"][kind]
            text.append(f"| {kind} | {_recall(self.seen[kind])} | {_recall(unseen)} |")
        text += ["", "One CV about two people, identical masked texts:", ""]
        text += [f"- {language}: {_recall(pairs)}" for language, pairs in self.identical.items()]
        text += [
            "",
            "Cases written by hand (`cases.jsonl`), never trained on:",
            "",
            "| language | kind | found | of |",
            "|---|---|---|---|",
        ]
        for language, scores in self.cases.items():
            text += [
                f"| {language} | {kind} | {score.found} | {score.gold} |"
                for kind, score in scores.items()
                if score.gold
            ]
            kept, stay = (sum(getattr(score, name) for score in scores.values()) for name in ("kept", "stay"))
            text.append(f"| {language} | things that must stay | {kept} | {stay} |")
        if self.postings:
            masks = Counter[Kind]()
            for own in self.postings:
                masks.update(own.masks)
            words = sum(own.words for own in self.postings)
            shown = ", ".join(f"{kind} {masks[kind]}" for kind in KINDS if masks[kind])
            text += [
                "",
                f"Masks in {len(self.postings)} postings ({words} words; some do name a person to write to): {shown}.",
            ]
        return [*text, "", f"Speed: {self.speed:.0f} CVs of 3,500 characters a second on one core (processor time)."]

    def _table(self, language: str) -> list[str]:
        names = list(self.tools)
        others = "".join(f" {name}: recall | {name}: precision |" for name in names[1:])
        text = [f"| {language} | recall | precision |{others}", "|---|---|---|" + "---|---|" * (len(names) - 1)]
        for kind in KINDS:
            cells = []
            for name in names:
                own = [c for c, lang in zip(self.tools[name][kind], self.languages, strict=True) if lang == language]
                cells += [_recall(own), ratio([(c.right, c.masks) for c in own])]
            text.append(f"| {kind} | {' | '.join(cells)} |")
        return [*text, ""]


def _recall(counts: Sequence[Counts]) -> str:
    return ratio([(c.found, c.gold) for c in counts])
