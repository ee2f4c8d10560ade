"""Differentiable group differences: what `fairness` measures, softened so that training can go down their gradient.

A decision is softened to the sigmoid of its logit, sharpened so that it is near to the decision at .5 that is measured.
After the regularisers of Kamishima et al. (2012) and the batch-wise surrogates of Padala & Gujar (2020, FNNC).
"""

from typing import NamedTuple

import torch
from torch import Tensor

# The sigmoid's slope at the threshold: 1 would let a model close the gap in confidence and keep that in decisions.
_SHARPNESS = 3.0


class SoftGaps(NamedTuple):
    """Largest less smallest mean soft decision among the groups of the batch, each a scalar in [0, 1].

    Attributes:
        parity: among all.
        opportunity: among those labelled fit.
        odds: the mean of `opportunity` and the same among those labelled not fit.
    """

    parity: Tensor
    opportunity: Tensor
    odds: Tensor

    def loss(self) -> Tensor:
        """Their mean: the term that is weighted by β."""
        return torch.stack(self).mean()


def soft_gaps(logits: Tensor, labels: Tensor, groups: Tensor) -> SoftGaps:
    """The soft differences of one batch; a group without members of a kind has no say in that kind.

    Args:
        logits: `(batch,)`.
        labels: `(batch,)`, bool.
        groups: `(batch,)`, int64.
    """
    chosen = torch.sigmoid(_SHARPNESS * logits)
    opportunity, false_alarm = (_spread(chosen[kind], groups[kind]) for kind in (labels, ~labels))
    return SoftGaps(_spread(chosen, groups), opportunity, (opportunity + false_alarm) / 2)


def _spread(chosen: Tensor, groups: Tensor) -> Tensor:
    means = [chosen[groups == group].mean() for group in torch.unique(groups)]
    if len(means) < 2:
        return chosen.sum() * 0
    stacked = torch.stack(means)
    return stacked.max() - stacked.min()
