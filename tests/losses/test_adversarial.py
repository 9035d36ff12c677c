"""Adversarial losses by their optimum values, their gradients, and a critic whose slope is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.losses import (
    binary_cross_entropy,
    gradient_penalty,
    hinge_critic,
    non_saturating_critic,
    non_saturating_generator,
    wasserstein_critic,
    wasserstein_generator,
)


def test_non_saturating_forms_are_binary_cross_entropies():
    """Closed form: real is yes, fake is no; the generator wants a yes; at chance 2 log 2."""
    real, fake = 5 * torch.randn(20), 5 * torch.randn(20)
    torch.testing.assert_close(non_saturating_critic(real, fake), binary_cross_entropy(real, torch.ones(20)) + binary_cross_entropy(fake, torch.zeros(20)))
    torch.testing.assert_close(non_saturating_generator(fake), binary_cross_entropy(fake, torch.ones(20)))
    assert non_saturating_critic(torch.zeros(1), torch.zeros(1)).item() == pytest.approx(2 * math.log(2))


def test_generator_still_learns_where_the_critic_wins():
    """Property: at a critic's logit of -50 the slope is -1, where that of log(1 - D) would be e^-50."""
    fake = torch.tensor([-50.0], requires_grad=True)
    non_saturating_generator(fake).sum().backward()
    assert fake.grad.item() == pytest.approx(-1.0)


def test_hinge_stops_at_the_margin():
    """Closed form: beyond +1 and -1 neither value nor gradient; inside, both sides have slope 1."""
    real, fake = torch.tensor([1.5, 0.0], requires_grad=True), torch.tensor([-1.5, 0.0], requires_grad=True)
    loss = hinge_critic(real, fake)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 2.0]
    assert real.grad.tolist() == [0.0, -1.0]
    assert fake.grad.tolist() == [0.0, 1.0]


def test_wasserstein_pushes_scores_apart_and_the_generator_pulls():
    """Closed form: fake - real, and -fake."""
    real, fake = torch.randn(4), torch.randn(4)
    assert torch.equal(wasserstein_critic(real, fake), fake - real)
    assert torch.equal(wasserstein_generator(fake), -fake)


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 4, 4)])
def test_gradient_penalty_of_a_linear_critic(shape):
    """Closed form: a linear critic has slope w everywhere, so the penalty is (||w|| - 1)^2 and its gradient 2 (1 - 1 / ||w||) w an item."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape[1:]), 1))
    weight = critic[1].weight
    penalty = gradient_penalty(critic, torch.randn(shape), torch.randn(shape))
    torch.testing.assert_close(penalty, ((weight.norm() - 1) ** 2).expand(5).detach(), rtol=1e-4, atol=1e-6)
    penalty.mean().backward()
    torch.testing.assert_close(weight.grad, 2 * (1 - 1 / weight.detach().norm()) * weight.detach(), rtol=1e-4, atol=1e-6)


def test_gradient_penalty_is_taken_at_the_mixture_and_per_sample():
    """Closed form: the critic x^2 / 2 summed has slope ||x|| at x = share real + (1 - share) fake, for each sample its own."""
    real, fake, share = torch.randn(4, 3), torch.randn(4, 3), torch.tensor([0.0, 0.3, 0.7, 1.0])
    between = share[:, None] * real + (1 - share[:, None]) * fake
    got = gradient_penalty(lambda x: 0.5 * x.square().sum(1), real, fake, share)
    torch.testing.assert_close(got, (between.norm(dim=1) - 1) ** 2)


def test_second_order_gradient_is_exact():
    """Property: gradcheck of the penalty with respect to the critic's own weights, also under no_grad outside."""
    weight = torch.randn(3, dtype=torch.float64, requires_grad=True)
    real, fake, share = torch.randn(4, 3).double(), torch.randn(4, 3).double(), torch.rand(4).double()
    assert torch.autograd.gradcheck(lambda w: gradient_penalty(lambda x: (x @ w).tanh(), real, fake, share), weight)
    with torch.no_grad():
        assert gradient_penalty(lambda x: (x @ weight).tanh(), real, fake).isfinite().all()
