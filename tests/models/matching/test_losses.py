"""Losses on the graded CVs of one posting."""

import math
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor  # noqa: E402

from models.matching import losses  # noqa: E402

pytestmark = pytest.mark.train
POSTING = torch.tensor([1.0, 0.0])
GRADES = torch.tensor([3, 1, 0])


def at(*degrees: float) -> Tensor:
    radians = torch.tensor(degrees) * math.pi / 180
    return torch.stack([radians.cos(), radians.sin()], dim=1)


@pytest.mark.parametrize(
    "loss", [losses.contrastive, losses.triplet, losses.multiple_negatives, losses.Classifier(2)],
    ids=["contrastive", "triplet", "multiple negatives", "classifier"],
)  # fmt: skip
def test_the_right_order_costs_less_than_the_wrong_one(loss: Callable[..., Tensor]) -> None:
    right, wrong = loss(POSTING, at(5, 60, 90), GRADES), loss(POSTING, at(90, 60, 5), GRADES)
    assert right.item() < wrong.item()


@pytest.mark.parametrize("loss", [losses.pairwise_hinge, losses.lambda_loss])
def test_scores_are_driven_apart_in_the_order_of_the_grades(loss: Callable[..., Tensor]) -> None:
    scores = torch.tensor([0.0, 0.1, 0.2], requires_grad=True)
    loss(scores, GRADES).backward()
    good, weak, none = scores.grad.tolist()
    assert good < 0 < none
    assert good < weak


def test_the_hinge_is_satisfied_by_a_point_for_each_step() -> None:
    assert losses.pairwise_hinge(torch.tensor([3.0, 1.0, 0.0]), GRADES).item() == 0.0
    assert losses.pairwise_hinge(torch.tensor([2.9, 1.0, 0.0]), GRADES).item() == pytest.approx((0.1 + 0.1) / 3)


def test_lambda_loss_is_the_sum_over_pairs_of_what_their_swap_costs() -> None:
    scores, grades, k, mu = [0.2, 0.9, -0.3, 0.5], [3, 0, 1, 2], 2, 10.0
    order = sorted(range(4), key=lambda i: -scores[i])
    best = sum((2**g - 1) / math.log2(r + 1) for r, g in enumerate(sorted(grades, reverse=True)[:k], 1))
    total = 0.0
    for i, first in enumerate(order, 1):
        for j, second in enumerate(order, 1):
            if grades[first] > grades[second] and min(i, j) <= k:
                apart = abs(i - j)
                loss2 = abs(1 / math.log2(apart + 1) - 1 / math.log2(apart + 2))
                swap = abs(1 / math.log2(i + 1) - 1 / math.log2(j + 1))
                weight = (mu * loss2 + swap) * (2 ** grades[first] - 2 ** grades[second]) / best
                total += weight * math.log2(1 + math.exp(scores[second] - scores[first]))
    found = losses.lambda_loss(torch.tensor(scores), torch.tensor(grades), k, mu)
    assert found.item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("loss", [losses.pairwise_hinge, losses.lambda_loss])
def test_where_all_are_alike_there_is_nothing_to_learn(loss: Callable[..., Tensor]) -> None:
    scores = torch.zeros(3, requires_grad=True)
    loss(scores, torch.ones(3)).backward()
    assert scores.grad.tolist() == [0, 0, 0]
