"""CVs in, anonymised features out: mask, look up what is known, structure, standardise to ESCO, embed.

Masking comes first and in this process: models, cache keys and outputs see the masked text alone. How well it masks is
in `models/anonymise/CARD.md`.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anonymise.masking import Masked, anonymise
from models.cvs.preparing import Prepared, clean_text
from models.cvs.student import CvStudent
from models.esco.standard import standard_cv
from models.repository import model_dir
from topics.catalogue import CV_FEATURES, CVS_FLOW
from topics.cvs import Cv, CvExtraction, CvFeatures, CvLineage, Embedding
from topics.envelope import encode
from workers import cache, esco, served, tracing
from workers.cache import ResultCache
from workers.delivery import Event, Outcome, Output, Worker
from workers.esco import Standardised, Standardiser
from workers.inference import Infer, ServedModel
from workers.settings import Settings

NAME = CVS_FLOW.worker
UNSUPPORTED_LANGUAGE = "unsupported_language"
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the worker works with."""

    infer: Infer
    student: CvStudent
    standardiser: Standardiser

    def made_by(self, model: ServedModel | None = None) -> str:
        """Names what made a result; another model, release or taxonomy must not be answered from the cache."""
        student = served.version(model or self.infer.model)
        return ":".join([student, self.standardiser.made_by, served.RELEASE])


@dataclass(frozen=True, slots=True)
class MaskedCv:
    """A CV after masking, all that is read of it."""

    masked: Masked
    language: str | None

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of all that the features depend on; two CVs that differ in personal data alone share it."""
        parts = [self.masked.text, self.language]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def mask(cv: Cv) -> MaskedCv:
    """The CV's clean text without personal data. CPU bound."""
    return MaskedCv(anonymise(clean_text(cv)), cv.language)


def content_hash(cv: Cv) -> str:
    """Under which the CV's result is cached."""
    return mask(cv).content_hash


async def handle(batch: Sequence[Event[Cv]], parts: Parts, results: ResultCache, publish_text: bool) -> list[Outcome]:
    """One features event for each CV; CVs alike after masking are inferred once, here and across the cache's life."""
    with tracing.stage(NAME, "mask"):
        masked = await asyncio.to_thread(lambda: [mask(event.value) for event in batch])
    wanted = {cv.content_hash: cv for cv in masked}
    with tracing.stage(NAME, "cache"):
        known = await results.get(parts.made_by(), list(wanted))
    features = {
        key: CvFeatures.model_validate_json(entry)
        for key, entry in zip(wanted, known, strict=True)
        if entry is not None
    }
    missing = [cv for key, cv in wanted.items() if key not in features]
    if missing:
        made, made_by = await _extract(missing, parts)
        await results.put(made_by, {f.content_hash: encode(f) for f in made})
        features |= {f.content_hash: f for f in made}
    return [
        (_output(features[cv.content_hash], event.value, publish_text),)
        for event, cv in zip(batch, masked, strict=True)
    ]


async def extract(cvs: Sequence[Cv], parts: Parts) -> list[CvFeatures]:
    """Features of each CV, in order, with its anonymised text; no cache, no Kafka."""
    masked = await asyncio.to_thread(lambda: [mask(cv) for cv in cvs])
    features, _ = await _extract(masked, parts)
    return [_named(own, cv) for own, cv in zip(features, cvs, strict=True)]


async def _extract(cvs: Sequence[MaskedCv], parts: Parts) -> tuple[list[CvFeatures], str]:
    """Features without an id, and what made them."""
    student = parts.student
    with tracing.stage(NAME, "prepare"):
        prepared = await asyncio.to_thread(
            student.prepare_batch, [cv.masked.text for cv in cvs], [cv.language for cv in cvs]
        )
    with tracing.stage(NAME, "infer"):
        structured = await parts.infer([unit.token_ids for document in prepared for unit in document.units])
    with tracing.stage(NAME, "decode"):
        extractions = await asyncio.to_thread(_decode, prepared, structured.outputs, student)
    with tracing.stage(NAME, "standardise"):
        standardised = await parts.standardiser(
            [
                esco.Wanted(document.language, e.current_title.value, [skill.value for skill in e.skills])
                for document, e in zip(prepared, extractions, strict=True)
            ]
        )
        vectors = await parts.standardiser.embed(
            [_standard_form(*both) for both in zip(extractions, standardised, strict=True)]
        )
    lineage = _lineage(parts, structured.model)
    features = [_features(*own, lineage) for own in zip(cvs, prepared, extractions, standardised, vectors, strict=True)]
    return features, parts.made_by(structured.model)


