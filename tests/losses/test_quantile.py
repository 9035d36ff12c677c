"""Quantile and expectile losses by their minimisers and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.losses import Loss, expectile, mse, ordered, quantile


def test_quantile_equals_scikit_learn():
    """Parity: quantile, one level at a time, against mean_pinball_loss."""
    metrics = pytest.importorskip("sklearn.metrics")
    guess, right = torch.randn(50), torch.randn(50)
    for level in (0.05, 0.5, 0.9):
        ours = quantile(guess.unsqueeze(-1), right, levels=[level]).mean().item()
        assert ours == pytest.approx(metrics.mean_pinball_loss(right.numpy(), guess.numpy(), alpha=level), rel=1e-5)


def test_its_minimiser_is_the_empirical_quantile():
    """Property: quantile's best constants for 99 numbers are numpy's quantiles of them, all three at once."""
    data = torch.randn(99, dtype=torch.float64)
    grid = data.sort().values
    levels = (0.1, 0.5, 0.9)
    for at, level in enumerate(levels):
        costs = [quantile(c.expand(99, 1), data, levels=[level]).mean() for c in grid]
        assert grid[int(torch.stack(costs).argmin())].item() == pytest.approx(np.quantile(data.numpy(), level, method="inverted_cdf")), at


def test_crossing_costs_and_ordered_quantiles_never_cross():
    """Closed form: the penalty is the sum of what crosses; property: ordered rises whatever comes in."""
    guess, right = torch.tensor([[2.0, 0.5, 1.0]]), torch.tensor([1.0])
    assert (quantile(guess, right, crossing=2.0) - quantile(guess, right)).item() == pytest.approx(2 * 1.5)
    assert (ordered(50 * torch.randn(100, 5)).diff(dim=-1) >= 0).all()


def test_expectile_of_a_half_is_half_the_square_and_the_minimiser_balances():
    """Closed form: level 1/2; property: at the minimiser of expectile the weighted errors cancel, level 0.8."""
    guess, right = torch.randn(20, dtype=torch.float64), torch.randn(20, dtype=torch.float64)
    torch.testing.assert_close(expectile(guess, right), 0.5 * mse(guess, right))
    m = torch.zeros((), dtype=torch.float64)
    for _ in range(100):
        weight = torch.where(right < m, 0.2, 0.8).double()
        m = (weight * right).sum() / weight.sum()
    m.requires_grad_()
    Loss.mean(expectile(m.expand(20), right, level=0.8)).value.backward()
    assert m.grad.item() == pytest.approx(0, abs=1e-9)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"rising levels between 0 and 1; got \(0.9, 0.1\)"):
        quantile(torch.zeros(2, 2), torch.zeros(2), levels=(0.9, 0.1))
    with pytest.raises(ValueError, match=r"prediction \(2, 3\) for the target \(2,\); got \(2, 4\)"):
        quantile(torch.zeros(2, 4), torch.zeros(2))
    with pytest.raises(ValueError, match="level between 0 and 1"):
        expectile(torch.zeros(2), torch.zeros(2), level=1.0)
