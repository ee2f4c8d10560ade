"""Vectors as they travel in features."""

import base64

import numpy as np
from numpy.typing import NDArray

from topics.fields import Embedding


def encode(vector: NDArray[np.float32] | NDArray[np.float16]) -> Embedding:
    """A vector of length 1 in half precision."""
    return Embedding(fp16=base64.b64encode(vector.astype("<f2").tobytes()).decode(), dimension=len(vector))


def decode(embedding: Embedding) -> NDArray[np.float32]:
    """The vector, `(dimension,)`.

    Raises:
        ValueError: the bytes are not as many as the dimension says.
    """
    vector = np.frombuffer(base64.b64decode(embedding.fp16), "<f2").astype(np.float32)
    if len(vector) != embedding.dimension:
        raise ValueError(f"{len(vector)} numbers in an embedding of {embedding.dimension}")
    return vector
