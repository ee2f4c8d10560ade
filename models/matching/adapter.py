"""From the text embedder's vectors to the one that is matched: each part through a small learned map, then their sum.

The encoder is frozen; of each part (text, titles, skills) the map adds a low-rank correction (as LoRA, Hu et al. 2022,
to weights, here to the pooled vector), so postings and CVs stay in one space and an index holds one vector for each.
The dot product of two sums compares every part of one side with every part of the other. Pure NumPy.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("adapter.npz")
PARTS = ("text", "titles", "skills")

Vector = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adapter:
    """Made by `models.matching.train`.

    Attributes:
        down: `(parts, dimension, rank)`.
        up: `(parts, rank, dimension)`.
        weights: of the parts in the sum, `(parts,)`.
        digest: of the file.
    """

    down: Floats
    up: Floats
    weights: Floats
    digest: str

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Adapter":
        """Reads the weights.

        Raises:
            OSError: no such file.
            ValueError: not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                down, up, weights = (found[name].astype(np.float64) for name in ("down", "up", "weights"))
        except KeyError as error:
            raise ValueError(f"{path} is no adapter: {error}") from error
        return cls(down, up, weights, hashlib.sha256(path.read_bytes()).hexdigest()[:16])

    @classmethod
    def plain(cls, dimension: int) -> "Adapter":
        """The sum of the vectors as they are, which training starts from."""
        shape = (len(PARTS), dimension, 0)
        return cls(np.zeros(shape), np.zeros((len(PARTS), 0, dimension)), np.ones(len(PARTS)), "")

    def combined(self, vectors: Sequence[Vector | None]) -> Vector | None:
        """One vector of length 1, `(dimension,)`; None where no part has one.

        Args:
            vectors: of text, titles and skills, each of length 1.
        """
        total = np.zeros(self.down.shape[1])
        for part, vector in enumerate(vectors):
            if vector is not None:
                own = vector.astype(np.float64)
                total += self.weights[part] * (own + (own @ self.down[part]) @ self.up[part])
        length = float(np.linalg.norm(total))
        return np.asarray(total / length, np.float32) if length else None

    def save(self, path: Path) -> None:
        """Writes the weights in half precision."""
        arrays = {"down": self.down, "up": self.up, "weights": self.weights}
        np.savez(path, **{name: own.astype(np.float16) for name, own in arrays.items()})


@lru_cache(1)
def shipped() -> Adapter:
    """The adapter of this package."""
    return Adapter.load()
