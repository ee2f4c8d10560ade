"""Fits how sure the student may be, on postings that were not trained on."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from models.measuring import review_threshold
from models.postings import decoding, voting
from models.postings.data import Example
from models.postings.labels import HEADS, target_class
from models.postings.preparing import Prepared
from models.postings.voting import Calibration
from models.running import Answer

log = logging.getLogger(__name__)

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
_SCALE_PENALTY, _SHIFT_PENALTY = 2.0, 2.0
_SKILL_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def targets(examples: Sequence[Example]) -> dict[str, Ints]:
    """Class indices of each head, `(postings,)`."""
    return {head: np.array([target_class(head, item.label[head]) for item in examples]) for head in HEADS}


def fit(answers: Sequence[Answer], examples: Sequence[Example]) -> Calibration:
    """Temperature of each head, and a small bias of each class: training has more of the rare ones than life."""
    made = Calibration.neutral()
    logits = [voting.pooled(scores) for scores, _ in answers]
    for head, target in targets(examples).items():
        made.scale[head], made.bias[head] = _temperature(np.array([own[head] for own in logits]), target)
        log.info("%s: scale %.3f", head, made.scale[head])
    return made


def _temperature(logits: Doubles, target: Ints) -> tuple[float, list[float]]:
    def objective(flat: Doubles) -> float:
        logs = log_softmax(np.exp(flat[0]) * logits + flat[1:], axis=1)
        loss = -logs[np.arange(len(logs)), target].sum()
        return float(loss + _SCALE_PENALTY * flat[0] ** 2 + _SHIFT_PENALTY * (flat[1:] ** 2).sum())

    found = minimize(objective, np.zeros(1 + logits.shape[1]), method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1:].tolist()


def review(made: Calibration, answers: Sequence[Answer], examples: Sequence[Example]) -> dict[str, float]:
    """Of each head the confidence below which a person should look."""
    probabilities = [made.probabilities(scores) for scores, _ in answers]
    found = {}
    for head, target in targets(examples).items():
        final = np.array([own[head] for own in probabilities])
        found[head] = review_threshold(final.max(1), final.argmax(1) == target)
    return found


def skill_threshold(examples: Sequence[Example], prepared: Sequence[Prepared], answers: Sequence[Answer]) -> float:
    """The probability from which a token is of a skill that gives the best F1."""

    def quality(threshold: float) -> float:
        hits = found = wanted = 0
        for item, document, (_, tokens) in zip(examples, prepared, answers, strict=True):
            truth = {name.casefold() for name in item.label["skills"]}
            names = {name.casefold() for name, *_ in decoding.read_skills(document, tokens, threshold)}
            hits, found, wanted = hits + len(truth & names), found + len(names), wanted + len(truth)
        return 2 * hits / max(1, found + wanted)

    return max(_SKILL_THRESHOLDS, key=quality)
