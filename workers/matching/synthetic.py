"""Features without a text behind them, for `talentstream bench matching`: any number of people and jobs."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import embedding
from topics.cvs import CvFeatures
from topics.envelope import encode
from topics.postings import PostingExtraction, PostingFeatures
from workers.delivery import Record
from workers.matching.items import Item, Side, read

DIMENSION = 384
# Vectors lie about so many centres, as occupations do; uniform ones would be like nothing, and hard for a graph.
_CENTRES, _SPREAD = 2_000, 0.7
_SKILLS = 3_000
_OTHERS: dict[str, Any] = {
    "language": "en", "commission": "no", "bonus": "no", "pay_min": None, "pay_max": None, "pay_currency": None,
    "experience_requirement": "required", "experience_years_min": 3.0, "experience_years_max": None,
    "education_requirement": "required", "education_level": "bachelor", "seniority": "mid",
}  # fmt: skip


class Synthetic:
    """The same items for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._centres = _unit(self._rng.standard_normal((_CENTRES, DIMENSION)))

    def vectors(self, count: int) -> NDArray[np.float32]:
        """`(count, 384)`, of unit length."""
        centres = self._centres[self._rng.integers(_CENTRES, size=count)]
        noise = _unit(self._rng.standard_normal((count, DIMENSION)))
        return _unit(centres + _SPREAD * noise).astype(np.float32)

    def cvs(self, count: int) -> Iterator[Item]:
        """As a matcher keeps them; of a partition that nobody owns, so that no lists are made of them."""
        source = Side.cv.source.name
        values = [self._cv(vector) for vector in self.vectors(min(count, 500))]
        items = [read(Side.cv, Record(source, -1, 0, b"-", value, (), 0), ()) for value in values]
        unpacked = [zlib.decompress(item.packed) for item in items]
        for start in range(0, count, 10_000):
            for number, vector in enumerate(self.vectors(min(10_000, count - start)), start):
                own, like = f"cv-{number}", number % len(items)
                packed = zlib.compress(unpacked[like].replace(b'"id":"-"', f'"id":"{own}"'.encode(), 1), 1)
                yield replace(items[like], id=own, vector=vector.astype(np.float16), packed=packed, offset=number)

    def postings(self, count: int, prefix: str) -> list[tuple[bytes, bytes]]:
        """Keys and values of `posting-features.v1`."""
        return [
            (f"{prefix}-{number}".encode(), self._posting(f"{prefix}-{number}", vector))
            for number, vector in enumerate(self.vectors(count))
        ]

    def _posting(self, own: str, vector: NDArray[np.float32]) -> bytes:
        fields = {name: _feature(_OTHERS.get(name, "not_stated")) for name in PostingExtraction.model_fields}
        fields["department"] = _feature("Other")
        return encode(PostingFeatures.model_validate(self._common(own, vector, 8) | fields | {"skills": []}))

    def _cv(self, vector: NDArray[np.float32]) -> bytes:
        education = [_feature({"level": "bachelor", "field": "law", "span": "BA Law"})]
        fields: dict[str, Any] = {
            "language": _feature("en"),
            "current_title": _feature("clerk"),
            "experience_years": _feature(float(self._rng.integers(20))),
            "seniority": _feature("mid"),
            "department": _feature("Other"),
            "education": education,
            "masked": {"name": 1},
            **{name: [] for name in ("past_titles", "companies", "sectors", "skills", "languages", "certificates")},
        }
        return encode(CvFeatures.model_validate(self._common("-", vector, 12) | fields))

    def _common(self, own: str, vector: NDArray[np.float32], skills: int) -> dict[str, Any]:
        numbers = self._rng.integers(_SKILLS, size=skills)
        concepts = [{"uri": f"http://data.europa.eu/esco/skill/{n}", "label": f"skill {n}"} for n in numbers]
        encoded = embedding.encode(vector).model_dump()
        return {
            "id": own,
            "source_version": 1,
            "content_hash": "0" * 64,
            "lineage": {"models": {}, "tokenizers": {}, "pipeline": "0", "schema": "bench"},
            "text": "A text that the evidence points into.",
            "text_hash": "0" * 64,
            "esco_occupation": _feature(None),
            "esco_skills": [_feature(concept) for concept in concepts],
            "embedding": encoded,
            "titles_embedding": encoded,
            "skills_embedding": encoded,
        }


def _feature(value: Any) -> dict[str, Any]:
    return {"value": value, "confidence": 0.9, "evidence": [] if value is None else [{"start": 2, "end": 6}]}


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
