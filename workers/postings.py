"""Postings in, features out: look up what is known, prepare the rest, infer, decode, standardise to ESCO."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from models.postings.student import Prepared, Student
from models.repository import model_dir
from models.titles import posting as posting_terms
from topics.catalogue import POSTING_FEATURES, POSTINGS_FLOW
from topics.fields import Evidence, Feature
from topics.postings import Posting, PostingExtraction, PostingFeatures
from workers import cache, esco, extraction, served, titles, tracing
from workers.cache import ResultCache
from workers.delivery import Event, Outcome, Output, Worker
from workers.esco import Reading
from workers.extraction import UNSUPPORTED_LANGUAGE, Parts
from workers.inference import Outputs, ServedModel
from workers.settings import Settings
from workers.titles import TitleReader

NAME = POSTINGS_FLOW.worker
# Where a batch's time goes, as a person reads it.
STAGES = {
    "cache": "look up known results (Redis)",
    "prepare": "clean, pick sentences, tokenise",
    "infer": "student on Triton",
    "decode": "pool votes, calibrate",
    "standardise": "ESCO, embeddings",
    "publish": "Kafka transaction",
}


@dataclass(frozen=True, slots=True)
class PostingParts(Parts[Student]):
    """With the reader of titles, which knows languages that the student does not."""

    titles: TitleReader

    def models(self, student: ServedModel) -> list[tuple[ServedModel, str]]:
        """As of :class:`Parts`."""
        return [*Parts.models(self, student), (self.titles.infer.model, self.titles.student.tokenizer_digest)]


async def handle(
    batch: Sequence[Event[Posting]], parts: PostingParts, results: ResultCache, publish_text: bool
) -> list[Outcome]:
    """One features event for each posting; equal content is inferred once, here and across the life of the cache."""
    postings = {event.value.content_hash: event.value for event in batch}
    features = await extraction.known_or_made(
        parts, POSTINGS_FLOW, results, postings, partial(_extract, parts=parts), PostingFeatures
    )
    return [(_output(features[event.value.content_hash], event.value, publish_text),) for event in batch]


async def extract(postings: Sequence[Posting], parts: PostingParts) -> list[PostingFeatures]:
    """Features of each posting, in order, with its text; no cache, no Kafka."""
    features, _ = await _extract(postings, parts)
    return features


async def _extract(postings: Sequence[Posting], parts: PostingParts) -> tuple[list[PostingFeatures], ServedModel]:
    student = parts.student
    # Tokenising and decoding are Python and Rust at full speed: off the event loop, which must go on polling.
    with tracing.stage(NAME, "prepare"):
        prepared = await asyncio.to_thread(student.prepare_batch, postings)
    with tracing.stage(NAME, "infer"):
        inferred = await parts.infer([unit.token_ids for document in prepared for unit in document.units])
    with tracing.stage(NAME, "decode"):
        extractions = await asyncio.to_thread(_decode, prepared, inferred.outputs, student)
    await _read_titles(prepared, extractions, parts.titles)
    with tracing.stage(NAME, "standardise"):
        readings = [_reading(*own) for own in zip(prepared, extractions, strict=True)]
        standardised = await parts.standardiser(readings)
    lineage = parts.lineage(inferred.model, POSTINGS_FLOW)
    features = [
        PostingFeatures(
            id=posting.id,
            source_version=posting.version,
            market=posting.market,
            content_hash=posting.content_hash,
            lineage=lineage,
            degraded=() if document.supported else (UNSUPPORTED_LANGUAGE,),
            text=document.text,
            text_hash=extraction.text_hash(document.text),
            **found,
            **{name: getattr(own, name) for name in PostingExtraction.model_fields},
        )
        for posting, document, own, found in zip(postings, prepared, extractions, standardised, strict=True)
    ]
    return features, inferred.model


def _decode(prepared: Sequence[Prepared], outputs: Sequence[Outputs], student: Student) -> list[PostingExtraction]:
    return [
        student.decode(
            document, np.array([o["sentence_scores"] for o in own], np.float32), [o["token_probs"] for o in own]
        )
        for document, own in zip(prepared, extraction.by_document(prepared, outputs), strict=True)
    ]


async def _read_titles(
    documents: Sequence[Prepared], extractions: list[PostingExtraction], reader: TitleReader
) -> None:
    """Seniority and department of postings whose text was not read, by their titles.

    Where the text was read it knows better: on the teacher's test labels the title, asked wherever the student was
    less sure than 0.4 to 0.8, changed neither accuracy by more than its interval.
    """
    unread = [i for i, own in enumerate(documents) if not own.supported and own.title.start < own.title.end]
    if not unread:
        return
    with tracing.stage(NAME, "titles"):
        titles = [documents[i].text[documents[i].title.start : documents[i].title.end] for i in unread]
        for i, title, found in zip(unread, titles, await reader.read(titles), strict=True):
            shown = (Evidence(start=documents[i].title.start, end=documents[i].title.end),)
            seniority, department = posting_terms.seniority(found.seniority.value, title), found.department
            rank = found.seniority.model_copy(update={"value": seniority, "evidence": shown})
            fields: dict[str, Any] = {"seniority": rank}
            named = posting_terms.department(department.value)
            if named is not None:
                fields["department"] = department.model_copy(update={"value": named, "evidence": shown})
            extractions[i] = extractions[i].model_copy(update=fields)


def _reading(document: Prepared, own: PostingExtraction) -> Reading:
    start, end = document.title
    # An unread posting's title is not standardised either: its language is none of the taxonomy's.
    title = document.text[start:end] if document.supported else ""
    shown = Feature[str | None](value=title or None, confidence=1.0, evidence=(Evidence(start=start, end=end),))
    return Reading(
        own.language.value,
        shown,
        (),
        own.skills,
        document.text,
        document.supported,
    )


def _output(features: PostingFeatures, posting: Posting, publish_text: bool) -> Output:
    # Same content under another id or version: the features are shared, the identity is this posting's.
    own = {"id": posting.id, "source_version": posting.version, "market": posting.market}
    return Output(
        POSTING_FEATURES,
        posting.id,
        features.model_copy(update=own if publish_text else own | {"text": None}),
    )


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[PostingParts]:
    """The worker's parts, checked to belong together.

    Raises:
        RetryableError: Triton or a model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """
    student = Student.load(model_dir(Student.name))
    async with (
        served.connect(settings, student) as infer,
        esco.connect(settings) as standardiser,
        titles.connect(settings) as reader,
    ):
        # Whatever loads at first use loads before the worker calls itself ready.
        await asyncio.to_thread(student.prepare_batch, [Posting(id="warm-up", body="We bake bread.")])
        yield PostingParts(infer, student, standardiser, reader)


async def made_by(settings: Settings) -> str:
    """What a result would be made by now; raises as :func:`connect`."""
    async with connect(settings) as parts:
        return parts.made_by()


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The postings worker; raises as :func:`connect`."""
    async with connect(settings) as parts, cache.connect(settings, NAME) as results:
        yield Worker(
            flow=POSTINGS_FLOW,
            handle=partial(handle, parts=parts, results=results, publish_text=settings.publish_text),
            made_by=parts.made_by,
        )
