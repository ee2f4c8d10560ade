"""The posting student as the workers use it: prepare postings for the encoder, decode what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from models import assets
from models.assets import TOKENIZER
from models.postings import decoding, labels, showing
from models.postings.decoding import Decision, Reading, Thresholds
from models.postings.preparing import Prepared, Unit, prepare
from models.postings.retrieval import Retriever
from models.postings.tagging import Floats
from models.postings.voting import Calibration
from topics.fields import Evidence, Feature
from topics.postings import Posting, PostingExtraction

__all__ = ["Prepared", "Student", "Unit"]

RETRIEVER = "retriever.json"
CALIBRATION, THRESHOLDS = "calibration.json", "thresholds.json"
# Numbers are as doubtful as the head that they belong to.
_DOUBTED_WITH = dict.fromkeys(("pay_min", "pay_max", "pay_currency"), "pay_period") | dict.fromkeys(
    ("experience_years_min", "experience_years_max"), "experience_requirement"
)


@dataclass(frozen=True, slots=True)
class Student:
    """Everything around the encoder; the encoder itself runs elsewhere.

    Attributes:
        assets_digest: of all files and names that weights and decoding must agree on.
    """

    tokenizer: Tokenizer
    retriever: Retriever
    calibration: Calibration
    thresholds: Thresholds
    assets_digest: str
    tokenizer_digest: str

    name = "postings_student"

    @classmethod
    def load(cls, directory: Path) -> "Student":
        """Reads the assets from the model's folder.

        Raises:
            OSError, ValueError, TypeError: a file is missing or damaged.
        """
        return cls(
            assets.load_tokenizer(directory / TOKENIZER),
            Retriever.load(directory / RETRIEVER),
            Calibration.load(directory / CALIBRATION),
            Thresholds.load(directory / THRESHOLDS),
            assets_digest(directory),
            assets.tokenizer_digest(directory),
        )

    def prepare_batch(self, postings: Sequence[Posting]) -> list[Prepared]:
        """Clean text and encoder inputs of each posting, in order. CPU bound."""
        return prepare(postings, self.tokenizer, self.retriever)

    def decode(self, prepared: Prepared, sentence_scores: Floats, token_probs: Sequence[Floats]) -> PostingExtraction:
        """Features of one posting.

        Args:
            sentence_scores: `(units, S)`.
            token_probs: of each unit `(tokens, K)`, without padding.
        """
        if not prepared.units:
            return _nothing(prepared)
        decisions = decoding.decide(sentence_scores, self.calibration)
        shows = showing.inside(prepared, token_probs)
        fields: dict[str, Any] = {h: _feature(prepared, shows, h, d) for h, d in decisions.items()}
        fields |= self._pay(prepared, token_probs, shows, decisions["pay_period"])
        fields |= self._years(prepared, token_probs, decisions["experience_requirement"])
        doubted = {h: d.confidence < self.thresholds.review[h] for h, d in decisions.items()}
        for name, field in fields.items():
            field["review"] = doubted[_DOUBTED_WITH.get(name, name)]
        found = decoding.read_skills(prepared, token_probs, self.thresholds.skill)
        skills = tuple(
            Feature[str](value=name, confidence=sure, evidence=(Evidence(start=start, end=end),))
            for name, sure, start, end in found
        )
        return PostingExtraction(language=_language(prepared), skills=skills, **fields)

    def _pay(
        self, prepared: Prepared, token_probs: Sequence[Floats], shows: Sequence[Floats], pay: Decision
    ) -> dict[str, Any]:
        if not pay.units:
            return _numbers(None, pay.confidence, pay=True)
        reading = decoding.read_pay(prepared, token_probs, pay, self.thresholds.amount)
        fields = _numbers(reading, round(1 - pay.stated, 4), pay=True)
        if reading is not None and reading.period is not None and reading.period != pay.value:
            # The unit stands written behind the amount; what is left to doubt is whether that is pay at all.
            restated = replace(pay, value=reading.period, confidence=pay.stated)
            fields["pay_period"] = _feature(prepared, shows, "pay_period", restated)
        return fields

    def _years(self, prepared: Prepared, token_probs: Sequence[Floats], experience: Decision) -> dict[str, Any]:
        reading = decoding.read_years(prepared, token_probs, experience, self.thresholds.years)
        return _numbers(reading, experience.confidence, pay=False)


def assets_digest(directory: Path) -> str:
    """Of the label spaces and all files that weights and decoding must agree on."""
    return assets.digest(directory, (TOKENIZER, RETRIEVER, CALIBRATION, THRESHOLDS), labels.digest())


def _language(prepared: Prepared) -> Feature[str]:
    return Feature[str](value=prepared.language, confidence=prepared.language_confidence)


def _feature(prepared: Prepared, shows: Sequence[Floats], head: str, decision: Decision) -> dict[str, Any]:
    span: tuple[int, int] | None
    if head in labels.EVIDENCE and decision.said:
        span = showing.evidence(prepared, shows, decision.said, labels.EVIDENCE[head])
    else:
        span = next(((prepared.units[i].start, prepared.units[i].end) for i in decision.units), None)
    return _field(decision.value, decision.confidence, [span] if span else [])


def _field(value: Any, confidence: float, spans: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    evidence = tuple({"start": start, "end": end} for start, end in spans if start < end)
    return {"value": value, "confidence": confidence, "evidence": evidence}


def _numbers(reading: Reading | None, otherwise: float, pay: bool) -> dict[str, Any]:
    low, high = ("pay_min", "pay_max") if pay else ("experience_years_min", "experience_years_max")
    values: dict[str, Any] = {low: None, high: None} | ({"pay_currency": None} if pay else {})
    if reading is None:
        return {name: _field(None, otherwise) for name in values}
    values |= {low: reading.low, high: reading.high} | ({"pay_currency": reading.currency} if pay else {})
    return {name: _field(value, reading.confidence, reading.spans) for name, value in values.items()}


def _nothing(prepared: Prepared) -> PostingExtraction:
    defaults = labels.DEFAULTS | {"seniority": "mid", "department": "Other"}
    fields: dict[str, Any] = {head: _field(value, 0.0) for head, value in defaults.items()}
    fields |= _numbers(None, 0.0, pay=True) | _numbers(None, 0.0, pay=False)
    fields = {name: field | {"review": True} for name, field in fields.items()}
    return PostingExtraction(language=_language(prepared), skills=(), **fields)
