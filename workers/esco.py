"""Titles and skills to ESCO concepts, and texts to vectors, by the text embedder on Triton and the taxonomy's index.

This service uses the ESCO classification of the European Commission.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.esco.embedder import DIMENSION, TextEmbedder
from models.esco.linker import Link, Linker
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface
from models.repository import model_dir
from topics.esco import EscoConcept
from topics.fields import Feature
from workers import served
from workers.errors import FatalError
from workers.inference import Infer, ServedModel
from workers.settings import Settings

Vectors = NDArray[np.float32]
# Labels that are indexed in one call: a deadline holds for each of its requests.
_CHUNK = 512


class Wanted(NamedTuple):
    """What of one CV or posting is to be standardised."""

    language: str
    title: str | None
    skills: Sequence[str]


class Found(NamedTuple):
    """A concept, its label in the text's language, and how sure it is."""

    concept: Concept
    label: str
    confidence: float


class Standardised(NamedTuple):
    """The concept of the title and, of each skill in order, its own; None where nothing fits well enough."""

    occupation: Found | None
    skills: Sequence[Found | None]


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Made by :func:`connect`.

    Attributes:
        model: the embedder that made the index; texts must be embedded by the same.
    """

    infer: Infer
    embedder: TextEmbedder
    linker: Linker
    model: ServedModel

    @property
    def taxonomy_version(self) -> str:
        """Taxonomy and version."""
        return self.linker.taxonomy.version

    @property
    def made_by(self) -> str:
        """Names model and taxonomy."""
        return f"{served.version(self.model)}:{self.taxonomy_version}"

    async def __call__(self, wanted: Sequence[Wanted]) -> list[Standardised]:
        """Concepts of each, in order.

        Raises:
            FatalError: Triton serves another embedder by now.
        """
        # Equal texts once: the same skills stand in many CVs.
        titles = list(dict.fromkeys(one.title for one in wanted if one.title))
        phrases = list(dict.fromkeys(skill for one in wanted for skill in one.skills))
        # In the form in which the linking was tuned and tested.
        vectors = await self.embed([surface(text) for text in (*titles, *phrases)])
        occupations, skills = await asyncio.to_thread(self._link, titles, phrases, vectors)
        return [
            Standardised(
                _found(occupations.get(one.title or ""), one.language),
                [_found(skills[skill], one.language) for skill in one.skills],
            )
            for one in wanted
        ]

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, `(texts, DIMENSION)`; raises as :meth:`__call__`."""
        inferred = await self.infer(await asyncio.to_thread(self.embedder.tokenize, texts))
        if inferred.model != self.model:
            raise FatalError(f"Triton serves another {self.model.name} by now: restart to index the taxonomy anew")
        vectors = np.zeros((len(texts), DIMENSION), np.float32)
        for row, outputs in enumerate(inferred.outputs):
            vectors[row] = outputs["embedding"]
        return vectors

    def _link(
        self, titles: Sequence[str], phrases: Sequence[str], vectors: Vectors
    ) -> tuple[dict[str, list[Link]], dict[str, list[Link]]]:
        occupations = self.linker.occupations(titles, vectors[: len(titles)])
        skills = self.linker.skills(phrases, vectors[len(titles) :])
        return dict(zip(titles, occupations, strict=True)), dict(zip(phrases, skills, strict=True))


def _found(links: Sequence[Link] | None, language: str) -> Found | None:
    if not links:
        return None
    return Found(links[0].concept, links[0].concept.label(language), links[0].confidence)


def occupation(title: Feature[str | None], found: Standardised) -> Feature[EscoConcept | None]:
    """As it is published, shown by what shows the title."""
    own = found.occupation
    if own is None:
        return Feature[EscoConcept | None](value=None, confidence=0.0)
    return Feature[EscoConcept | None](value=_concept(own), confidence=own.confidence, evidence=title.evidence)


def skills(named: Sequence[Feature[str]], found: Standardised) -> tuple[Feature[EscoConcept], ...]:
    """As they are published: each concept once, shown by all that means it, the surest first."""
    means: dict[str, list[tuple[Feature[str], Found]]] = {}
    for feature, own in zip(named, found.skills, strict=True):
        if own is not None:
            means.setdefault(own.concept.uri, []).append((feature, own))
    features = [
        Feature[EscoConcept](
            value=_concept(own[0][1]),
            confidence=max(one.confidence for _, one in own),
            evidence=tuple(evidence for feature, _ in own for evidence in feature.evidence),
        )
        for own in means.values()
    ]
    return tuple(sorted(features, key=lambda feature: (-feature.confidence, feature.value.uri)))


def _concept(found: Found) -> EscoConcept:
    return EscoConcept(uri=found.concept.uri, label=found.label, code=found.concept.code)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Standardiser]:
    """The embedder and the index of the taxonomy: that of the bundled one comes with the model, another is made once.

    Raises:
        RetryableError: Triton or the embedder is not ready.
        FatalError: Triton serves an embedder that was exported with another tokenizer than ours.
    """
    embedder = TextEmbedder.load(model_dir(TextEmbedder.name))
    folders = [settings.esco_dir] if settings.esco_dir else []
    taxonomy = await asyncio.to_thread(Taxonomy.load, *folders)
    async with served.connect(settings, embedder) as infer:
        model = infer.model
        loop = asyncio.get_running_loop()

        async def vectors(texts: Sequence[str]) -> Vectors:
            chunks = []
            for start in range(0, len(texts), _CHUNK):
                ids = await asyncio.to_thread(embedder.tokenize, texts[start : start + _CHUNK])
                chunks += [outputs["embedding"] for outputs in (await infer(ids)).outputs]
            return np.array(chunks, np.float32)

        def embed(texts: Sequence[str]) -> Vectors:
            return asyncio.run_coroutine_threadsafe(vectors(texts), loop).result()

        digest = model.parameters["digest"]
        folders = [model_dir(TextEmbedder.name), settings.data_dir / "esco"]
        linker = await asyncio.to_thread(Linker.build, taxonomy, embed, digest, folders)
        yield Standardiser(infer, embedder, linker, model)
