"""Fits what makes a posting's answer of its units' answers, on predictions for postings that were not trained on."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from models.postings import aggregation, decoding
from models.postings.aggregation import Aggregation
from models.postings.data import Example, Label
from models.postings.labels import HEADS, target_class
from models.postings.preparing import Prepared
from models.postings.running import Answer
from models.postings.tagging import Floats

log = logging.getLogger(__name__)

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
# Pull of the weights towards the plain rule; each head takes the one that its own cross-validation likes best.
_PULLS = (2.0, 10.0)
_FOLDS, _BLOCK = 3, 8
_ITERATIONS = 80
_SCALE_PENALTY, _SHIFT_PENALTY = 2.0, 2.0
_SKILL_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
# A field is marked for review where those as sure as it are right less often than this.
_REVIEW_ACCURACY = 0.85
_REVIEW_WINDOW, _REVIEW_LEAST = 0.15, 8
_REVIEW_STEPS = tuple(step / 20 for step in range(20))


def targets(labels: Sequence[Label]) -> dict[str, Ints]:
    """Class indices of each head, `(postings,)`."""
    return {head: np.array([target_class(head, label[head]) for label in labels]) for head in HEADS}


def fit(known: Floats, labels: Sequence[Label], weights: Doubles) -> Aggregation:
    """Layers of all heads.

    Args:
        known: features of the postings, `(postings, FEATURES)`, from networks that had not seen them.
        weights: of the postings.
    """
    made = Aggregation({}, {})
    inputs, importance = known.astype(np.float64), weights
    for head, target in targets(labels).items():
        losses = {pull: _cross_validated(inputs, target, importance, head, pull) for pull in _PULLS}
        pull = min(losses, key=losses.__getitem__)
        layer, bias = _fit_layer(inputs, target, importance, head, pull)
        made.weights[head], made.bias[head] = layer.astype(np.float32), bias.astype(np.float32)
        log.info("%s: pull %g, loss %.4f", head, pull, losses[pull] / importance.sum())
    return made


def _cross_validated(inputs: Doubles, target: Ints, importance: Doubles, head: str, pull: float) -> float:
    """Loss over the folds that each fit did not see."""
    # Neighbours by id are often alike: blocks of them stay together.
    fold = np.arange(len(target)) // _BLOCK % _FOLDS
    total = 0.0
    for number in range(_FOLDS):
        seen, unseen = fold != number, fold == number
        layer, bias = _fit_layer(inputs[seen], target[seen], importance[seen], head, pull)
        logs = log_softmax(inputs[unseen] @ layer.T + bias, axis=1)
        total -= float(importance[unseen] @ logs[np.arange(len(logs)), target[unseen]])
    return total


def _fit_layer(inputs: Doubles, target: Ints, importance: Doubles, head: str, pull: float) -> tuple[Doubles, Doubles]:
    """Weights and bias of least cross-entropy, drawn towards the plain rule by `pull` times the squared distance."""
    plain = aggregation.plain(head).astype(np.float64)
    rows = np.arange(len(target))
    total = importance.sum()

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        change, bias = flat[: plain.size].reshape(plain.shape), flat[plain.size :]
        logs = log_softmax(inputs @ (plain + change).T + bias, axis=1)
        loss = -importance @ logs[rows, target] + pull * (change**2).sum() + (bias**2).sum()
        slope = np.exp(logs)
        slope[rows, target] -= 1.0
        slope *= importance[:, None]
        gradient = np.concatenate([(slope.T @ inputs + 2 * pull * change).ravel(), slope.sum(0) + 2 * bias])
        return float(loss) / total, gradient / total

    found = minimize(
        objective, np.zeros(plain.size + len(plain)), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}
    ).x
    return plain + found[: plain.size].reshape(plain.shape), found[plain.size :]


def scaled(made: Aggregation, known: Floats, labels: Sequence[Label]) -> Aggregation:
    """The layers made as sure as the served network allows (temperature: Guo et al. 2017), on the calibration part.

    A small bias for each class goes with it: what was trained on has more of the rare ones than postings have.
    """
    result = Aggregation({}, {})
    for head, target in targets(labels).items():
        layer, bias = made.weights[head], made.bias[head]
        scale, shift = _temperature(known.astype(np.float64) @ layer.T + bias, target)
        log.info("%s: scale %.3f", head, scale)
        result.weights[head] = (layer * scale).astype(np.float32)
        result.bias[head] = (bias * scale + shift).astype(np.float32)
    return result


def _temperature(logits: Doubles, target: Ints) -> tuple[float, Doubles]:
    def objective(flat: Doubles) -> float:
        logs = log_softmax(np.exp(flat[0]) * logits + flat[1:], axis=1)
        loss = -logs[np.arange(len(logs)), target].sum()
        return float(loss + _SCALE_PENALTY * flat[0] ** 2 + _SHIFT_PENALTY * (flat[1:] ** 2).sum())

    found = minimize(objective, np.zeros(1 + logits.shape[1]), method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1:]


def review(made: Aggregation, known: Floats, examples: Sequence[Example]) -> dict[str, float]:
    """Of each head the confidence below which a person should look."""
    probabilities = [made.probabilities(row) for row in known]
    found = {}
    for head, target in targets([item.label for item in examples]).items():
        final = np.array([own[head] for own in probabilities])
        found[head] = review_threshold(final.max(1), final.argmax(1) == target)
    return found


def review_threshold(sure: Doubles, right: NDArray[np.bool_]) -> float:
    """The least confidence such that there and above, wherever enough answers lie, they are right often enough."""
    threshold = 1.0
    for step in reversed(_REVIEW_STEPS):
        near = (sure >= step) & (sure < step + _REVIEW_WINDOW)
        if near.sum() >= _REVIEW_LEAST and right[near].mean() < _REVIEW_ACCURACY:
            break
        threshold = step
    return threshold


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
