"""Whether the signal gets through, in networks where the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import initialize, propagation


def stack(act, depth=30, dim=128):
    return nn.Sequential(*[part for _ in range(depth) for part in (nn.Linear(dim, dim), act())])


def normal(network, std):
    for part in network:
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=std)
            nn.init.zeros_(part.bias)
    return network


def test_known_cases():
    """Property: deep sigmoids from N(0, 0.1) lose the gradient; He with relu gets through; too small dies, too large explodes; a norm helps."""
    x = torch.randn(64, 128)
    assert "vanishing gradients" in propagation(normal(stack(nn.Sigmoid), 0.1), x).verdicts
    for seed in range(5):
        torch.manual_seed(seed)
        assert propagation(initialize(stack(nn.ReLU), "he_normal"), x).healthy
        assert propagation(initialize(stack(nn.Tanh, 12), "xavier_normal"), x).healthy
    assert set(propagation(normal(stack(nn.ReLU), 0.02), x).verdicts) == {"vanishing activations", "vanishing gradients"}
    assert set(propagation(normal(stack(nn.ReLU), 0.3), x).verdicts) == {"exploding activations", "exploding gradients"}
    normed = nn.Sequential(*[part for _ in range(30) for part in (nn.Linear(128, 128), nn.LayerNorm(128), nn.ReLU())])
    assert "vanishing activations" not in propagation(normal(normed, 0.02), x).verdicts


def test_numbers_are_those_of_a_linear_network():
    """Closed form: with W = a I the mean squares are a^(2 l) forwards and a^(2 (L - l)) backwards."""
    network = nn.Sequential(*[nn.Linear(8, 8, bias=False) for _ in range(6)])
    for layer in network:
        layer.weight.data.copy_(2 * torch.eye(8))
    x = torch.randn(16, 8)
    found = propagation(network, x)
    for level in range(6):
        assert found.forward[level] == pytest.approx(x.square().mean().item() * 4.0 ** (level + 1), rel=1e-5)
        assert found.backward[level] == pytest.approx(found.backward[-1] * 4.0 ** (5 - level), rel=1e-5)
    assert "gradient^2" in str(found) and "exploding" in str(found)


def test_the_network_is_left_as_it_was():
    """Property: parameters, buffers, gradients, hooks and the random state stay."""
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before, state = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    propagation(network, torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(value.grad is None for value in network.parameters()) and not network[0]._forward_hooks
    assert torch.equal(torch.get_rng_state(), state)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="at least two linear or convolution layers"):
        propagation(nn.Linear(2, 2), torch.zeros(1, 2))
