"""CVs in, anonymised features out: mask, look up what is known, structure, standardise to ESCO, embed.

Masking comes first and in this process: models, cache keys and outputs see the masked text alone. How well it masks is
in `models/anonymise/CARD.md`.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.anonymise.masking import Masked, anonymise
from models.cvs.preparing import Prepared, clean_text
from models.cvs.student import CvStudent
from models.repository import model_dir
from topics.catalogue import CV_FEATURES, CVS_FLOW
from topics.cvs import Cv, CvExtraction, CvFeatures
from workers import cache, esco, extraction, served, tracing
from workers.cache import ResultCache
from workers.delivery import Event, Outcome, Output, Worker
from workers.esco import Reading
from workers.extraction import UNSUPPORTED_LANGUAGE, Parts
from workers.inference import Outputs, ServedModel
from workers.settings import Settings

NAME = CVS_FLOW.worker


@dataclass(frozen=True, slots=True)
class MaskedCv:
    """A CV after masking, all that is read of it.

    Attributes:
        content_hash: SHA-256 (hex) of all that the features depend on; CVs that differ in personal data alone share it.
    """

    masked: Masked
    language: str | None
    content_hash: str


def mask(cv: Cv) -> MaskedCv:
    """The CV's clean text without personal data. CPU bound."""
    masked = anonymise(clean_text(cv))
    parts = json.dumps([masked.text, cv.language], ensure_ascii=False)
    return MaskedCv(masked, cv.language, hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest())


def content_hash(cv: Cv) -> str:
    """Under which the CV's result is cached."""
    return mask(cv).content_hash


async def handle(
    batch: Sequence[Event[Cv]], parts: Parts[CvStudent], results: ResultCache, publish_text: bool
) -> list[Outcome]:
    """One features event for each CV; CVs alike after masking are inferred once, here and across the cache's life."""
    with tracing.stage(NAME, "mask"):
        masked = await asyncio.to_thread(lambda: [mask(event.value) for event in batch])
    wanted = {cv.content_hash: cv for cv in masked}
    features = await extraction.known_or_made(
        parts, CVS_FLOW, results, wanted, partial(_extract, parts=parts), CvFeatures
    )
    return [
        (_output(features[cv.content_hash], event.value, publish_text),)
        for event, cv in zip(batch, masked, strict=True)
    ]


async def extract(cvs: Sequence[Cv], parts: Parts[CvStudent]) -> list[CvFeatures]:
    """Features of each CV, in order, with its anonymised text; no cache, no Kafka."""
    masked = await asyncio.to_thread(lambda: [mask(cv) for cv in cvs])
    features, _ = await _extract(masked, parts)
    return [_named(own, cv) for own, cv in zip(features, cvs, strict=True)]


async def _extract(cvs: Sequence[MaskedCv], parts: Parts[CvStudent]) -> tuple[list[CvFeatures], ServedModel]:
    """Features without an id, and the model that made them."""
    student = parts.student
    with tracing.stage(NAME, "prepare"):
        prepared = await asyncio.to_thread(
            student.prepare_batch, [cv.masked.text for cv in cvs], [cv.language for cv in cvs]
        )
    with tracing.stage(NAME, "infer"):
        inferred = await parts.infer([unit.token_ids for document in prepared for unit in document.units])
    with tracing.stage(NAME, "decode"):
        extractions = await asyncio.to_thread(_decode, prepared, inferred.outputs, student)
    with tracing.stage(NAME, "standardise"):
        readings = [_reading(*own) for own in zip(prepared, extractions, strict=True)]
        standardised = await parts.standardiser(readings)
    lineage = parts.lineage(inferred.model, CVS_FLOW)
    features = [
        CvFeatures(
            # Shared by all CVs that are alike; `_named` puts each one's own.
            id="-",
            source_version=0,
            content_hash=cv.content_hash,
            lineage=lineage,
            degraded=() if document.supported else (UNSUPPORTED_LANGUAGE,),
            masked=dict(cv.masked.report()),
            text=document.text,
            text_hash=extraction.text_hash(document.text),
            **found,
            **{name: getattr(own, name) for name in CvExtraction.model_fields},
        )
        for cv, document, own, found in zip(cvs, prepared, extractions, standardised, strict=True)
    ]
    return features, inferred.model


def _decode(prepared: Sequence[Prepared], outputs: Sequence[Outputs], student: CvStudent) -> list[CvExtraction]:
    return [
        student.decode(
            document, np.array([o["window_probs"] for o in own], np.float32), [o["token_probs"] for o in own]
        )
        for document, own in zip(prepared, extraction.by_document(prepared, outputs), strict=True)
    ]


def _reading(document: Prepared, own: CvExtraction) -> Reading:
    return Reading(
        own.language.value,
        own.current_title,
        [title.value for title in own.past_titles],
        own.skills,
        document.text,
        document.supported,
    )


def _named(features: CvFeatures, cv: Cv) -> CvFeatures:
    # CVs alike after masking share the features; the identity is this one's.
    own = {"id": cv.id, "source_version": cv.version, "market": cv.market, "work_arrangements": cv.work_arrangements}
    return features.model_copy(update=own)


def _output(features: CvFeatures, cv: Cv, publish_text: bool) -> Output:
    named = _named(features, cv)
    return Output(CV_FEATURES, cv.id, named if publish_text else named.model_copy(update={"text": None}))


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Parts[CvStudent]]:
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
