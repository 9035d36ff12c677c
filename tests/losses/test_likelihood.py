"""Likelihoods against torch and its distributions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import binary_cross_entropy, cross_entropy, gaussian_nll, nll, poisson_nll, probability_binary_cross_entropy, probability_nll


def test_gaussian_nll_equals_torch():
    """Parity: gaussian_nll against gaussian_nll_loss and Normal.log_prob."""
    mean, right, spread = torch.randn(3, 20)
    torch.testing.assert_close(gaussian_nll(mean, right, spread), F.gaussian_nll_loss(mean, right, spread.exp(), reduction="none"))
    torch.testing.assert_close(gaussian_nll(mean, right, spread, full_form=True), -torch.distributions.Normal(mean, (0.5 * spread).exp()).log_prob(right))
    with pytest.raises(ValueError, match=r"mean and log_variance.*\(20,\).*\(20, 1\)"):
        gaussian_nll(mean, right, spread[:, None])


def test_poisson_nll_equals_torch():
    """Parity: poisson_nll for rates and their logarithms, with Stirling's term and without."""
    z, counts = torch.randn(20), torch.poisson(torch.full((20,), 3.0))
    for full in (False, True):
        torch.testing.assert_close(poisson_nll(z, counts, full_form=full), F.poisson_nll_loss(z, counts, full=full, reduction="none"))
    torch.testing.assert_close(poisson_nll(z, counts), poisson_nll(z.exp(), counts, log_rate=False), rtol=1e-4, atol=1e-5)


def test_nll_is_cross_entropy_after_log_softmax():
    """Parity: nll against torch's on rows and pictures, and against cross_entropy from the logits."""
    for rest in ((), (3, 2)):
        logits, target = torch.randn(6, 4, *rest), torch.randint(0, 4, (6, *rest))
        ours = nll(logits.log_softmax(1), target)
        torch.testing.assert_close(ours, F.nll_loss(logits.log_softmax(1), target, reduction="none"))
        torch.testing.assert_close(ours, cross_entropy(logits, target))
        torch.testing.assert_close(probability_nll(logits.softmax(1), target), ours)
        torch.testing.assert_close(probability_nll(logits.softmax(1).movedim(1, -1), target, dim=-1), ours)


def test_probability_binary_cross_entropy_equals_torch():
    """Parity: probability_binary_cross_entropy against torch's on probabilities, and against the loss from logits."""
    logits, target = torch.randn(30), torch.randint(0, 2, (30,))
    ours = probability_binary_cross_entropy(logits.sigmoid(), target)
    torch.testing.assert_close(ours, F.binary_cross_entropy(logits.sigmoid(), target.float(), reduction="none"))
    torch.testing.assert_close(ours, binary_cross_entropy(logits, target), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_probability_of_zero_can_recover(dtype):
    """Property: probability_nll and probability_binary_cross_entropy at p = 0 have a large finite value and a gradient that is neither 0 nor infinite."""
    p = torch.tensor([[0.0, 1.0]], dtype=dtype, requires_grad=True)
    probability_nll(p, torch.tensor([0])).sum().backward()
    assert p.grad[0, 0].isfinite() and p.grad[0, 0] < -100
    q = torch.tensor([0.0, 1.0], dtype=dtype, requires_grad=True)
    loss = probability_binary_cross_entropy(q, torch.tensor([1, 0]))
    loss.sum().backward()
    assert loss.isfinite().all() and (loss > 5).all()
    assert q.grad.isfinite().all() and q.grad[0] < -100 and q.grad[1] > 100


def test_logits_given_as_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]; got values from -2 to 3.*binary_cross_entropy"):
        probability_binary_cross_entropy(torch.tensor([-2.0, 3.0]), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"nll has 2 classes.*got 5"):
        nll(torch.zeros(1, 2), torch.tensor([5]))
