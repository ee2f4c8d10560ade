"""Differentiable group differences: what `fairness` measures, softened so that training can go down their gradient.

After the regularisers of Kamishima et al. (2012) and the batch-wise surrogates of Padala & Gujar (2020, FNNC). The
decision is taken at the batch's own cut, where as many are chosen as are labelled fit, and softened to a sharp sigmoid:
at a fixed cut a model can close every gap by choosing nobody.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# The sigmoid's slope at the cut: 1 would let a model close the gap in confidence and keep that in decisions.
_SHARPNESS = 3.0
# Where labels are biased, those labelled fit are not equally fit in each group: the terms that are conditional on the
# label keep some of the bias, so parity leads.
_OPPORTUNITY, _ODDS = 0.3, 0.3


class SoftGaps(NamedTuple):
    """Largest less smallest mean soft decision among the groups of the batch, each a scalar in [0, 1].

    Attributes:
        parity: among all.
        opportunity: among those labelled fit.
        odds: the larger of `opportunity` and the same among those labelled not fit.
    """

    parity: Tensor
    opportunity: Tensor
    odds: Tensor

    def loss(self) -> Tensor:
        """The term that is weighted by β."""
        return self.parity + _OPPORTUNITY * self.opportunity + _ODDS * self.odds


def soft_gaps(logits: Tensor, labels: Tensor, groups: Tensor) -> SoftGaps:
    """The soft differences of one batch; a group without members of a kind has no say in that kind.

    Args:
        logits: `(batch,)`.
        labels: `(batch,)`, bool.
        groups: `(batch,)`, int64.
    """
    cut = torch.quantile(logits.detach(), 1 - labels.to(logits.dtype).mean())
    chosen = torch.sigmoid(_SHARPNESS * (logits - cut))
    opportunity, false_alarm = (_spread(chosen[kind], groups[kind]) for kind in (labels, ~labels))
    return SoftGaps(_spread(chosen, groups), opportunity, torch.maximum(opportunity, false_alarm))


def _spread(chosen: Tensor, groups: Tensor) -> Tensor:
    means = [chosen[groups == group].mean() for group in torch.unique(groups)]
    if len(means) < 2:
        return chosen.sum() * 0
    stacked = torch.stack(means)
    return stacked.max() - stacked.min()
