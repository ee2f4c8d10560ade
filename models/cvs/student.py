"""The CV student as the workers use it: prepare anonymised CVs for the encoder, decode what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tokenizers import Tokenizer

from models import assets
from models.assets import TOKENIZER
from models.cvs import decoding, education, labels, languages, years
from models.cvs.decoding import MAX_COMPANIES, MAX_TITLES, Floats, Found, Thresholds
from models.cvs.preparing import Prepared, Unit, prepare
from topics.cvs import CvExtraction, Education
from topics.fields import Evidence, Feature

__all__ = ["CvStudent", "Prepared", "Unit"]

THRESHOLDS = "thresholds.json"
# Years by dates are as sure as their dates; stated ones may be of a part of the working life.
_STATED_SURE = 0.9
_NOT_SURE = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CvStudent:
    """Everything around the encoder; the encoder itself runs elsewhere.

    Attributes:
        assets_digest: of all files and names that weights and decoding must agree on.
    """

    tokenizer: Tokenizer
    thresholds: Thresholds
    assets_digest: str
    tokenizer_digest: str

    name = "cv_student"

    @classmethod
    def load(cls, directory: Path) -> "CvStudent":
        """Reads the assets from the model's folder.

        Raises:
            OSError, ValueError, TypeError: a file is missing or damaged.
        """
        return cls(
            assets.load_tokenizer(directory / TOKENIZER),
            Thresholds.load(directory / THRESHOLDS),
            assets_digest(directory),
            assets.tokenizer_digest(directory),
        )

    def prepare_batch(self, texts: Sequence[str], languages: Sequence[str | None]) -> list[Prepared]:
        """Encoder inputs of each clean, anonymised text, in order. CPU bound.

        Args:
            languages: of each the language that its producer named; detected where None.
        """
        return prepare(texts, languages, self.tokenizer)

    def decode(self, prepared: Prepared, window_probs: Floats, token_probs: Sequence[Floats]) -> CvExtraction:
        """Fields of one CV.

        Args:
            window_probs: `(units, W)`.
            token_probs: of each unit `(tokens, K)`, without padding.
        """
        if not prepared.units:
            return _nothing(prepared)
        limits = self.thresholds.entities
        jobs = decoding.jobs(prepared, token_probs, self.thresholds)
        current = jobs[0].title if jobs else None
        fields: dict[str, Any] = {}
        for name in labels.CHOICES:
            temperature = self.thresholds.temperature[name]
            value, sure = decoding.choice(prepared, window_probs, name, current, temperature)
            shown = (Evidence(start=current.start, end=current.end),) if current else ()
            review = sure < self.thresholds.review[name]
            fields[name] = {"value": value, "confidence": sure, "evidence": shown, "review": review}

        def found(entity: str) -> list[Found]:
            return decoding.unique(prepared, decoding.spans(prepared, token_probs, entity, limits[entity]))

        return CvExtraction(
            language=Feature[str](value=prepared.language, confidence=prepared.language_confidence),
            current_title=_title(prepared, current, token_probs),
            past_titles=tuple(_span(prepared, job.title) for job in jobs[1 : MAX_TITLES + 1]),
            companies=tuple(_span(prepared, one) for one in found("company")[:MAX_COMPANIES]),
            sectors=tuple(
                Feature[str](value=name, confidence=sure)
                for name, sure in decoding.sectors(window_probs, self.thresholds.sector)
            ),
            education=_education(prepared, token_probs, self.thresholds, found("education")),
            skills=tuple(_span(prepared, one) for one in decoding.skills(prepared, token_probs, limits["skill"])),
            languages=_languages(prepared, found("language")),
            certificates=tuple(_span(prepared, one) for one in found("certificate")),
            experience_years=_years(prepared, token_probs, self.thresholds),
            **fields,
        )


def assets_digest(directory: Path) -> str:
    """Of the label spaces and all files that weights and decoding must agree on."""
    return assets.digest(directory, (TOKENIZER, THRESHOLDS), labels.digest())


def _feature(value: T, found: Found) -> Feature[T]:
    return Feature(value=value, confidence=found.sure, evidence=(Evidence(start=found.start, end=found.end),))


def _span(prepared: Prepared, found: Found) -> Feature[str]:
    return _feature(found.text(prepared), found)


def _title(prepared: Prepared, current: Found | None, token_probs: Sequence[Floats]) -> Feature[str | None]:
    if current is None:
        return Feature(value=None, confidence=decoding.outside(token_probs))
    return _feature(current.text(prepared), current)


def _education(
    prepared: Prepared, token_probs: Sequence[Floats], thresholds: Thresholds, found: Sequence[Found]
) -> tuple[Feature[Education], ...]:
    named = decoding.spans(prepared, token_probs, "field", thresholds.entities["field"])
    degrees = []
    for one in found:
        span = one.text(prepared)
        inside = [f for f in named if one.start <= f.start < one.end]
        best = max(inside, key=lambda f: (f.sure, -f.start), default=None)
        field = education.field(best.text(prepared)) if best else None
        degrees.append(_feature(Education(level=education.level(span), field=field, span=span), one))
    return tuple(sorted(degrees, key=lambda degree: education.RANK.index(degree.value.level)))


def _languages(prepared: Prepared, found: Sequence[Found]) -> tuple[Feature[str], ...]:
    named: dict[str, Feature[str]] = {}
    for one in found:
        for code in languages.codes(one.text(prepared)):
            named.setdefault(code, _feature(code, one))
    return tuple(named.values())


def _years(prepared: Prepared, token_probs: Sequence[Floats], thresholds: Thresholds) -> Feature[float | None]:
    dates = decoding.job_dates(prepared, token_probs, thresholds)
    counted = years.by_dates(dates, prepared.dates)
    stated = years.stated(prepared.text, prepared.lines)
    # What is stated may be an older sum, what is dated may be cut off: the longer is the whole.
    best = max((y for y in (counted, stated) if y is not None), key=lambda y: y.value, default=None)
    if best is None:
        return Feature(value=None, confidence=_NOT_SURE)
    agree = counted is not None and stated is not None and abs(counted.value - stated.value) <= 1
    sure = _STATED_SURE if best.stated or agree else 0.8
    evidence = tuple(Evidence(start=start, end=end) for start, end in best.spans)
    return Feature(value=best.value, confidence=sure, evidence=evidence)


def _nothing(prepared: Prepared) -> CvExtraction:
    unknown: dict[str, Any] = {"confidence": 0.0, "review": True}
    return CvExtraction(
        language=Feature[str](value=prepared.language, confidence=prepared.language_confidence),
        current_title=Feature(value=None, **unknown),
        past_titles=(),
        companies=(),
        sectors=(),
        education=(),
        skills=(),
        languages=(),
        certificates=(),
        experience_years=Feature(value=None, **unknown),
        seniority=Feature(value="mid", **unknown),
        department=Feature(value="Other", **unknown),
    )
