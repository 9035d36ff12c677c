"""Values: returns by recursion and by sums, distributions by loops, minimisers by sorting."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import (
    categorical_value,
    clipped_value,
    lambda_returns,
    projected_distribution,
    quantile_value,
    step_returns,
    temporal_difference,
)
from weft.methods.reinforcement import generalized_advantage


def test_one_step_of_truth():
    """temporal_difference, parity: torch's Huber and squared losses against r + 0.9^3 V', nothing after a terminal state, no gradient through the target."""
    v, r, n = (torch.randn(6, requires_grad=True) for _ in range(3))
    end = torch.tensor([True, False] * 3)
    target = (r + 0.9**3 * n * ~end).detach()
    torch.testing.assert_close(temporal_difference(v, r, n, end, discount=0.9, steps=3), F.huber_loss(v, target, reduction="none"))
    torch.testing.assert_close(temporal_difference(v, r, n, end, discount=0.9, steps=3, delta=None), 0.5 * F.mse_loss(v, target, reduction="none"))
    temporal_difference(v, r, n, end).sum().backward()
    assert r.grad is None
    assert n.grad is None
    with pytest.raises(ValueError, match=r"\(6,\) and target \(6, 1\)"):
        temporal_difference(v, r, n[:, None], end)


def segment():
    reward, following = torch.randn(2, 3, 7, dtype=torch.float64)
    return reward, following, torch.rand(3, 7) < 0.2, torch.rand(3, 7) < 0.2


def test_lambda_returns_equal_the_advantages_plus_values():
    """lambda_returns, parity: generalised advantage estimates of another shelf plus the values they were made from, ends of both kinds."""
    reward, following, terminated, truncated = segment()
    value = torch.randn(3, 7, dtype=torch.float64)
    # GAE's one-step surprises are taken with the values of the same states, so V'_t must be V_{t+1} where the episode goes on.
    value[:, 1:] = torch.where(terminated[:, :-1] | truncated[:, :-1], value[:, 1:], following[:, :-1])
    wanted = generalized_advantage(reward, value, following, terminated, truncated, discount=0.9, trace=0.8) + value
    torch.testing.assert_close(lambda_returns(reward, following, terminated, truncated, discount=0.9, trace=0.8), wanted)


def test_lambda_returns_at_both_ends():
    """lambda_returns, brute force: the mixture (1 - l) sum l^(n-1) G_n of all n-step returns; trace 0 is one step."""
    reward, following, terminated, _ = segment()
    wanted = torch.zeros_like(reward)
    for n in range(1, 8):
        returns = step_returns(reward, following, terminated, steps=n, discount=0.9)
        wanted += (0.2 * 0.8 ** (n - 1) if n < 7 else 0.8**6) * returns
    torch.testing.assert_close(lambda_returns(reward, following, terminated, discount=0.9, trace=0.8), wanted)
    torch.testing.assert_close(lambda_returns(reward, following, terminated, discount=0.9, trace=0.0), reward + 0.9 * following * ~terminated)


def test_step_returns_by_loop():
    """step_returns, brute force: rewards added one by one until n, an end of the episode, or the end of the segment."""
    reward, following, terminated, _ = segment()
    got = step_returns(reward, following, terminated, steps=3, discount=0.9)
    for i in range(3):
        for t in range(7):
            total, k = 0.0, t
            while True:
                total += 0.9 ** (k - t) * float(reward[i, k])
                if terminated[i, k]:
                    break
                if k - t == 2 or k == 6:
                    total += 0.9 ** (k - t + 1) * float(following[i, k])
                    break
                k += 1
            assert got[i, t].item() == pytest.approx(total)
    with pytest.raises(ValueError, match="at least one step"):
        step_returns(reward, following, terminated, steps=0)


def test_clipped_values_take_the_worse():
    """clipped_value, closed form: within the neighbourhood half the squared error, beyond it the larger of both, by hand."""
    value, old, target = torch.tensor([0.1, 1.0, 1.0]), torch.zeros(3), torch.tensor([1.0, 2.0, -1.0])
    torch.testing.assert_close(clipped_value(value, target, old), torch.tensor([0.405, 0.5 * 1.8**2, 0.5 * 2.0**2]))


def test_projection_equals_the_papers_loop():
    """projected_distribution, brute force: algorithm 1 of C51 atom by atom; mass stays 1, and the mean is that of the clamped moved atoms."""
    atoms, p = torch.linspace(-2, 3, 11, dtype=torch.float64), torch.rand(5, 11, dtype=torch.float64)
    p /= p.sum(1, keepdim=True)
    reward, end = 2 * torch.randn(5, dtype=torch.float64), torch.arange(5) % 2 == 0
    got = projected_distribution(p, reward, end, atoms, discount=0.9)
    wanted = torch.zeros_like(p)
    for b in range(5):
        for k in range(11):
            place = (min(max(float(reward[b] + (0 if end[b] else 0.9 * atoms[k])), -2.0), 3.0) + 2) / 0.5
            low = math.floor(place)
            wanted[b, low] += p[b, k] * (1 - (place - low))
            if place > low:
                wanted[b, low + 1] += p[b, k] * (place - low)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(got.sum(1), torch.ones(5, dtype=torch.float64))


def test_categorical_is_torchs_cross_entropy():
    """categorical_value, parity: torch's cross-entropy with probabilities; the target gets no gradient."""
    logits, target = torch.randn(4, 6), torch.randn(4, 6).softmax(1).requires_grad_()
    loss = categorical_value(logits, target)
    torch.testing.assert_close(loss, F.cross_entropy(logits, target.detach(), reduction="none"))
    assert not loss.requires_grad


def test_quantiles_end_at_the_quantiles():
    """quantile_value, closed form: the loss by a double loop; with kappa 0, descent ends at the samples' quantiles at (i + 1/2) / N."""
    guess, samples = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    for kappa in (0.0, 0.7):
        for b in range(2):
            total = 0.0
            for i in range(3):
                for u in (samples[b] - guess[b, i]).tolist():
                    huber = abs(u) if kappa == 0 else (0.5 * u * u if abs(u) <= kappa else kappa * (abs(u) - 0.5 * kappa)) / kappa
                    total += abs((i + 0.5) / 3 - (u < 0)) * huber / 5
            assert quantile_value(guess, samples, kappa=kappa)[b].item() == pytest.approx(total)
    many = torch.randn(1, 999, dtype=torch.float64)
    q = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    for _ in range(400):
        (slope,) = torch.autograd.grad(quantile_value(q, many, kappa=0.0).sum(), q)
        q = (q - 0.1 * slope).detach().requires_grad_()
    wanted = torch.quantile(many[0], torch.tensor([0.125, 0.375, 0.625, 0.875], dtype=torch.float64))
    torch.testing.assert_close(q[0].detach(), wanted, rtol=0, atol=0.02)
    with pytest.raises(ValueError, match=r"samples \(B, M\); got \(2, 3\) and \(3, 5\)"):
        quantile_value(guess, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="kappa >= 0"):
        quantile_value(guess, samples, kappa=-1.0)
