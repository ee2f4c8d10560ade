"""Decisions on the posting, each with the sentences that show it, and the numbers and skills that the tags point at."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models.postings import numbers
from models.postings.labels import DEFAULTS, HEADS, POSTING_HEADS, TAGS, head_slices
from models.postings.preparing import Prepared, Unit
from models.postings.tagging import Floats, tagged, tagged_years
from models.postings.voting import Calibration

# Numbers are read from the surest sentences: a further one is at least half as sure as the best.
_MAX_UNITS = 3
_SAID_SHARE, _SAID_FLOOR = 0.5, 0.05
_MAX_SKILLS = 12
# Set on training postings: years nearly as sure as the surest stand for the whole if they come before it.
_FIRST_SHARE = 0.8
# Amounts further apart than this are not two ranges of one job's pay.
_PAY_SPREAD = 3.0
# Probability that a unit behind an amount makes up for.
_UNIT_WORTH = 0.1
_MAX_SKILL_WORDS = 6
_AMOUNT, _SKILL = TAGS.index("amount"), TAGS.index("skill")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Fitted on postings that were not trained on.

    Attributes:
        review: of each head: below this confidence a person should look.
        skill, amount, years: probability from which a token carries the tag.
    """

    review: dict[str, float]
    skill: float = 0.5
    amount: float = 0.4
    years: float = 0.5

    @classmethod
    def neutral(cls) -> "Thresholds":
        """Marks nothing."""
        return cls(dict.fromkeys(HEADS, 0.0))

    @classmethod
    def load(cls, path: Path) -> "Thresholds":
        """Reads `thresholds.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        read = cls(**json.loads(path.read_text("utf-8")))
        if read.review.keys() != HEADS.keys():
            raise ValueError(f"{path}: not of this release's heads")
        return read

    def save(self, path: Path) -> None:
        """Writes `thresholds.json`."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Decision:
    """One head's answer.

    Attributes:
        confidence: calibrated probability of `value`.
        stated: calibrated probability that the posting says anything on it at all.
        units: those that say it, surest first.
        said: of each unit of the posting how surely it says it; empty where nothing is said.
    """

    value: str
    confidence: float
    stated: float
    units: tuple[int, ...]
    said: tuple[float, ...] = ()


def decide(sentence_scores: Floats, calibration: Calibration) -> dict[str, Decision]:
    """Decision of every head.

    Args:
        sentence_scores: `(units, S)`.
    """
    decisions = {}
    slices = head_slices()
    for head, final in calibration.probabilities(sentence_scores).items():
        best = int(final.argmax())
        value, confidence = HEADS[head][best], round(float(final[best]), 4)
        if head in POSTING_HEADS:
            decisions[head] = Decision(value, confidence, 1.0, (0,))
            continue
        stated = round(1 - float(final[0]), 4)
        if best == 0:
            decisions[head] = Decision(DEFAULTS[head], confidence, stated, ())
            continue
        column = sentence_scores[:, slices[head].start + best]
        order = sorted(range(len(column)), key=lambda unit: (-column[unit], unit))
        least = max(_SAID_FLOOR, _SAID_SHARE * float(column[order[0]]))
        units = tuple(u for u in order[:_MAX_UNITS] if column[u] >= least)
        decisions[head] = Decision(value, confidence, stated, units, tuple(column.tolist()))
    return decisions


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers read from a posting: low, high, currency, how sure, where, and the pay's unit where it is written out."""

    low: float | None
    high: float | None
    currency: str | None
    confidence: float
    spans: tuple[tuple[int, int], ...]
    period: str | None = None


