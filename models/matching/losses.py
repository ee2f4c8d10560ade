"""Losses on graded pairs of one posting each: of bi-encoders and of cross-encoders.

Sources: classifier over [u; v; |u − v|] and contrastive loss as in Sentence-BERT (Reimers & Gurevych 2019; Hadsell et
al. 2006); triplets whose margin grows with the difference of the grades (adaptive margin, after Liu et al. 2019);
multiple negatives (Henderson et al. 2017) with the posting's own poor CVs as hard ones; pairwise hinge (Herbrich et al.
2000); LambdaLoss@K with the NDCG-Loss2++ weighting and its μ (Wang et al. 2018; allRank, Pobrotyn et al. 2020).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, relu

from models.matching.metrics import MAX_GRADE, RELEVANT

_SCALE = 20.0
_MARGIN = 0.15
_FAR = 0.5


class Classifier(nn.Module):
    """P(fit) of [u; v; |u − v|], with the cosine beside it."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * dimension, 1)
        nn.init.zeros_(self.linear.weight)
        self.cosine = nn.Parameter(torch.tensor([10.0, -5.0]))

    def forward(self, posting: Tensor, cvs: Tensor, grades: Tensor) -> Tensor:
        """Of `(dimension,)`, `(cvs, dimension)` and `(cvs,)`."""
        u = posting.expand_as(cvs)
        scale, offset = self.cosine
        logits = self.linear(torch.cat([u, cvs, (u - cvs).abs()], dim=1))[:, 0] + scale * (u * cvs).sum(1) + offset
        return binary_cross_entropy_with_logits(logits, (grades >= RELEVANT).to(logits.dtype))


def contrastive(posting: Tensor, cvs: Tensor, grades: Tensor) -> Tensor:
    """Fits are drawn near, the others pushed beyond a distance; arguments as of :class:`Classifier`."""
    distance = 1 - cvs @ posting
    fit = (grades >= RELEVANT).to(distance.dtype)
    return (fit * distance**2 + (1 - fit) * relu(_FAR - distance) ** 2).mean()


def triplet(posting: Tensor, cvs: Tensor, grades: Tensor) -> Tensor:
    """Of any two CVs the better one nearer, by a margin for each step between their grades."""
    return _hinge(cvs @ posting, grades, _MARGIN / MAX_GRADE)


def multiple_negatives(posting: Tensor, cvs: Tensor, grades: Tensor) -> Tensor:
    """Each better CV against all that are worse; 0 where all are alike."""
    scores = _SCALE * (cvs @ posting)
    values = [
        cross_entropy(torch.cat([scores[row : row + 1], scores[grades < grades[row]]])[None], torch.zeros(1).long())
        for row in range(len(scores))
        if grades[row] > 0 and (grades < grades[row]).any()
    ]
    return torch.stack(values).mean() if values else scores.sum() * 0


def pairwise_hinge(scores: Tensor, grades: Tensor) -> Tensor:
    """Of any two CVs the better one higher, by 1 for each step between their grades; of `(cvs,)` both."""
    return _hinge(scores, grades, 1.0)


def lambda_loss(scores: Tensor, grades: Tensor, k: int = 5, mu: float = 10.0) -> Tensor:
    """LambdaLoss@K: what each swap costs in NDCG@K (Wang et al. 2018, NDCG-Loss2++; μ weighs its Loss2 part)."""
    order = scores.detach().argsort(descending=True)
    own, said = grades[order].to(scores.dtype), scores[order]
    gains = 2**own - 1
    ranks = torch.arange(1, len(own) + 1, dtype=scores.dtype)
    discounts = torch.log2(ranks + 1)
    best = ((2 ** own.sort(descending=True).values - 1) / discounts)[:k].sum()
    worse = own[:, None] > own[None]
    within = (ranks[:, None] <= k) | (ranks[None] <= k)
    pairs = worse & within
    if not pairs.any():
        return scores.sum() * 0
    apart = (ranks[:, None] - ranks[None]).abs()
    # Of ranks so far apart: 1 / discount(distance) less that one further.
    loss2 = (1 / torch.log2(apart.clamp(min=1) + 1) - 1 / torch.log2(apart + 2)).abs()
    rank_swap = (1 / discounts[:, None] - 1 / discounts[None]).abs()
    weights = (mu * loss2 + rank_swap) * (gains[:, None] - gains[None]).abs() / best
    losses = -torch.nn.functional.logsigmoid(said[:, None] - said[None]) / torch.log(torch.tensor(2.0))
    return (weights * losses)[pairs].sum()


def _hinge(scores: Tensor, grades: Tensor, step: float) -> Tensor:
    ahead = (grades[:, None] - grades[None]).to(scores.dtype)
    better = ahead > 0
    if not better.any():
        return scores.sum() * 0
    return relu(step * ahead - (scores[:, None] - scores[None]))[better].mean()
