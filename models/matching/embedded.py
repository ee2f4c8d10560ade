"""Vectors of texts, titles and skills of the documents that are graded; texts are embedded here, and kept in a file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.esco.running import Embed, embedding
from models.matching.data import Pairs
from models.matching.facets import CvSide, PostingSide
from models.repository import model_dir

Floats = NDArray[np.float32]
Sides = Mapping[str, PostingSide | CvSide]


@dataclass(frozen=True, slots=True)
class PartVectors:
    """By id, `(parts, dimension)` each, absent parts zero."""

    postings: dict[str, Floats]
    cvs: dict[str, Floats]


def part_vectors(pairs: Pairs, kept: Path | None = None) -> PartVectors:
    """Of all documents of these pairs."""
    postings: Sides = {own.posting_id: PostingSide(pairs.postings[own.posting_id]) for own in pairs.grades}
    cvs: Sides = {own.cv_id: CvSide(pairs.cvs[own.cv_id]) for own in pairs.grades}
    embed = keeping(embedding(model_dir("text_embedder")), kept) if kept else embedding(model_dir("text_embedder"))
    found = []
    for sides in (postings, cvs):
        texts = embed([side.features.text or "" for side in sides.values()])
        zero = np.zeros(texts.shape[1], np.float32)
        found.append(
            {
                own: np.stack([text, *(zero if part is None else part.astype(np.float32) for part in side.vectors[1:])])
                for (own, side), text in zip(sides.items(), texts, strict=True)
            }
        )
    return PartVectors(*found)


def keeping(embed: Embed, path: Path) -> Embed:
    """The same function, asking no text twice across runs: vectors lie in a file by their texts' hashes."""
    known: dict[str, Floats] = dict(np.load(path)) if path.exists() else {}

    def kept(texts: Sequence[str]) -> Floats:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            known.update(zip(missing, embed(list(missing.values())), strict=True))
            np.savez(path, **known)
        return np.array([known[key] for key in keys], np.float32)

    return kept
