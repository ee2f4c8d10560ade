"""What the extraction workers do around their students: known results from the cache, answers by document, lineage."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from topics.catalogue import Flow
from topics.envelope import encode
from topics.features import Features, Lineage
from workers import served, tracing
from workers.cache import ResultCache
from workers.esco import Standardiser
from workers.inference import Infer, Outputs, ServedModel

UNSUPPORTED_LANGUAGE = "unsupported_language"
# In the lineage, what made the vectors that are matched: vectors of two of them are not compared.
MATCH_EMBEDDER = "match_embedder"


class Student(served.Assets, Protocol):
    """Of a worker; its encoder runs on Triton."""

    @property
    def tokenizer_digest(self) -> str:
        """Of the tokenizer file."""


class _Document(Protocol):
    @property
    def units(self) -> Sequence[object]: ...


S = TypeVar("S", bound=Student)
F = TypeVar("F", bound=Features)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What an extraction worker works with."""

    infer: Infer
    student: S
    standardiser: Standardiser

    def models(self, student: ServedModel) -> list[tuple[ServedModel, str]]:
        """Each model that a result of `student` hangs on, with the digest of its tokenizer."""
        embedder = self.standardiser
        return [(student, self.student.tokenizer_digest), (embedder.model, embedder.embedder.assets_digest)]

    def made_by(self, student: ServedModel | None = None) -> str:
        """Names what made a result; another model, release or taxonomy must not be answered from the cache."""
        versions = [served.version(model) for model, _ in self.models(student or self.infer.model)]
        standardiser = self.standardiser
        return ":".join([*versions, standardiser.taxonomy_version, standardiser.matched_by, served.RELEASE])

    def lineage(self, student: ServedModel, flow: Flow) -> Lineage:
        """Of features that `student` made."""
        models = self.models(student)
        return Lineage(
            models={model.name: served.version(model) for model, _ in models}
            | {MATCH_EMBEDDER: self.standardiser.matched_by},
            tokenizers={model.name: tokenizer for model, tokenizer in models},
            pipeline=served.RELEASE,
            taxonomy=self.standardiser.taxonomy_version,
            schema_=flow.derived[0].name,
        )


async def known_or_made(
    parts: Parts[S],
    flow: Flow,
    results: ResultCache,
    wanted: Mapping[str, T],
    make: Callable[[Sequence[T]], Awaitable[tuple[Sequence[F], ServedModel]]],
    kind: type[F],
) -> dict[str, F]:
    """Features by content hash: from the cache, else made now and kept under the model that made them."""
    with tracing.stage(flow.worker, "cache"):
        known = await results.get(parts.made_by(), list(wanted))
    features = {
        key: kind.model_validate_json(entry) for key, entry in zip(wanted, known, strict=True) if entry is not None
    }
    missing = [value for key, value in wanted.items() if key not in features]
    if missing:
        made, model = await make(missing)
        # The model may have been switched since the look-up.
        await results.put(parts.made_by(model), {own.content_hash: encode(own) for own in made})
        features |= {own.content_hash: own for own in made}
    return features


def by_document(documents: Sequence[_Document], outputs: Sequence[Outputs]) -> Iterator[Sequence[Outputs]]:
    """The answers to each document's units, of those to all units in order."""
    position = 0
    for document in documents:
        yield outputs[position : position + len(document.units)]
        position += len(document.units)


def text_hash(text: str) -> str:
    """SHA-256 (hex); any string has one."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
