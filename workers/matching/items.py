"""What the matcher keeps of each posting and each CV: little enough that a process holds all of them."""

import zlib
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from models import embedding
from topics.catalogue import CV_FEATURES, POSTING_FEATURES, Topic
from topics.cvs import CvFeatures
from topics.features import Features
from topics.matches import cv_subject, posting_subject
from topics.postings import PostingFeatures
from workers.delivery import Record

Filter = Literal["language", "work_arrangement"]
# What a filter that is switched off, or a side that says nothing, compares: always common to both.
ANY = frozenset({"*"})
_ARRANGEMENTS = frozenset({"onsite", "hybrid", "remote"})
# Of parsed features, 35 kB each: those of a round are often those of the last.
_PARSED = 10_000

F = TypeVar("F", bound=Features)


class Side(StrEnum):
    """Of a match."""

    posting = "posting"
    cv = "cv"

    @property
    def other(self) -> "Side":
        """What it is matched with."""
        return Side.cv if self is Side.posting else Side.posting

    @property
    def source(self) -> Topic:
        """Where its features come from."""
        return POSTING_FEATURES if self is Side.posting else CV_FEATURES


# Side and id.
Key = tuple[Side, str]


def subject(key: Key) -> str:
    """The key's list in `matches.v1`."""
    side, own = key
    return posting_subject(own) if side is Side.posting else cv_subject(own)


def key_of(subject: str) -> Key:
    """The reverse of :func:`subject`."""
    side, _, own = subject.partition(":")
    return Side(side), own


@dataclass(frozen=True, slots=True)
class Item:
    """One posting or CV.

    Attributes:
        space: in which vectors may be compared: market, embedding model, dimension.
        languages: that the posting is written in, or the CV's person reads; one in common is needed.
        arrangements: that the posting offers, or the CV's person accepts; likewise.
        vector: unit length, half precision as published; None where the features have none.
        packed: the other features.
        partition: of its record.
        offset: of its record; grows with each change.
    """

    side: Side
    id: str
    market: str
    space: str
    languages: frozenset[str]
    arrangements: frozenset[str]
    vector: NDArray[np.float16] | None
    packed: bytes
    partition: int
    offset: int
    timestamp_ms: int

    @property
    def key(self) -> Key:
        """Side and id."""
        return self.side, self.id

    def matches(self, other: "Item") -> bool:
        """May be matched with an item of the other side, however well."""
        return (
            self.space == other.space
            and not self.languages.isdisjoint(other.languages)
            and not self.arrangements.isdisjoint(other.arrangements)
        )

    def says_the_same(self, other: "Item | None") -> bool:
        """A replayed record, for instance: nothing that depends on the item changes."""
        return (
            other is not None
            and self.packed == other.packed
            and (self.space, self.partition) == (other.space, other.partition)
            and np.array_equal(self.numbers(), other.numbers())
        )

    def numbers(self) -> NDArray[np.float16]:
        """The vector; an empty one where there is none."""
        return self.vector if self.vector is not None else np.empty(0, np.float16)


def read(side: Side, record: Record, filters: Collection[Filter]) -> Item:
    """The item of a record of the side's features.

    Raises:
        ValueError: the record is not what its topic should hold.
    """
    features: PostingFeatures | CvFeatures
    if side is Side.posting:
        features = posting = PostingFeatures.model_validate_json(record.value or b"")
        languages = frozenset({posting.language.value})
        arrangement = posting.work_arrangement.value
        arrangements = _ARRANGEMENTS if arrangement == "not_stated" else frozenset({arrangement})
    else:
        features = cv = CvFeatures.model_validate_json(record.value or b"")
        languages = frozenset({cv.language.value, *(language.value for language in cv.languages)})
        arrangements = frozenset(cv.work_arrangements) or _ARRANGEMENTS
    if features.id.encode() != record.key:
        raise ValueError("the id is not the record's key")
    vector = embedding.decode(features.embedding).astype(np.float16) if features.embedding is not None else None
    return Item(
        side=side,
        id=features.id,
        market=features.market,
        space=_space(features),
        languages=languages if "language" in filters else ANY,
        arrangements=arrangements if "work_arrangement" in filters else ANY,
        vector=vector,
        packed=zlib.compress(features.model_dump_json(exclude={"text", "embedding"}).encode(), 1),
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
    )


def _space(features: Features) -> str:
    # Vectors of two models, or of two versions of one, mean different things.
    models = features.lineage.models
    model = next((f"{name}-{models[name]}" for name in ("match_embedder", "text_embedder") if name in models), "")
    dimension = features.embedding.dimension if features.embedding is not None else 0
    return f"{features.market}/{model}/{dimension}"


class Unpacked:
    """Features of items, the latest ones kept parsed; `text` is not among what an item keeps."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[tuple[Key, int], Features] = OrderedDict()

    def clear(self) -> None:
        """Forgets all: offsets are about to mean other records."""
        self._parsed.clear()

    def posting(self, item: Item) -> PostingFeatures:
        """Of a posting."""
        return self._features(item, PostingFeatures)

    def cv(self, item: Item) -> CvFeatures:
        """Of a CV."""
        return self._features(item, CvFeatures)

    def _features(self, item: Item, kind: type[F]) -> F:
        name = (item.key, item.offset)
        features = self._parsed.get(name)
        if not isinstance(features, kind):
            features = _unpack(item, kind)
            self._parsed[name] = features
            if len(self._parsed) > _PARSED:
                self._parsed.popitem(last=False)
        else:
            self._parsed.move_to_end(name)
        return features


def _unpack(item: Item, kind: type[F]) -> F:
    json = zlib.decompress(item.packed)
    vector = embedding.encode(item.vector) if item.vector is not None else None
    rest = f',"text":null,"embedding":{vector.model_dump_json() if vector else "null"}}}'
    return kind.model_validate_json(json[:-1] + rest.encode())
