"""Small features of postings and CVs, for the adapter and the scorer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import embedding
from tests.support import features
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures

WIDE = 384


def turned(degrees: float, dimension: int = WIDE) -> NDArray[np.float32]:
    """A vector of length 1, so far from the first axis."""
    vector = np.zeros(dimension, np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def posting(own: str = "p", degrees: float = 0.0, skills: Sequence[str] = (), **changes: Any) -> PostingFeatures:
    """Its three vectors all so far from the first axis."""
    plain = PostingFeatures.model_validate_json(features.posting(own, turned(degrees), skills, **changes))
    return plain.model_copy(update=_vectors(degrees))


def cv(own: str = "c", degrees: float = 0.0, skills: Sequence[str] = (), **changes: Any) -> CvFeatures:
    """Likewise."""
    plain = CvFeatures.model_validate_json(features.cv(own, turned(degrees), skills, **changes))
    return plain.model_copy(update=_vectors(degrees))


def named(*skills: str) -> list[dict[str, Any]]:
    """Skills as spelled in the text."""
    return [features.feature(skill) for skill in skills]


def _vectors(degrees: float) -> dict[str, Any]:
    encoded = embedding.encode(turned(degrees))
    return {"titles_embedding": encoded, "skills_embedding": encoded}
