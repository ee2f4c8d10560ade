"""The query student as the workers use it: prepare a query for the encoder, decode what it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models import assets
from models.assets import TOKENIZER
from models.queries import decoding, facets, guard, labels, rewriting
from models.queries.cues import cued
from models.queries.decoding import Floats, Span
from models.queries.facets import Cooccurrence
from models.queries.hints import Hints, load_known
from models.queries.labels import FIELDS, INTENTS, LANGUAGES, TOKENS_OUTPUT, WHOLE_OUTPUT, slices
from models.queries.lexicon import Lexicon
from models.queries.normalising import Normaliser
from models.queries.places import Places
from models.queries.words import Words, split
from topics.fields import Feature
from topics.queries import Criterion, Facet, Intent, Profile, ProfileField, Query, QueryReading

CALIBRATION, NAMES, FACETS, HINTS = "calibration.json", "names.json", "facets.json", "hints.json"
ASSETS = (TOKENIZER, CALIBRATION, NAMES, FACETS, HINTS)
# The guide: a profile older than two years is stale.
_STALE_DAYS = 731
# How much surer a rewrite is that draws on a profile of this year.
_STALE_WORTH = 0.8
_WITHIN = slices()
# Where the query names fields itself, others must be as sure as this.
_SURE = 0.9
_DRAWS = ("self_reference", "mixed")

Outputs = Mapping[str, NDArray[np.float32]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted on queries that were not trained on.

    Attributes:
        intent, language: what the logarithms of the probabilities are multiplied by.
        criterion: slope and intercept from a span's log odds to those that it is right.
        needs: the probability from which a profile's field counts as needed.
        hints: of each type how much a known name adds to its tags' log probabilities.
    """

    intent: float
    language: float
    criterion: tuple[float, float]
    needs: dict[str, float]
    hints: dict[str, float]

    @classmethod
    def neutral(cls) -> "Calibration":
        """Leaves everything as the network says."""
        return cls(1.0, 1.0, (1.0, 0.0), dict.fromkeys(FIELDS, 0.5), {})

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Reads `calibration.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or another form.
        """
        read = json.loads(path.read_text("utf-8"))
        slope, intercept = read.pop("criterion")
        return cls(criterion=(slope, intercept), **read)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query with its tokens."""

    query: Query
    words: Words

    @property
    def token_ids(self) -> list[int]:
        """What the encoder reads, its marks of start and end among them."""
        return self.words.token_ids


@dataclass(frozen=True, slots=True)
class QueryStudent:
    """Everything around the encoder; the encoder itself runs elsewhere.

    Attributes:
        assets_digest: of all files and names that weights and decoding must agree on.
    """

    tokenizer: Tokenizer
    calibration: Calibration
    normaliser: Normaliser
    hints: Hints
    known_facets: Cooccurrence
    assets_digest: str
    tokenizer_digest: str

    name = "query_student"

    @classmethod
    def load(cls, directory: Path) -> "QueryStudent":
        """Reads the assets from the model's folder, and the gazetteers (some seconds).

        Raises:
            OSError, ValueError, TypeError, KeyError: a file is missing or damaged.
        """
        calibration = Calibration.load(directory / CALIBRATION)
        lexicon, places = Lexicon.load(directory / NAMES), Places.load()
        return cls(
            assets.load_tokenizer(directory / TOKENIZER),
            calibration,
            Normaliser(lexicon, places),
            Hints(load_known(directory / HINTS, lexicon, places), calibration.hints),
            Cooccurrence.load(directory / FACETS),
            assets_digest(directory),
            assets.tokenizer_digest(directory),
        )

    def prepare(self, query: Query) -> Prepared:
        """Tokens of a query. CPU bound, a tenth of a millisecond."""
        return Prepared(query, split(self.tokenizer, query.text))

    def decode_intent(self, prepared: Prepared, outputs: Outputs) -> Feature[Intent]:
        """The plan alone: enough for the first tool call."""
        if guard.refuses(prepared.query.text):
            return Feature(value="out_of_scope", confidence=guard.SURE)
        value, sure = _choice(outputs[WHOLE_OUTPUT][_WITHIN["intent"]], INTENTS, self.calibration.intent)
        return Feature(value=value, confidence=sure)

    def decode_needs(self, prepared: Prepared, outputs: Outputs) -> tuple[ProfileField, ...]:
        """Profile fields that a `self_reference` or `mixed` query draws on, whether the profile has them or not."""
        return self._needs(prepared.query, outputs, self._spans(prepared, outputs))

    def decode(self, prepared: Prepared, outputs: Outputs) -> QueryReading:
        """All that is read in one query.

        Args:
            outputs: of this query the model's outputs by name, `query_probs` `(WHOLE_CLASSES,)` and `token_probs`
                `(tokens, TOKEN_CLASSES)`.
        """
        query = prepared.query
        whole = outputs[WHOLE_OUTPUT]
        intent = self.decode_intent(prepared, outputs)
        found = [] if intent.value == "out_of_scope" else self._spans(prepared, outputs)
        criteria = self._criteria(query.text, found)
        needed = self._needs(query, outputs, found) if intent.value in _DRAWS else ()
        missing = tuple(name for name in needed if query.profile is None or not getattr(query.profile, name))
        stale = _stale(query.profile, query.asked_on)
        language, sure = _choice(whole[_WITHIN["language"]], LANGUAGES, self.calibration.language)
        return QueryReading.model_construct(
            language=Feature(value=language, confidence=sure),
            intent=intent,
            criteria=criteria,
            rewrite=self._rewrite(query, intent, criteria, needed, stale and len(missing) < len(needed)),
            profile_fields=needed,
            missing=missing,
            facets=() if intent.value in ("out_of_scope", "navigational") else self._facets(whole, criteria),
            stale_profile=stale,
        )

    def _facets(self, whole: Floats, criteria: Sequence[Criterion]) -> tuple[Facet, ...]:
        return facets.rank(whole, criteria, self.known_facets)

    def _spans(self, prepared: Prepared, outputs: Outputs) -> list[Span]:
        return decoding.spans(prepared.words, outputs[TOKENS_OUTPUT], prepared.query.text, self.hints)

    def _criteria(self, text: str, found: Sequence[Span]) -> tuple[Criterion, ...]:
        places: list[str] = []
        values: dict[Span, str] = {}
        # Places first: they tell one dollar from another.
        for one in sorted(found, key=lambda one: one.type != "location"):
            values[one] = self.normaliser.value(one.type, text[one.start : one.end], places)
            if one.type == "location":
                places.append(values[one])
        return tuple(self._criterion(text, one, values[one]) for one in found)

    def _criterion(self, text: str, one: Span, value: str) -> Criterion:
        slope, intercept = self.calibration.criterion
        odds = np.log(max(one.sure, 1e-6) / max(1 - one.sure, 1e-6))
        sure = 1 / (1 + np.exp(-(slope * odds + intercept)))
        span = text[one.start : one.end]
        negated = one.negated > 0.5 and not guard.says_none(one.type, value)
        return Criterion(
            type=one.type,
            span=span,
            start=one.start,
            end=one.end,
            value=value,
            negated=negated,
            confidence=round(float(sure), 4),
        )

    def _needs(self, query: Query, outputs: Outputs, found: Sequence[Span]) -> tuple[ProfileField, ...]:
        sure = dict(zip(FIELDS, outputs[WHOLE_OUTPUT][_WITHIN["needs"]].tolist(), strict=True))
        named = cued(query.text)
        needed = named | {name for name in FIELDS if sure[name] >= (_SURE if named else self.calibration.needs[name])}
        if query.profile is None and not named and {"title", "skills"} <= needed:
            # "Jobs for me" of a visitor: the guide asks for all that is not said.
            needed = set(FIELDS)
        said = {one.type for one in found if one.negated <= 0.5}
        needed -= said & {"location", "seniority"} | (said & {"title"} - named)
        if not needed:
            needed = {max(FIELDS, key=lambda name: sure[name])}
        return tuple(name for name in FIELDS if name in needed)

    def _rewrite(
        self,
        query: Query,
        intent: Feature[Intent],
        criteria: Sequence[Criterion],
        needed: Sequence[ProfileField],
        stale: bool,
    ) -> Feature[str]:
        if intent.value == "out_of_scope":
            return Feature(value="", confidence=intent.confidence)
        sure = (
            intent.confidence * float(np.mean([one.confidence for one in criteria])) if criteria else intent.confidence
        )
        if intent.value == "navigational":
            return Feature(value=rewriting.page(query.text, criteria), confidence=round(sure, 4))
        phrase = rewriting.search(criteria, query.profile, needed, self.normaliser)
        return Feature(value=phrase, confidence=round(sure * (_STALE_WORTH if stale else 1.0), 4))


def _choice(probabilities: Floats, classes: Sequence[T], scale: float) -> tuple[T, float]:
    powers = np.power(np.maximum(probabilities.astype(np.float64), 1e-9), scale)
    best = int(powers.argmax())
    return classes[best], round(float(powers[best] / powers.sum()), 4)


def _stale(profile: Profile | None, asked_on: date | None) -> bool:
    return profile is not None and asked_on is not None and (asked_on - profile.updated_at).days > _STALE_DAYS


def assets_digest(directory: Path) -> str:
    """Of the label spaces and all files that weights and decoding must agree on."""
    return assets.digest(directory, ASSETS, labels.digest())
