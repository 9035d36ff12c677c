"""Score matching on normal data, whose score is known."""

from __future__ import annotations

import pytest
import torch

from weft.losses import denoising_score_matching, score_matching, sliced_score_matching


def network(x, w):
    return (x @ w).tanh() + 0.3 * x


def test_it_differs_from_regression_on_the_true_score_by_a_constant():
    """score_matching, closed form: for normal data, J(s) - 1/2 E|s - grad log p|^2 is -1/2 E|grad log p|^2 for any s, here two."""
    x = torch.randn(60000, 2, dtype=torch.float64)
    gaps = []
    for w in (torch.zeros(2, 2).double(), torch.randn(2, 2).double()):
        objective = score_matching(lambda x, w=w: network(x, w), x).mean()
        gaps.append((objective - 0.5 * (network(x, w) + x).square().sum(1).mean()).item())
    assert gaps == pytest.approx([-1.0, -1.0], abs=0.03)


def test_slices_average_to_the_trace():
    """sliced_score_matching, closed form: along the axes, scaled to length sqrt(D), the mean over directions is the full objective exactly."""
    x, w = torch.randn(6, 3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)
    slices = [sliced_score_matching(lambda x: network(x, w), x, 3**0.5 * torch.eye(3).double()[i].expand(6, 3)) for i in range(3)]
    torch.testing.assert_close(torch.stack(slices).mean(0), score_matching(lambda x: network(x, w), x))
    drawn = sliced_score_matching(lambda x: network(x, w), x.repeat(4000, 1)).view(4000, 6).mean(0)
    torch.testing.assert_close(drawn, score_matching(lambda x: network(x, w), x), rtol=0.1, atol=0.2)


def test_they_train():
    """score_matching and sliced_score_matching, property: gradcheck with respect to the network's weights."""
    x, w = torch.randn(4, 2, dtype=torch.float64), torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(4, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda w: score_matching(lambda x: network(x, w), x), w)
    assert torch.autograd.gradcheck(lambda w: sliced_score_matching(lambda x: network(x, w), x, direction), w)


def test_denoising_finds_the_smoothed_score():
    """denoising_score_matching, closed form: of all linear scores a x the least loss on standard normal data has a = -1 / (1 + sigma^2)."""
    noise, sigma = torch.randn(10000, 1, dtype=torch.float64), 0.8
    noisy = torch.randn(10000, 1, dtype=torch.float64) + sigma * noise
    slope = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    for _ in range(25):
        (gradient,) = torch.autograd.grad(denoising_score_matching(slope * noisy, noise, torch.full((10000,), sigma).double()).mean(), slope)
        slope = (slope - 0.5 * gradient).detach().requires_grad_()
    assert slope.item() == pytest.approx(-1 / (1 + sigma**2), abs=0.04)


def test_weightings_agree():
    """denoising_score_matching, closed form: power 2 is the diffusion loss of the guess -sigma s; other powers differ by a factor sigma^(power - 2)."""
    guess, noise, sigma = torch.randn(5, 3), torch.randn(5, 3), torch.rand(5) + 0.1
    loss = denoising_score_matching(-guess / sigma[:, None], noise, sigma)
    torch.testing.assert_close(loss, 0.5 * (guess - noise).square().sum(1))
    torch.testing.assert_close(denoising_score_matching(-guess / sigma[:, None], noise, sigma, power=0.0), loss / sigma**2)


def test_errors_teach():
    with pytest.raises(ValueError, match="one shape"):
        score_matching(lambda x: x[:, :1], torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"one sigma an item, \(2,\); got \(2, 1\)"):
        denoising_score_matching(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 1))
