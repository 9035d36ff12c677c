"""Losses for unequal classes by their formulas and by Bayes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import balanced_pixels, cross_entropy, logit_adjusted


def test_logit_adjustment_by_its_formula():
    """Closed form: logit_adjusted is the cross-entropy of shifted logits, rows, pictures and classes last; counts and shares alike; strength 0 is none."""
    logits, target, counts = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([70, 20, 9, 1])
    wanted = F.cross_entropy(logits + (counts / 100).log(), target, reduction="none")
    torch.testing.assert_close(logit_adjusted(logits, target, counts), wanted)
    torch.testing.assert_close(logit_adjusted(logits, target, counts / 100), wanted)
    torch.testing.assert_close(logit_adjusted(logits, target, counts, strength=0.0), cross_entropy(logits, target))
    torch.testing.assert_close(logit_adjusted(logits.view(2, 3, 4), target.view(2, 3), counts, dim=-1).flatten(), wanted)
    torch.testing.assert_close(logit_adjusted(logits.view(2, 3, 4).mT, target.view(2, 3), counts).flatten(), wanted)


def test_its_best_logits_are_those_of_balanced_classes():
    """Property: over all x of a small world, the minimiser of logit_adjusted says p(x | y) / sum p(x | y'), Bayes' rule with an even prior."""
    likelihood = torch.rand(5, 3, dtype=torch.float64).softmax(0)  # p(x | y)
    prior = torch.tensor([0.9, 0.09, 0.01], dtype=torch.float64)
    joint = likelihood * prior
    logits = torch.zeros(5, 3, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([logits], max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-12, tolerance_change=1e-14)

    def closure():
        search.zero_grad()
        values = torch.stack([logit_adjusted(logits, torch.full((5,), y), prior) for y in range(3)], 1)
        loss = (joint * values).sum()
        loss.backward()
        return loss

    search.step(closure)
    torch.testing.assert_close(logits.detach().softmax(1), likelihood / likelihood.sum(1, keepdim=True), rtol=1e-3, atol=1e-3)


def test_yes_and_no_of_each_picture_weigh_the_same():
    """Closed form: balanced_pixels at logits of 0 splits each picture's weight in two halves; a picture without yes costs nothing."""
    target = torch.zeros(2, 4, 5)
    target[0, 0, :3] = 1
    values = balanced_pixels(torch.zeros(2, 4, 5), target)
    assert values[0][target[0] == 1].sum().item() == pytest.approx(values[0][target[0] == 0].sum().item())
    assert not values[1].any()
    logits = torch.randn(2, 4, 5)
    b = 17 / 20
    wanted = F.binary_cross_entropy_with_logits(logits[0], target[0], reduction="none") * torch.where(target[0] == 1, b, 1 - b)
    torch.testing.assert_close(balanced_pixels(logits, target)[0], wanted)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"positive prior \(4,\); got \(3,\)"):
        logit_adjusted(torch.zeros(1, 4), torch.tensor([0]), torch.ones(3))
    with pytest.raises(ValueError, match="positive prior"):
        logit_adjusted(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1, 0]))
