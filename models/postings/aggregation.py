"""From what each unit says of each variable to the posting: one linear layer for each head over what all of them say.

A posting's answer is not in one sentence: years asked for and a title set the level, "required" here and "a plus" there
contradict each other, a nurse works at a place. The layer is fitted to predictions on postings that the encoder had not
been trained on (stacking: Wolpert 1992), drawn towards the plain rule that the sentences' pooled votes decide.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.postings.labels import CLASSES, HEADS, POSTING_HEADS, SENTENCE_HEADS, head_slices
from models.postings.preparing import Prepared
from models.postings.tagging import Floats, tagged_years

# Below this a probability is noise: a saturated unit must not outweigh all others.
_FLOOR = 1e-3
_YEARS_THRESHOLD = 0.3
# Lowest years of each band of `experience_level`.
_BANDS = (0.0, 1.01, 5.0, 10.0)
_SLICES = head_slices()
_SAID = [i for head in SENTENCE_HEADS for i in range(_SLICES[head].start + 1, _SLICES[head].stop)]
_VOTED = [i for head in POSTING_HEADS for i in range(_SLICES[head].start, _SLICES[head].stop)]
_NONE = [_SLICES[head].start for head in SENTENCE_HEADS]
FEATURES = 3 * CLASSES + len(_SAID) + len(_VOTED) + len(_BANDS) + 3


def features(prepared: Prepared, sentence_scores: Floats, token_probs: Sequence[Floats]) -> Floats:
    """What is known of a posting, `(FEATURES,)`; the first `CLASSES` of them are the plain rule's scores.

    Args:
        sentence_scores: `(units, S)`, of at least one unit.
        token_probs: of each unit `(tokens, K)`.
    """
    sentence_probs = sentence_scores[:, :CLASSES]
    logs = np.log(np.maximum(sentence_probs, _FLOOR))
    # As sure of a value as the surest sentence; `none` must hold for every sentence; the header speaks for the posting.
    pooled = logs.max(0)
    pooled[_NONE] = logs[:, _NONE].min(0)
    pooled[_VOTED] = logs[0, _VOTED]
    others = logs[1:, _VOTED].mean(0) if len(logs) > 1 else logs[0, _VOTED]
    often = np.log1p(sentence_probs[:, _SAID].sum(0))
    asked, sure = _years(prepared, token_probs)
    band = np.zeros(len(_BANDS), np.float32)
    if asked is not None:
        band[sum(asked >= low for low in _BANDS) - 1] = sure
    rest = [1.0 - sure, float(prepared.language == "fr"), np.log1p(len(logs))]
    known: Floats = np.concatenate([_votes(sentence_scores), pooled, logs[0], often, others, band, rest]).astype(
        np.float32
    )
    return known


def _votes(sentence_scores: Floats) -> Floats:
    """Log-probabilities of the posting's classes by the pooled votes, `(CLASSES,)`."""
    votes, attention = sentence_scores[:, CLASSES : 2 * CLASSES], sentence_scores[:, 2 * CLASSES :]
    shares = np.exp(attention - attention.max(0))
    shares = shares / shares.sum(0)
    result = np.empty(CLASSES, np.float32)
    for head, part in enumerate(_SLICES.values()):
        # No matrix product: its sums would be of another order on another number of cores.
        logits = (shares[:, head, None] * votes[:, part]).sum(0)
        logits = logits - logits.max()
        result[part] = logits - np.log(np.exp(logits).sum())
    return result


def _years(prepared: Prepared, token_probs: Sequence[Floats]) -> tuple[float | None, float]:
    """The years of experience that the tags are surest of, and how sure."""
    best, sure = None, 0.0
    for unit, probabilities in zip(prepared.units, token_probs, strict=True):
        for stretch, _, _, own in tagged_years(prepared, unit, probabilities, _YEARS_THRESHOLD):
            if own > sure:
                best, sure = stretch.low if stretch.low is not None else 0.0, own
    return best, sure


@dataclass(frozen=True, slots=True)
class Aggregation:
    """The fitted layers.

    Attributes:
        weights: of each head `(classes, FEATURES)`.
        bias: of each head `(classes,)`.
    """

    weights: dict[str, Floats]
    bias: dict[str, Floats]

    @classmethod
    def neutral(cls) -> "Aggregation":
        """The plain rule: the pooled votes decide."""
        return cls(
            {head: plain(head) for head in HEADS},
            {head: np.zeros(len(classes), np.float32) for head, classes in HEADS.items()},
        )

    @classmethod
    def load(cls, path: Path) -> "Aggregation":
        """Reads `aggregation.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        data = json.loads(path.read_text("utf-8"))
        if any(data[part].keys() != HEADS.keys() for part in ("weights", "bias")):
            raise ValueError(f"{path}: not of this release's heads")
        read = {part: {head: np.array(data[part][head], np.float32) for head in HEADS} for part in ("weights", "bias")}
        for head, classes in HEADS.items():
            if read["weights"][head].shape != (len(classes), FEATURES) or read["bias"][head].shape != (len(classes),):
                raise ValueError(f"{path}: {head} is not of this release's features")
        return cls(**read)

    def save(self, path: Path) -> None:
        """Writes `aggregation.json`, the same bytes for the same weights."""
        data = {
            name: {head: np.round(values.astype(float), 4).tolist() for head, values in part.items()}
            for name, part in (("weights", self.weights), ("bias", self.bias))
        }
        path.write_text(json.dumps(data, separators=(",", ":")) + "\n", "utf-8")

    def probabilities(self, known: Floats) -> dict[str, NDArray[np.float64]]:
        """Of each head its classes' probabilities, from :func:`features`."""
        result = {}
        for head, weights in self.weights.items():
            # No matrix product: its sums would be of another order on another number of cores.
            logits = (weights * known).sum(1, dtype=np.float64) + self.bias[head]
            exponents = np.exp(logits - logits.max())
            result[head] = exponents / exponents.sum()
        return result


def plain(head: str) -> Floats:
    """Weights that pass on the plain rule's scores."""
    weights = np.zeros((len(HEADS[head]), FEATURES), np.float32)
    part = _SLICES[head]
    weights[np.arange(len(HEADS[head])), np.arange(part.start, part.stop)] = 1.0
    return weights
