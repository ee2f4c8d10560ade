import numpy as np
import pytest

from models.matching.fairness import gaps

torch = pytest.importorskip("torch")
from models.matching.fair_loss import soft_gaps  # noqa: E402

pytestmark = pytest.mark.train


def test_nothing_to_lose_where_groups_are_treated_alike() -> None:
    logits = torch.tensor([2.0, -1.0, 2.0, -1.0])
    labels = torch.tensor([True, False, True, False])
    assert soft_gaps(logits, labels, torch.tensor([0, 0, 1, 1])).loss().item() == 0


def test_near_the_measured_gaps_where_decisions_are_clear() -> None:
    chance = np.random.default_rng(0)
    groups, fit = chance.integers(0, 3, 300), chance.random(300) < 0.4
    logits = 1_000 * (chance.random(300) + 0.3 * (groups == 1) + 0.2 * fit)
    chosen = logits > np.quantile(logits, 1 - fit.mean())
    soft = soft_gaps(torch.tensor(logits), torch.tensor(fit), torch.tensor(groups))
    hard = gaps(chosen, fit, groups.astype(str).tolist(), list(range(300)))
    assert hard.parity.value > 10
    for name in ("parity", "opportunity", "odds"):
        assert 100 * getattr(soft, name).item() == pytest.approx(getattr(hard, name).value, abs=1)


def test_choosing_nobody_does_not_make_it_fair() -> None:
    logits = torch.tensor([1.0, 0.8, -0.5, -0.7])
    labels, groups = torch.tensor([True, False, True, False]), torch.tensor([0, 0, 1, 1])
    assert soft_gaps(logits - 50, labels, groups).loss() == pytest.approx(soft_gaps(logits, labels, groups).loss())


def test_its_gradient_closes_the_gap() -> None:
    logits = torch.tensor([1.0, 0.8, -0.5, -0.7], requires_grad=True)
    labels, groups = torch.tensor([True, False, True, False]), torch.tensor([0, 0, 1, 1])
    before = soft_gaps(logits, labels, groups)
    before.loss().backward()
    after = soft_gaps(logits.detach() - 0.5 * logits.grad, labels, groups)
    assert after.loss() < before.loss()
    assert (logits.grad[:2] > 0).all()
    assert (logits.grad[2:] < 0).all()


def test_a_batch_of_one_group_has_no_gap() -> None:
    logits = torch.tensor([1.0, -1.0], requires_grad=True)
    soft = soft_gaps(logits, torch.tensor([True, True]), torch.tensor([1, 1]))
    soft.loss().backward()
    assert soft.loss().item() == 0
