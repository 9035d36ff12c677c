"""Embeddings of things, and masks by class."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import class_mask, discriminative


def test_two_clusters_by_hand():
    """Closed form: discriminative of two things on a line: pulls, one push, the means' length."""
    x, target = torch.tensor([[[0.0, 2.0, 3.0, 9.0]]]), torch.tensor([[5, 5, 9, 0]])  # means 1 and 3, distances 1, 1, 0; background 9
    pull = ((1 - 0.5) ** 2 * 2 / 2 + 0) / 2
    push = (3 - 2) ** 2
    assert discriminative(x, target).item() == pytest.approx(pull + push + 0.001 * 2, rel=1e-5)


def test_equals_the_loop_and_ignores_numbers_and_background():
    """Brute force: discriminative over things and pairs; property: things in any numbers, background anything."""
    x, target = torch.randn(2, 3, 4, 5), torch.randint(0, 4, (2, 4, 5))
    wanted = []
    for one, labels in zip(x, target):
        groups = [one[:, labels == k] for k in labels.unique() if k != 0]
        means = [g.mean(1) for g in groups]
        pull = torch.stack([((g - m[:, None]).norm(dim=0) - 0.5).clamp(min=0).square().mean() for g, m in zip(groups, means)]).mean()
        pairs = [(3.0 - (a - b).norm()).clamp(min=0).square() for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
        wanted.append(pull + torch.stack(pairs).mean() + 0.001 * torch.stack([m.norm() for m in means]).mean())
    torch.testing.assert_close(discriminative(x, target), torch.stack(wanted), rtol=1e-4, atol=1e-5)
    renamed = torch.tensor([0, 70, 3, 12])[target]
    torch.testing.assert_close(discriminative(x, renamed), discriminative(x, target))
    torch.testing.assert_close(discriminative(torch.where(target[:, None] == 0, 99.0, x), target), discriminative(x, target))
    leaf = x.clone().requires_grad_()
    found = discriminative(leaf, torch.zeros_like(target))
    found.sum().backward()
    assert not found.any() and not leaf.grad.any()


def test_a_mask_is_that_of_its_class():
    """Parity: class_mask against torchvision's way, binary cross-entropy of the chosen channel; other channels get no gradient."""
    logits, target, labels = torch.randn(3, 4, 5, 5, requires_grad=True), torch.rand(3, 5, 5).round(), torch.tensor([2, 0, 2])
    found = class_mask(logits, target, labels)
    torch.testing.assert_close(found.mean(), F.binary_cross_entropy_with_logits(logits[torch.arange(3), labels], target))
    found.sum().backward()
    assert not logits.grad[0, [0, 1, 3]].any() and logits.grad[0, 2].any()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"got prediction \(1, 2, 3\) and target \(1, 4\)"):
        discriminative(torch.zeros(1, 2, 3), torch.zeros(1, 4, dtype=torch.long))
    with pytest.raises(ValueError, match=r"labels \(2,\)"):
        class_mask(torch.zeros(1, 2, 3), torch.zeros(1, 3), torch.tensor([0, 1]))
