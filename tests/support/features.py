"""Features as the extraction workers would publish them, with the numbers that a test wants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import embedding
from topics.cvs import CvFeatures
from topics.envelope import encode
from topics.postings import PostingExtraction, PostingFeatures
from workers.delivery import Record
from workers.matching.items import Item, Side, read

DIMENSION = 16
_SILENT = {
    "language": "en", "commission": "no", "bonus": "no", "pay_min": None, "pay_max": None, "pay_currency": None,
    "experience_years_min": None, "experience_years_max": None, "seniority": "mid", "department": "Other",
}  # fmt: skip


def feature(value: Any, start: int = 0, end: int = 4) -> dict[str, Any]:
    return {"value": value, "confidence": 0.9, "evidence": [] if value is None else [{"start": start, "end": end}]}


def skill(name: str) -> dict[str, Any]:
    return feature({"uri": f"http://data.europa.eu/esco/skill/{name}", "label": name})


def vector(seed: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Of unit length."""
    numbers = np.random.default_rng(seed).standard_normal(dimension)
    return (numbers / np.linalg.norm(numbers)).astype(np.float32)


def posting(own: str, numbers: NDArray[np.float32] | None, skills: Sequence[str] = (), **changes: Any) -> bytes:
    """A posting's features, encoded; `changes` are fields, or values of features that are not lists."""
    silent = {name: feature(_SILENT.get(name, "not_stated")) for name in PostingExtraction.model_fields}
    return encode(
        PostingFeatures.model_validate(_common(own, numbers, skills) | silent | {"skills": []} | _own(changes))
    )


def cv(own: str, numbers: NDArray[np.float32] | None, skills: Sequence[str] = (), **changes: Any) -> bytes:
    """A CV's features, likewise."""
    lists = ("past_titles", "companies", "sectors", "education", "skills", "languages", "certificates")
    silent: dict[str, Any] = {"current_title": feature("cook"), "experience_years": feature(None), "masked": {}}
    silent |= {name: feature(_SILENT[name]) for name in ("language", "seniority", "department")}
    return encode(
        CvFeatures.model_validate(_common(own, numbers, skills) | silent | {name: [] for name in lists} | _own(changes))
    )


def item(side: Side, value: bytes, offset: int = 0, partition: int = 0) -> Item:
    """As the matcher reads it, with both filters."""
    return read(side, record(side, value, offset, partition), ("language", "work_arrangement"))


def record(side: Side, value: bytes, offset: int = 0, partition: int = 0) -> Record:
    kind = PostingFeatures if side is Side.posting else CvFeatures
    own = kind.model_validate_json(value).id
    return Record(side.source.name, partition, offset, own.encode(), value, (), 1_000 + offset)


def _common(own: str, numbers: NDArray[np.float32] | None, skills: Sequence[str]) -> dict[str, Any]:
    return {
        "id": own,
        "source_version": 1,
        "content_hash": "0" * 64,
        "lineage": {"models": {"text_embedder": "1-a"}, "tokenizers": {}, "pipeline": "0", "schema": "x"},
        "text": "Cook wanted in a kitchen",
        "text_hash": "0" * 64,
        "esco_occupation": feature(None),
        "esco_skills": [skill(name) for name in skills],
        "embedding": embedding.encode(numbers).model_dump() if numbers is not None else None,
    }


def _own(changes: dict[str, Any]) -> dict[str, Any]:
    plain = ("market", "source_version", "work_arrangements", "degraded", "languages", "education", "certificates")
    return {name: value if name in plain else feature(value) for name, value in changes.items()}