def _decode(prepared: Sequence[Prepared], outputs: Sequence[Any], student: CvStudent) -> list[CvExtraction]:
    extractions = []
    position = 0
    for document in prepared:
        own = outputs[position : position + len(document.units)]
        position += len(document.units)
        windows = np.array([o["window_probs"] for o in own], np.float32)
        extractions.append(student.decode(document, windows, [o["token_probs"] for o in own]))
    return extractions


def _standard_form(extraction: CvExtraction, found: Standardised) -> str:
    """The same sentences for the same facts, whatever the CV's words and layout; its own words where ESCO has none."""
    occupation, skills = found
    title = occupation.label if occupation else extraction.current_title.value
    return standard_cv(
        [title] if title else [],
        [concept.label if concept else skill.value for skill, concept in zip(extraction.skills, skills, strict=True)],
        extraction.education[0].value.level if extraction.education else None,
        extraction.experience_years.value,
    )


def _features(
    cv: MaskedCv,
    prepared: Prepared,
    extraction: CvExtraction,
    found: Standardised,
    vector: Vectors,
    lineage: CvLineage,
) -> CvFeatures:
    return CvFeatures(
        # Shared by all CVs that are alike; `_named` puts each one's own.
        id="-",
        source_version=0,
        content_hash=cv.content_hash,
        lineage=lineage,
        degraded=() if prepared.supported else (UNSUPPORTED_LANGUAGE,),
        esco_occupation=esco.occupation(extraction.current_title, found),
        esco_skills=esco.skills(extraction.skills, found),
        # An unread CV says nothing, and nothing is near to it.
        embedding=_embedding(vector) if prepared.supported else None,
        masked=dict(cv.masked.report()),
        text=prepared.text,
        text_hash=hashlib.sha256(prepared.text.encode("utf-8", "surrogatepass")).hexdigest(),
        **{name: getattr(extraction, name) for name in CvExtraction.model_fields},
    )


def _embedding(vector: Vectors) -> Embedding:
    return Embedding(fp16=base64.b64encode(vector.astype("<f2").tobytes()).decode(), dimension=len(vector))


def _named(features: CvFeatures, cv: Cv) -> CvFeatures:
    # CVs alike after masking share the features; the identity is this one's.
    return features.model_copy(update={"id": cv.id, "source_version": cv.version})


def _output(features: CvFeatures, cv: Cv, publish_text: bool) -> Output:
    named = _named(features, cv)
    return Output(CV_FEATURES, cv.id, named if publish_text else named.model_copy(update={"text": None}))


def _lineage(parts: Parts, model: ServedModel) -> CvLineage:
    standardiser = parts.standardiser
    return CvLineage(
        models={model.name: served.version(model), standardiser.model.name: served.version(standardiser.model)},
        tokenizers={
            model.name: parts.student.tokenizer_digest,
            standardiser.model.name: standardiser.embedder.assets_digest,
        },
        pipeline=served.RELEASE,
        taxonomy=standardiser.taxonomy_version,
        schema_=CV_FEATURES.name,
    )


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Parts]:
    """The worker's parts, checked to belong together.

    Raises:
        RetryableError: Triton or a model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """
    student = CvStudent.load(model_dir(CvStudent.name))
    async with served.connect(settings, student) as infer, esco.connect(settings) as standardiser:
        # Whatever loads at first use loads before the worker calls itself ready.
        await asyncio.to_thread(mask, Cv(id="warm-up", text="Baker since 2015."))
        yield Parts(infer, student, standardiser)


async def made_by(settings: Settings) -> str:
    """What a result would be made by now; raises as :func:`connect`."""
    async with connect(settings) as parts:
        return parts.made_by()


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The CV worker; raises as :func:`connect`."""
    async with connect(settings) as parts, cache.connect(settings, NAME) as results:
        yield Worker(
            flow=CVS_FLOW,
            handle=partial(handle, parts=parts, results=results, publish_text=settings.publish_text),
            made_by=parts.made_by,
        )
