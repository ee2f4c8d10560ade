"""Titles and skills to ESCO concepts, and texts to vectors, by the text embedder on Triton and the taxonomy's index.

This service uses the ESCO classification of the European Commission.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import embedding
from models.esco.embedder import DIMENSION, TextEmbedder
from models.esco.linker import Link, Linker
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface
from models.matching import adapter
from models.matching.adapter import Adapter
from models.matching.texts import Texts, texts
from models.repository import model_dir
from topics.esco import EscoConcept
from topics.fields import Embedding, Feature
from workers import served
from workers.errors import FatalError
from workers.inference import Infer, ServedModel
from workers.settings import Settings

Vectors = NDArray[np.float32]
# Labels that are indexed in one call: a deadline holds for each of its requests.
_CHUNK = 512
# Texts whose links are remembered: some 20 MB.
_REMEMBERED = 50_000
_OCCUPATIONS, _SKILLS = "occupations", "skills"
# Kind and text.
_Text = tuple[str, str]


class Reading(NamedTuple):
    """What of one CV or posting is standardised and embedded.

    Attributes:
        title: of the posting, or of the CV's present job.
        past_titles: of a CV's earlier jobs.
        text: cleaned, of a CV anonymised.
    """

    language: str
    title: Feature[str | None]
    past_titles: Sequence[str]
    skills: Sequence[Feature[str]]
    text: str
    supported: bool


class Found(NamedTuple):
    """A concept, its label in the text's language, and how sure it is."""

    concept: Concept
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Made by :func:`connect`.

    Attributes:
        model: the embedder that made the index; texts must be embedded by the same.
        adapter: makes the vector that is matched.
        known: links of the latest texts, which hang on nothing but the text.
    """

    infer: Infer
    embedder: TextEmbedder
    linker: Linker
    model: ServedModel
    adapter: Adapter = field(default_factory=adapter.shipped)
    known: dict[_Text, list[Link]] = field(default_factory=dict)

    @property
    def taxonomy_version(self) -> str:
        """Taxonomy and version."""
        return self.linker.taxonomy.version

    @property
    def matched_by(self) -> str:
        """Names what made the vectors that are matched."""
        return f"{served.version(self.model)}-{self.adapter.digest}"

    async def __call__(self, readings: Sequence[Reading]) -> list[dict[str, Any]]:
        """Of each reading the fields of its features that are named `esco_…` and `…embedding`.

        Raises:
            FatalError: Triton serves another embedder by now.
        """
        wanted = [(_OCCUPATIONS, reading.title.value) for reading in readings if reading.title.value]
        wanted += [(_SKILLS, skill.value) for reading in readings for skill in reading.skills]
        links = await self._links(list(dict.fromkeys(wanted)))
        found = [
            (
                _found(links.get((_OCCUPATIONS, reading.title.value or "")), reading.language),
                [_found(links[_SKILLS, skill.value], reading.language) for skill in reading.skills],
            )
            for reading in readings
        ]
        embedded = await self._embedded(readings)
        return [
            {
                "esco_occupation": _occupation(reading.title, occupation),
                "esco_skills": _skills(reading.skills, skills),
                **fields,
            }
            for reading, (occupation, skills), fields in zip(readings, found, embedded, strict=True)
        ]

    async def _embedded(self, readings: Sequence[Reading]) -> list[dict[str, Embedding | None]]:
        parts = [_parts(reading) for reading in readings]
        wanted = list(dict.fromkeys(part for own in parts for part in own if part))
        known = dict(zip(wanted, await self.embed(wanted), strict=True))
        result = []
        for own in parts:
            vectors = [known.get(part) for part in own]
            _, titles, skills = vectors
            result.append(
                {
                    name: None if vector is None else embedding.encode(vector)
                    for name, vector in (
                        ("embedding", self.adapter.combined(vectors)),
                        ("titles_embedding", titles),
                        ("skills_embedding", skills),
                    )
                }
            )
        return result

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, `(texts, DIMENSION)`; raises as :meth:`__call__`."""
        inferred = await self.infer(await asyncio.to_thread(self.embedder.tokenize, texts))
        if inferred.model != self.model:
            raise FatalError(f"Triton serves another {self.model.name} by now: restart to index the taxonomy anew")
        vectors = np.zeros((len(texts), DIMENSION), np.float32)
        for row, outputs in enumerate(inferred.outputs):
            vectors[row] = outputs["embedding"]
        return vectors

    async def _links(self, wanted: Sequence[_Text]) -> dict[_Text, list[Link]]:
        """Links of each text; the same skills stand in many postings, so the latest are remembered."""
        new = [text for text in wanted if text not in self.known]
        # In the form in which the linking was tuned and tested.
        vectors = await self.embed([surface(text) for _, text in new])
        made = await asyncio.to_thread(self._search, new, vectors)
        links = {text: self.known[text] for text in wanted if text in self.known} | made
        self.known.update(made)
        for text in list(islice(self.known, max(0, len(self.known) - _REMEMBERED))):
            del self.known[text]
        return links

    def _search(self, wanted: Sequence[_Text], vectors: Vectors) -> dict[_Text, list[Link]]:
        links: dict[_Text, list[Link]] = {}
        for kind, search in ((_OCCUPATIONS, self.linker.occupations), (_SKILLS, self.linker.skills)):
            rows = [row for row, (own, _) in enumerate(wanted) if own == kind]
            texts = [wanted[row] for row in rows]
            links |= zip(texts, search([text for _, text in texts], vectors[rows]), strict=True)
        return links


def _found(links: Sequence[Link] | None, language: str) -> Found | None:
    if not links:
        return None
    return Found(links[0].concept, links[0].concept.label(language), links[0].confidence)


def _parts(reading: Reading) -> Texts:
    """What was not read says nothing, and nothing is near to it."""
    if not reading.supported:
        return Texts("", "", "")
    titles = [reading.title.value or "", *reading.past_titles]
    return texts(reading.text, titles, [skill.value for skill in reading.skills])


def _occupation(title: Feature[str | None], found: Found | None) -> Feature[EscoConcept | None]:
    """As it is published, shown by what shows the title."""
    if found is None:
        return Feature[EscoConcept | None](value=None, confidence=0.0)
    return Feature[EscoConcept | None](value=_concept(found), confidence=found.confidence, evidence=title.evidence)


def _skills(named: Sequence[Feature[str]], found: Sequence[Found | None]) -> tuple[Feature[EscoConcept], ...]:
    """As they are published: each concept once, shown by all that means it, the surest first."""
    means: dict[str, list[tuple[Feature[str], Found]]] = {}
    for feature, own in zip(named, found, strict=True):
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
