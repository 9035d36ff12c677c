"""Denoising against diffusers' scheduler and the papers' formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import add_noise, clean_sample, consistency, denoising, denoising_target, level_nll, noise_weight, reverse_step


def scheduler():
    pytest.importorskip("diffusers")
    from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=100, beta_schedule="squaredcos_cap_v2")


def test_noise_and_velocity_equal_diffusers():
    """add_noise and denoising_target, parity: DDPMScheduler.add_noise and get_velocity for the same noise, where the batch is as wide as the picture."""
    theirs = scheduler()
    x, noise, t = torch.randn(4, 3, 4, 4), torch.randn(4, 3, 4, 4), torch.tensor([0, 30, 70, 99])
    left = theirs.alphas_cumprod[t]
    torch.testing.assert_close(add_noise(x, noise, left), theirs.add_noise(x, noise, t))
    torch.testing.assert_close(denoising_target("velocity", x, noise, left), theirs.get_velocity(x, noise, t))


@pytest.mark.parametrize("kind", ["noise", "sample", "velocity"])
def test_a_right_guess_leads_back_to_the_sample(kind):
    """denoising_target and clean_sample, property: one inverts the other at every level, and the loss of a right guess is zero."""
    x, noise, left = torch.randn(5, 2, 3), torch.randn(5, 2, 3), torch.tensor([0.99, 0.7, 0.5, 0.2, 0.05])
    guess = denoising_target(kind, x, noise, left)
    torch.testing.assert_close(clean_sample(kind, guess, add_noise(x, noise, left), left), x, rtol=1e-4, atol=1e-4)
    assert not denoising(guess, guess.clone()).any()


@pytest.mark.parametrize("weighting", ["snr", "min_snr", "p2"])
def test_weights_mean_the_same_error_for_every_target(weighting):
    """noise_weight, closed form: weighed squared errors of one and the same wrong sample agree whatever the network was asked for."""
    x, noise, wrong = torch.randn(3, 6, 4).double().unbind()
    left = torch.tensor([0.95, 0.8, 0.5, 0.3, 0.1, 0.02]).double()
    noisy = add_noise(x, noise, left)
    implied = (noisy - left.sqrt()[:, None] * wrong) / (1 - left).sqrt()[:, None]  # the noise that would explain the wrong sample
    values = [
        denoising(denoising_target(kind, wrong, implied, left), denoising_target(kind, x, noise, left), noise_weight(left, kind=kind, weighting=weighting))
        for kind in ("noise", "sample", "velocity")
    ]
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(values[2], values[1])
    ratio = left / (1 - left)
    formula = {"snr": ratio, "min_snr": ratio.clamp(max=5), "p2": ratio / (1 + ratio)}[weighting]
    torch.testing.assert_close(values[1], formula * (wrong - x).square().mean(1))


def test_published_weights():
    """noise_weight, closed form: min-SNR for noise is min(r, 5) / r, for velocity min(r, 5) / (r + 1); uniform is 1; finite at both ends."""
    left = torch.tensor([0.0, 0.5, 0.9, 1.0])
    ratio = torch.tensor([1.0, 9.0])
    torch.testing.assert_close(noise_weight(left)[1:3], ratio.clamp(max=5) / ratio)
    torch.testing.assert_close(noise_weight(left, kind="velocity")[1:3], ratio.clamp(max=5) / (ratio + 1))
    assert (noise_weight(left, weighting="uniform") == 1).all()
    assert all(noise_weight(left, kind=k, weighting=w).isfinite().all() for k in ("noise", "sample", "velocity") for w in ("snr", "min_snr", "p2"))


def test_errors_of_three_kinds():
    """denoising, parity: torch's squared, absolute and Huber losses, averaged over each item and weighed."""
    a, b, w = 2 * torch.randn(4, 3, 2), torch.randn(4, 3, 2), torch.rand(4)
    for error, theirs in (("squared", F.mse_loss), ("absolute", F.l1_loss), ("huber", F.huber_loss)):
        torch.testing.assert_close(denoising(a, b, w, error=error), w * theirs(a, b, reduction="none").mean((1, 2)))


def test_the_reverse_step_equals_diffusers():
    """reverse_step, parity: mean and both variances of DDPMScheduler's step, whose noise is taken away by averaging two opposite draws."""
    theirs = scheduler()
    t = 40
    x, noise = torch.randn(2, 3, 2), torch.randn(2, 3, 2)
    left, less = theirs.alphas_cumprod[[t, t]], theirs.alphas_cumprod[[t - 1, t - 1]]
    noisy = add_noise(x, noise, left)
    mean, small, large = reverse_step(x, noisy, left, less)
    assert small.exp().tolist() == pytest.approx([float(theirs._get_variance(t, variance_type="fixed_small"))] * 2, rel=1e-4)
    assert large.exp().tolist() == pytest.approx([float(theirs._get_variance(t, variance_type="fixed_large"))] * 2, rel=1e-4)
    theirs.config.clip_sample = False
    generator = torch.Generator().manual_seed(0)
    drawn = theirs.step(noise, t, noisy, generator=generator).prev_sample
    standard = torch.randn(noise.shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn - (0.5 * small).exp()[:, None, None] * standard, mean, rtol=1e-3, atol=1e-4)


def test_levels_share_out_the_whole_probability():
    """level_nll, closed form: exp(-nll) over all levels adds up to 1, and each equals the difference of torch's normal distribution functions."""
    grid = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
    mean, log_variance = torch.full_like(grid, 0.3), torch.full_like(grid, -3.0)
    chance = (-level_nll(grid, mean, log_variance, levels=11)).exp()
    assert chance.sum().item() == pytest.approx(1.0, abs=1e-9)
    normal = torch.distributions.Normal(0.3, math.exp(-1.5))
    torch.testing.assert_close(chance[4], (normal.cdf(grid[4] + 0.1) - normal.cdf(grid[4] - 0.1))[0])


def test_consistency_is_a_pseudo_huber_and_stops_at_the_target():
    """consistency, closed form: sqrt(|a - b|^2 + c^2) - c with c = 0.00054 sqrt(D); the target gets no gradient."""
    a, b = torch.randn(3, 2, 4, requires_grad=True), torch.randn(3, 2, 4, requires_grad=True)
    c = 0.00054 * math.sqrt(8)
    loss = consistency(a, b)
    torch.testing.assert_close(loss, ((a - b).square().sum((1, 2)) + c**2).sqrt() - c)
    loss.sum().backward()
    assert a.grad.any()
    assert b.grad is None


def test_errors_teach():
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"one number an item, \(2,\); got \(3,\)"):
        add_noise(x, x, torch.zeros(3))
    with pytest.raises(ValueError, match="Did you mean 'velocity'"):
        denoising_target("velocty", x, x, torch.zeros(2))
    with pytest.raises(ValueError, match="Did you mean 'min_snr'"):
        noise_weight(torch.zeros(2), weighting="minsnr")
    with pytest.raises(ValueError, match="Did you mean 'squared'"):
        denoising(x, x, error="square")
