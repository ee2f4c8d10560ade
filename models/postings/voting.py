"""From the sentences' votes to the posting's answers: pooled by learned attention, made as sure as they are right.

A posting's answer is not in one sentence: years asked for and a title set the level, "required" here and "a plus" there
contradict each other, a nurse works at a place. So each sentence votes on all classes and says, for each variable, how
much its vote should count (attention: Yang et al. 2016, Hierarchical Attention Networks); both are learned together.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.postings.labels import CLASSES, HEADS, head_slices
from models.postings.tagging import Floats


def pooled(sentence_scores: Floats) -> dict[str, NDArray[np.float64]]:
    """Logits of each head's classes for the posting.

    Args:
        sentence_scores: `(units, S)`, of at least one unit.
    """
    votes = sentence_scores[:, CLASSES : 2 * CLASSES].astype(np.float64)
    attention = sentence_scores[:, 2 * CLASSES :].astype(np.float64)
    shares = np.exp(attention - attention.max(0))
    shares /= shares.sum(0)
    # No matrix product: its sums would be of another order on another number of cores.
    return {
        head: (shares[:, index, None] * votes[:, part]).sum(0)
        for index, (head, part) in enumerate(head_slices().items())
    }


@dataclass(frozen=True, slots=True)
class Calibration:
    """How sure the pooled votes are (temperature scaling: Guo et al. 2017, with a bias for each class).

    Attributes:
        scale: of each head what its logits are multiplied by.
        bias: of each head `(classes,)`, added then.
    """

    scale: dict[str, float]
    bias: dict[str, list[float]]

    @classmethod
    def neutral(cls) -> "Calibration":
        """As the network says."""
        return cls(dict.fromkeys(HEADS, 1.0), {head: [0.0] * len(classes) for head, classes in HEADS.items()})

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Reads `calibration.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        read = cls(**json.loads(path.read_text("utf-8")))
        if read.scale.keys() != HEADS.keys() or read.bias.keys() != HEADS.keys():
            raise ValueError(f"{path}: not of this release's heads")
        for head, classes in HEADS.items():
            if len(read.bias[head]) != len(classes):
                raise ValueError(f"{path}: {head} is not of this release's classes")
        return read

    def save(self, path: Path) -> None:
        """Writes `calibration.json`."""
        data = {
            "scale": {head: round(value, 4) for head, value in self.scale.items()},
            "bias": {head: [round(value, 4) for value in values] for head, values in self.bias.items()},
        }
        path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")

    def probabilities(self, sentence_scores: Floats) -> dict[str, NDArray[np.float64]]:
        """Of each head its classes' probabilities for the posting, from `(units, S)`."""
        return {
            head: _softmax(logits * self.scale[head] + np.array(self.bias[head]))
            for head, logits in pooled(sentence_scores).items()
        }


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponents = np.exp(logits - logits.max())
    probabilities: NDArray[np.float64] = exponents / exponents.sum()
    return probabilities
