"""The published bi-encoder's classifier, over [u; v; |u − v|], on embeddings that are given: of a posting and of a CV.

u and v are one learned projection of both embeddings, scaled to the same length; their cosine has a weight of its own,
so that the head starts from what the embeddings know. Pure NumPy: training is in `fair_train`.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FairHead:
    """Weights of one head: `E` numbers in an embedding, `D` in a projection, `H` hidden units.

    Attributes:
        project: `(E, D)`.
        hidden: `(3 D, H)`.
        hidden_bias: `(H,)`.
        out: `(H + 2,)`: of the hidden units, of the cosine, and the constant.
    """

    project: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats

    def projected(self, embeddings: Floats) -> Floats:
        """u or v, `(rows, D)`, each of length 1."""
        vectors = embeddings @ self.project
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)

    def logits(self, postings: Floats, cvs: Floats) -> Floats:
        """Of each pair the logit of P(fit), `(pairs,)`, given embeddings `(pairs, E)`."""
        u, v = self.projected(postings), self.projected(cvs)
        hidden = np.maximum(0, np.hstack([u, v, np.abs(u - v)]) @ self.hidden + self.hidden_bias)
        cosine = (u * v).sum(1, keepdims=True)
        return np.asarray(np.hstack([hidden, cosine, np.ones_like(cosine)]) @ self.out, np.float32)


def save(heads: dict[float, FairHead], chosen: float, path: Path) -> None:
    """Writes the head of each β in half precision, and which is the one to use."""
    stacked = {f.name: np.stack([getattr(h, f.name) for h in heads.values()]) for f in fields(FairHead)}
    arrays = {name: array.astype(np.float16) for name, array in stacked.items()}
    np.savez_compressed(path, betas=np.array(list(heads)), chosen=np.array(chosen), **arrays)


def load(path: Path) -> tuple[dict[float, FairHead], float]:
    """The heads by β and the β to use.

    Raises:
        OSError: no such file.
        ValueError: not such a file.
    """
    with np.load(path, allow_pickle=False) as found:
        try:
            arrays = {f.name: found[f.name].astype(np.float32) for f in fields(FairHead)}
            betas, chosen = found["betas"].tolist(), float(found["chosen"])
        except KeyError as error:
            raise ValueError(f"{path} is no file of heads: {error}") from error
    return {beta: FairHead(**{name: own[i] for name, own in arrays.items()}) for i, beta in enumerate(betas)}, chosen
