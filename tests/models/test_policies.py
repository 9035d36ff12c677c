"""Policies and the squashed normal distribution."""

from __future__ import annotations

import math

import pytest
import torch

from weft.models.control import ActorCritic, GaussianPolicy, MLPPolicy, squash


def test_policies_begin_undecided():
    """Property: MLPPolicy and ActorCritic start with nearly equal actions and orthogonal layers; their networks share nothing."""
    observation = 3 * torch.randn(50, 4)
    network = ActorCritic(4, 3)
    logits, value = network(observation)
    for z in (logits, MLPPolicy(4, 3)(observation)):
        assert z.shape == (50, 3)
        assert (z.softmax(1) - 1 / 3).abs().max() < 0.02
    assert value.shape == (50,)
    weight = network.policy.layers[2].weight
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(64), rtol=1e-4, atol=1e-4)
    value.sum().backward()
    assert all(p.grad is None for p in network.policy.parameters())


def test_gaussian_policy_keeps_its_spread_within_bounds():
    """Property: GaussianPolicy's log standard deviation lies in [-5, 2] for any state, and still has a gradient inside."""
    policy = GaussianPolicy(3, 2)
    mean, log_std = policy(1e4 * torch.randn(100, 3))
    assert mean.shape == log_std.shape == (100, 2)
    assert -5 <= log_std.min() <= log_std.max() <= 2
    policy(torch.randn(2, 3))[1].sum().backward()
    assert policy.layers.layers[0].weight.grad.any()


def test_squashed_density_equals_the_change_of_variables():
    """Parity: torch.distributions' tanh transform of a normal, where it keeps its digits."""
    from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution

    mean, log_std, noise = (torch.randn(50, 3, dtype=torch.float64) for _ in range(3))
    action, log_density = squash(mean, 0.3 * log_std, noise)
    known = TransformedDistribution(Independent(Normal(mean, (0.3 * log_std).exp()), 1), TanhTransform(cache_size=1))
    before = mean + (0.3 * log_std).exp() * noise
    torch.testing.assert_close(action, before.tanh())
    known.transforms[0]._cached_x_y = (before, action)
    torch.testing.assert_close(log_density, known.log_prob(action))


def test_density_integrates_to_one_and_survives_saturation():
    """Closed form: the density over (-1, 1) sums to 1; an action that rounds to 1 has a finite density and gradient."""
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None]
    mean, log_std = torch.full_like(grid, 0.3), torch.full_like(grid, -0.5)
    action, log_density = squash(mean, log_std, grid)
    assert torch.trapezoid(log_density.exp(), action[:, 0]).item() == pytest.approx(1.0, abs=1e-4)
    far = torch.full((1, 1), 40.0, requires_grad=True)
    action, log_density = squash(far, torch.zeros(1, 1), torch.zeros(1, 1))
    assert action.item() == 1.0
    assert log_density.item() == pytest.approx(80 - 2 * math.log(2) - 0.5 * math.log(2 * math.pi), rel=1e-5)
    log_density.sum().backward()
    assert far.grad.item() == pytest.approx(2.0)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="expects 4 numbers an item"):
        MLPPolicy(4, 2)(torch.randn(3, 5))
