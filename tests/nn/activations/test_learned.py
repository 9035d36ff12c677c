"""Learned and bounded activations."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from weft.nn import Bounded, MixedActivation, MonotoneLinear, PiecewiseLinear, Rational, SoftThreshold, Swish

X = torch.linspace(-5, 5, 201)
number = st.floats(-1e4, 1e4, width=32)


def test_swish_of_beta_one_is_silu_and_beta_learns():
    """Parity: torch's SiLU at beta = 1, also as a whole number; x / 2 at 0; the gradient of beta by gradcheck."""
    torch.testing.assert_close(Swish(1)(X), F.silu(X))
    torch.testing.assert_close(Swish(0)(X), X / 2)
    torch.testing.assert_close(Swish(50)(X), X.relu(), atol=0.02, rtol=0)
    act = Swish(beta=2, learnable=True).double()
    assert isinstance(act.beta, torch.nn.Parameter) and act.beta.is_floating_point() and not list(Swish(2).parameters())
    assert torch.autograd.gradcheck(lambda x, beta: act(x), (torch.randn(5, dtype=torch.float64, requires_grad=True), act.beta))


@given(st.lists(number, min_size=1, max_size=8), st.floats(-100, 100), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_bounds_are_kept(values, low, width):
    """Property: Bounded stays within its interval at any input."""
    y = Bounded(low, low + width)(torch.tensor(values))
    assert (y >= low - 1e-4).all() and (y <= low + width + 1e-4).all()
    with pytest.raises(ValueError, match=r"low below high"):
        Bounded(1.0, 1.0)


def test_soft_threshold_is_soft_shrinkage_with_a_threshold_for_each_channel():
    """Parity: torch's softshrink, channel by channel."""
    act, x = SoftThreshold(3, start=0.5), torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(act(x), F.softshrink(x, 0.5))
    with torch.no_grad():
        act.raw[1] = 2.0
    torch.testing.assert_close(act(x)[:, 1], F.softshrink(x[:, 1], F.softplus(torch.tensor(2.0)).item()))
    torch.testing.assert_close(act(x)[:, 2], F.softshrink(x[:, 2], 0.5))
    with pytest.raises(ValueError, match=r"SoftThreshold expects a tensor of shape \(B, 3, \.\.\.\); got \(2, 4\)"):
        act(torch.zeros(2, 4))


def test_the_line_goes_through_its_knots_and_straight_on():
    """Closed form: PiecewiseLinear begins as ReLU, takes its values at the knots, the mean half way, and goes straight on outside."""
    act = PiecewiseLinear(5, -2, 2)
    torch.testing.assert_close(act(X), X.relu())
    with torch.no_grad():
        act.values.copy_(torch.tensor([3.0, -1.0, 2.0, 0.0, 5.0]))
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0, 0.5, -4.0, 4.0, 1e4])
    torch.testing.assert_close(act(x), torch.tensor([3.0, -1, 2, 0, 5, 1, 11, 15, 5 * 1e4 - 5]))
    with pytest.raises(ValueError, match=r"two knots"):
        PiecewiseLinear(1)


@given(st.lists(number, min_size=2, max_size=8), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_monotone_never_falls(values, seed):
    """Property: MonotoneLinear of sorted inputs is sorted, whatever it learned, by at least the least slope."""
    act = MonotoneLinear(7, least=0.1)
    torch.manual_seed(seed)
    with torch.no_grad():
        act.raw.copy_(5 * torch.randn(6))
    x = torch.tensor(values, dtype=torch.float64).sort().values
    rises = act.double()(x).diff()
    assert (rises >= 0.1 * x.diff() - 1e-4 * x.abs().max() - 1e-12).all()  # rounding at the knots' own size


def test_monotone_begins_as_the_identity():
    """Closed form: with every least slope."""
    for least in (0.0, 0.5):
        torch.testing.assert_close(MonotoneLinear(least=least)(X), X, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match=r"least in"):
        MonotoneLinear(least=1.0)


def test_rational_is_its_quotient_and_begins_near_leaky_relu():
    """Closed form: P(x) / (1 + |x A(x)|) with P and A by powers; within 0.07 of LeakyReLU on [-3, 3]; no pole anywhere."""
    act = Rational().double()
    x = torch.linspace(-3, 3, 301, dtype=torch.float64)
    assert (act(x) - F.leaky_relu(x)).abs().max() < 0.07
    with torch.no_grad():
        act.above.copy_(torch.randn(6))
        act.below.copy_(torch.randn(4))
    above = sum(c * x**i for i, c in enumerate(act.above))
    below = 1 + sum(c * x ** (i + 1) for i, c in enumerate(act.below)).abs()
    torch.testing.assert_close(act(x), above / below)


def test_a_mixture_is_the_weighted_sum_and_learns_its_shares():
    """Learned: MixedActivation is the sum of its parts by share; fitted to tanh it gives tanh more than nine tenths."""
    act = MixedActivation(["relu", "tanh", "silu"])
    torch.testing.assert_close(act(X), (X.relu() + X.tanh() + F.silu(X)) / 3)
    optimizer = torch.optim.Adam(act.parameters(), lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        ((act(X) - X.tanh()) ** 2).mean().backward()
        optimizer.step()
    shares = act.shares()
    assert shares["tanh"] > 0.9 and sum(shares.values()) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"two activations"):
        MixedActivation(["relu"])
