"""Fits calibration on postings that were not trained on: one scale and one bias per class for each head."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from models.postings import decoding
from models.postings.data import Example
from models.postings.decoding import Calibration
from models.postings.labels import DEFAULTS, HEADS, NONE, POSTING_HEADS, head_slices
from models.postings.preparing import Prepared
from models.postings.running import Answer

_VOTES = (0.0, 0.25, 0.5, 1.0, 2.0)
_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
# Strength of the pull to scale 1 and bias 0; a rare class must not be decided by its five examples.
_BIAS_PENALTY = 0.5
_SCALE_PENALTY = 0.5


def fit(examples: Sequence[Example], prepared: Sequence[Prepared], answers: Sequence[Answer]) -> Calibration:
    """Calibration of every head and the thresholds of the tags."""
    scale, bias, votes = {}, {}, {}
    slices = head_slices()
    for head in HEADS:
        target = torch.tensor([target_class(head, item.label[head]) for item in examples])
        options = []
        for vote in _VOTES if head in POSTING_HEADS else (0.0,):
            rows = [decoding.scores(head, sentence[:, slices[head]], vote) for sentence, _ in answers]
            fitted = _fit_head(torch.tensor(np.array(rows)), target)
            options.append((fitted[0], vote, fitted[1], fitted[2]))
        _, vote, scale[head], bias[head] = min(options, key=lambda option: option[0])
        if head in POSTING_HEADS:
            votes[head] = vote
    calibration = Calibration(scale, bias, votes)
    return Calibration(
        scale, bias, votes, _skill_threshold(examples, prepared, answers), 0.4, calibration.years_threshold
    )


def target_class(head: str, value: str) -> int:
    """Index of a label's value in its head."""
    return HEADS[head].index(NONE if value == DEFAULTS.get(head) else value)


def _fit_head(rows: torch.Tensor, target: torch.Tensor) -> tuple[float, float, list[float]]:
    log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_scale, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = cross_entropy(log_scale.exp() * rows + bias, target, reduction="sum")
        value = value + _BIAS_PENALTY * (bias**2).sum() + _SCALE_PENALTY * log_scale**2
        value.backward()
        return value

    optimizer.step(closure)
    return float(closure().detach()), round(float(log_scale.detach().exp()), 4), [round(b, 4) for b in bias.tolist()]


def _skill_threshold(examples: Sequence[Example], prepared: Sequence[Prepared], answers: Sequence[Answer]) -> float:
    def quality(threshold: float) -> float:
        hits = found = wanted = 0
        for item, document, (_, tokens) in zip(examples, prepared, answers, strict=True):
            truth = {name.casefold() for name in item.label["skills"]}
            names = {name.casefold() for name, *_ in decoding.read_skills(document, tokens, threshold)}
            hits, found, wanted = hits + len(truth & names), found + len(names), wanted + len(truth)
        return 2 * hits / max(1, found + wanted)

    return max(_THRESHOLDS, key=quality)