def read_pay(prepared: Prepared, token_probs: Sequence[Floats], pay: Decision, threshold: float) -> Reading | None:
    """The pay that the deciding sentences state: overall minimum and maximum; None where no figure can be read."""
    # Which dollar, where the posting has no location of its own: its title and first words may name the place.
    place = prepared.location or prepared.text[: prepared.units[0].end]
    found: list[tuple[numbers.Amount, Unit, float]] = []
    for index in pay.units:
        unit = prepared.units[index]
        runs = tagged(unit, token_probs[index], _AMOUNT, threshold)
        for amount in numbers.amounts(_sentence(prepared, unit), place):
            sure = [p for a, b, p in runs if a < amount.end + unit.start and amount.start + unit.start < b]
            if sure:
                found.append((amount, unit, max(sure)))
    if not found:
        return None
    # Of two like sure amounts, one with its unit written behind it is the pay rather than a bonus beside it.
    periods = [numbers.period(_sentence(prepared, unit), amount) for amount, unit, _ in found]
    surest = max(range(len(found)), key=lambda i: found[i][2] + _UNIT_WORTH * (periods[i] is not None))
    period, reference = periods[surest], found[surest][0]
    # Several ranges of one job lie close together; a sign-on bonus or an allowance beside the pay does not, and what
    # has no currency where the pay has one is a year, a postal code, hours.
    found = [item for item in found if _comparable(item[0], reference)]
    lows = [numbers.scaled(a.low, period or pay.value) for a, _, _ in found]
    highs = [numbers.scaled(a.high, period or pay.value) for a, _, _ in found]
    currency = next((a.currency for a, _, _ in found if a.currency), None)
    return Reading(
        min((v for v in lows if v is not None), default=None),
        max((v for v in highs if v is not None), default=None),
        currency or numbers.local_currency(place, prepared.language),
        round(pay.stated * min(p for _, _, p in found), 4),
        tuple((unit.start + a.start, unit.start + a.end) for a, unit, _ in found[:_MAX_UNITS]),
        period,
    )


def _sentence(prepared: Prepared, unit: Unit) -> str:
    return prepared.text[unit.start : unit.end]


def _comparable(amount: numbers.Amount, pay: numbers.Amount) -> bool:
    a, b = ((x.low if x.low is not None else x.high) or 1.0 for x in (amount, pay))
    return max(a, b) <= _PAY_SPREAD * min(a, b) and bool(amount.currency or not pay.currency)


def read_years(
    prepared: Prepared, token_probs: Sequence[Floats], experience: Decision, threshold: float
) -> Reading | None:
    """The years of experience in the deciding sentences: the first of those that the tags are surest of; None if none.

    What is asked for on the whole is said before what part of it must be of a kind.
    """
    found = [
        stretch
        for index in sorted(experience.units)
        for stretch in tagged_years(prepared, prepared.units[index], token_probs[index], threshold)
    ]
    if not found:
        return None
    least = _FIRST_SHARE * max(sure for *_, sure in found)
    years, start, end, sure = next(stretch for stretch in found if stretch[-1] >= least)
    return Reading(years.low, years.high, None, round(experience.confidence * sure, 4), ((start, end),))


def read_skills(
    prepared: Prepared, token_probs: Sequence[Floats], threshold: float
) -> list[tuple[str, float, int, int]]:
    """Skill spans: text, confidence, start, end; each name once, surest first."""
    found: dict[str, tuple[str, float, int, int]] = {}
    for unit, probabilities in zip(prepared.units, token_probs, strict=True):
        for start, end, sure in tagged(unit, probabilities, _SKILL, threshold):
            start, end = _whole_words(prepared.text, start, end)
            name = prepared.text[start:end]
            if not name or "\n" in name or len(name.split()) > _MAX_SKILL_WORDS:
                continue
            key = name.casefold()
            if key not in found or sure > found[key][1]:
                found[key] = name, round(sure, 4), start, end
    return sorted(found.values(), key=lambda skill: (-skill[1], skill[2]))[:_MAX_SKILLS]


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    # A word is tagged by its pieces; "C" of "C++" and "Hadoop" of "Hadoop," need their own edges.
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and ((text[end].isalnum() and text[end - 1].isalnum()) or text[end] in "+#"):
        end += 1
    while start < end and text[start] in " ,.;:()/-•*\n":
        start += 1
    while end > start and text[end - 1] in " ,.;:(/-•*\n":
        end -= 1
    return start, end
