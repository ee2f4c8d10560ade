"""Probabilities of units to calibrated decisions on the posting, each with the sentences that show it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.postings import numbers
from models.postings.labels import DEFAULTS, HEADS, POSTING_HEADS, TAGS, head_slices
from models.postings.preparing import Prepared, Unit

Floats = NDArray[np.float32]
_MAX_EVIDENCE = 3
# A further sentence is evidence when it is at least half as sure as the best.
_EVIDENCE_SHARE = 0.5
_FLOOR = 1e-6
_MAX_SKILLS = 12
# Amounts further apart than this are not two ranges of one job's pay.
_PAY_SPREAD = 3.0
# Probability that a unit behind an amount makes up for.
_UNIT_WORTH = 0.1
_MAX_SKILL_WORDS = 6
_AMOUNT, _YEARS, _SKILL = TAGS.index("amount"), TAGS.index("years"), TAGS.index("skill")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted on postings that were not trained on.

    Attributes:
        scale, bias: of each head: probabilities are `softmax(scale * score + bias)`.
        votes: of each posting head: weight of the mean vote of the units after the first.
        skill_threshold, amount_threshold, years_threshold: probability from which a token carries the tag.
    """

    scale: dict[str, float]
    bias: dict[str, list[float]]
    votes: dict[str, float]
    skill_threshold: float = 0.5
    amount_threshold: float = 0.5
    years_threshold: float = 0.5

    @classmethod
    def neutral(cls) -> "Calibration":
        """Changes nothing."""
        return cls(
            dict.fromkeys(HEADS, 1.0), {h: [0.0] * len(c) for h, c in HEADS.items()}, dict.fromkeys(POSTING_HEADS, 1.0)
        )

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Reads `calibration.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        return cls(**json.loads(path.read_text("utf-8")))

    def save(self, path: Path) -> None:
        """Writes `calibration.json`."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Decision:
    """One head's answer.

    Attributes:
        confidence: calibrated probability of `value`.
        stated: calibrated probability that the posting says anything on it at all.
        units: those that show it, best first.
    """

    value: str
    confidence: float
    stated: float
    units: tuple[int, ...]


def scores(head: str, probabilities: Floats, votes: float) -> NDArray[np.float64]:
    """Log scores of a head's classes for the posting, from `(units, classes)` probabilities.

    A sentence head is as sure of a value as its surest sentence; `none` must hold for every sentence. A posting head
    hears the header and, with weight `votes`, the mean of the other units.
    """
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities.astype(np.float64), _FLOOR))
    if head in POSTING_HEADS:
        total: NDArray[np.float64] = logs[0] + votes * logs[1:].mean(0) if len(logs) > 1 else logs[0]
        return total
    pooled: NDArray[np.float64] = logs.max(0)
    pooled[0] = logs[:, 0].min()
    return pooled


def calibrated(score: NDArray[np.float64], scale: float, bias: Sequence[float]) -> NDArray[np.float64]:
    """Probabilities that add to one."""
    logits = scale * score + np.asarray(bias)
    exponents = np.exp(logits - logits.max())
    result: NDArray[np.float64] = exponents / exponents.sum()
    return result


def decide(sentence_probs: Floats, calibration: Calibration) -> dict[str, Decision]:
    """Decision of every head, from `(units, S)`."""
    decisions = {}
    for head, part in head_slices().items():
        probabilities = sentence_probs[:, part]
        score = scores(head, probabilities, calibration.votes.get(head, 0.0))
        final = calibrated(score, calibration.scale[head], calibration.bias[head])
        best = int(final.argmax())
        value, confidence = HEADS[head][best], round(float(final[best]), 4)
        stated = 1.0 if head in POSTING_HEADS else round(1 - float(final[0]), 4)
        if head in POSTING_HEADS:
            decisions[head] = Decision(value, confidence, stated, (0,))
        elif best == 0:
            decisions[head] = Decision(DEFAULTS[head], confidence, stated, ())
        else:
            column = probabilities[:, best]
            order = sorted(range(len(column)), key=lambda unit: (-column[unit], unit))
            shown = tuple(u for u in order[:_MAX_EVIDENCE] if column[u] >= _EVIDENCE_SHARE * column[order[0]])
            decisions[head] = Decision(value, confidence, stated, shown)
    return decisions


def tagged(unit: Unit, token_probs: Floats, tag: int, threshold: float) -> list[tuple[int, int, float]]:
    """Runs of tokens that carry a tag: span in the posting's text and mean probability."""
    runs: list[tuple[int, int, list[float]]] = []
    column = token_probs[:, tag]
    previous = -2
    for index, (start, end) in enumerate(unit.token_spans):
        if start == end or column[index] < threshold:
            continue
        if runs and index == previous + 1:
            first, _, values = runs.pop()
            runs.append((first, end, [*values, float(column[index])]))
        else:
            runs.append((start, end, [float(column[index])]))
        previous = index
    return [(start, end, sum(values) / len(values)) for start, end, values in runs]


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
    found: list[tuple[numbers.Amount, Unit, float]] = []
    for index in pay.units:
        unit = prepared.units[index]
        runs = tagged(unit, token_probs[index], _AMOUNT, threshold)
        for amount in numbers.amounts(_sentence(prepared, unit), prepared.location):
            sure = [p for a, b, p in runs if a < amount.end + unit.start and amount.start + unit.start < b]
            if sure:
                found.append((amount, unit, max(sure)))
    if not found:
        return None
    # Of two like sure amounts, one with its unit written behind it is the pay rather than a bonus beside it.
    periods = [numbers.period(_sentence(prepared, unit), amount) for amount, unit, _ in found]
    surest = max(range(len(found)), key=lambda i: found[i][2] + _UNIT_WORTH * (periods[i] is not None))
    period, reference = periods[surest], found[surest][0]
    # Several ranges of one job lie close together; a sign-on bonus or an allowance beside the pay does not.
    found = [item for item in found if _comparable(item[0], reference)]
    lows = [numbers.scaled(a.low, period or pay.value) for a, _, _ in found]
    highs = [numbers.scaled(a.high, period or pay.value) for a, _, _ in found]
    currency = next((a.currency for a, _, _ in found if a.currency), None)
    return Reading(
        min((v for v in lows if v is not None), default=None),
        max((v for v in highs if v is not None), default=None),
        currency or numbers.local_currency(prepared.location, prepared.language),
        round(pay.stated * min(p for _, _, p in found), 4),
        tuple((unit.start + a.start, unit.start + a.end) for a, unit, _ in found[:_MAX_EVIDENCE]),
        period,
    )


def _sentence(prepared: Prepared, unit: Unit) -> str:
    return prepared.text[unit.start : unit.end]


def _comparable(amount: numbers.Amount, other: numbers.Amount) -> bool:
    a, b = ((x.low if x.low is not None else x.high) or 1.0 for x in (amount, other))
    return max(a, b) <= _PAY_SPREAD * min(a, b)


def read_years(
    prepared: Prepared, token_probs: Sequence[Floats], experience: Decision, threshold: float
) -> Reading | None:
    """The years of experience that the tags are surest of, in the deciding sentences; None where none can be read."""
    best: tuple[float, Reading] | None = None
    for index in experience.units:
        unit = prepared.units[index]
        runs = tagged(unit, token_probs[index], _YEARS, threshold)
        for stretch in numbers.years(_sentence(prepared, unit)):
            start, end = stretch.start + unit.start, stretch.end + unit.start
            sure = max((p for a, b, p in runs if a < end and start < b), default=0.0)
            if sure and (best is None or sure > best[0]):
                confidence = round(experience.confidence * sure, 4)
                best = sure, Reading(stretch.low, stretch.high, None, confidence, ((start, end),))
    return best[1] if best else None


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
