"""Postings in, features out: look up what is known, prepare the rest, infer, decode."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import numpy as np

from models.postings.student import Prepared, Student
from models.repository import model_dir
from topics.catalogue import POSTING_FEATURES, POSTINGS_FLOW
from topics.envelope import encode
from topics.postings import Lineage, Posting, PostingFeatures
from workers import cache, served, tracing
from workers.cache import ResultCache
from workers.delivery import Event, Outcome, Output, Worker
from workers.inference import Infer, Outputs, ServedModel
from workers.settings import Settings

NAME = POSTINGS_FLOW.worker
UNSUPPORTED_LANGUAGE = "unsupported_language"


async def handle(
    batch: Sequence[Event[Posting]], infer: Infer, student: Student, results: ResultCache, publish_text: bool
) -> list[Outcome]:
    """One features event for each posting; equal content is inferred once, here and across the life of the cache."""
    postings = {event.value.content_hash: event.value for event in batch}
    with tracing.stage(NAME, "cache"):
        known = await results.get(_made_by(_lineage(infer.model, student)), list(postings))
    features = {
        content_hash: PostingFeatures.model_validate_json(entry)
        for content_hash, entry in zip(postings, known, strict=True)
        if entry is not None
    }
    missing = [posting for content_hash, posting in postings.items() if content_hash not in features]
    if missing:
        made = {f.content_hash: f for f in await extract(missing, infer, student)}
        # By the model that made them: it may have been switched since the look-up.
        await results.put(_made_by(next(iter(made.values())).lineage), {h: encode(f) for h, f in made.items()})
        features |= made
    return [(_output(features[event.value.content_hash], event.value, publish_text),) for event in batch]


async def extract(postings: Sequence[Posting], infer: Infer, student: Student) -> list[PostingFeatures]:
    """Features of each posting, in order, with its text; no cache, no Kafka."""
    # Tokenising and decoding are Python and Rust at full speed: off the event loop, which must go on polling.
    with tracing.stage(NAME, "prepare"):
        prepared = await asyncio.to_thread(student.prepare_batch, postings)
    with tracing.stage(NAME, "infer"):
        inferred = await infer([unit.token_ids for p in prepared for unit in p.units])
    with tracing.stage(NAME, "decode"):
        lineage = _lineage(inferred.model, student)
        return await asyncio.to_thread(_decode, postings, prepared, inferred.outputs, student, lineage)


def _decode(
    postings: Sequence[Posting],
    prepared: Sequence[Prepared],
    outputs: Sequence[Outputs],
    student: Student,
    lineage: Lineage,
) -> list[PostingFeatures]:
    features = []
    position = 0
    for posting, document in zip(postings, prepared, strict=True):
        own = outputs[position : position + len(document.units)]
        position += len(document.units)
        extraction = student.decode(
            document,
            np.array([o["sentence_scores"] for o in own], dtype=np.float32),
            [o["token_probs"] for o in own],
        )
        features.append(
            PostingFeatures(
                id=posting.id,
                source_version=posting.version,
                content_hash=posting.content_hash,
                lineage=lineage,
                degraded=() if document.supported else (UNSUPPORTED_LANGUAGE,),
                text=document.text,
                text_hash=hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
                **{name: getattr(extraction, name) for name in type(extraction).model_fields},
            )
        )
    return features


def _output(features: PostingFeatures, posting: Posting, publish_text: bool) -> Output:
    # Same content under another id or version: the features are shared, the identity is this posting's.
    own = {"id": posting.id, "source_version": posting.version} | ({} if publish_text else {"text": None})
    return Output(POSTING_FEATURES, posting.id, features.model_copy(update=own))


def _lineage(model: ServedModel, student: Student) -> Lineage:
    return Lineage(
        model=model.name,
        model_version=served.version(model),
        tokenizer=student.tokenizer_digest,
        pipeline=served.RELEASE,
        schema_=POSTING_FEATURES.name,
    )


def _made_by(lineage: Lineage) -> str:
    """Names what made a result; another model or another release of our code must not be answered from the cache."""
    return f"{lineage.model_version}:{lineage.pipeline}"


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[tuple[Infer, Student]]:
    """The student and its served model, checked to belong together.

    Raises:
        RetryableError: Triton or the model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """
    student = Student.load(model_dir(Student.name))
    async with served.connect(settings, student) as infer:
        # Whatever loads at first use loads before the worker calls itself ready.
        await asyncio.to_thread(student.prepare_batch, [Posting(id="warm-up", body="We bake bread.")])
        yield infer, student


async def made_by(settings: Settings) -> str:
    """What a result would be made by now; raises as :func:`connect`."""
    async with connect(settings) as (infer, student):
        return _made_by(_lineage(infer.model, student))


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The postings worker; raises as :func:`connect`."""
    async with connect(settings) as (infer, student), cache.connect(settings, NAME) as results:
        yield Worker(
            flow=POSTINGS_FLOW,
            handle=partial(handle, infer=infer, student=student, results=results, publish_text=settings.publish_text),
            made_by=lambda: _made_by(_lineage(infer.model, student)),
        )
