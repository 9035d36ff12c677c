"""Denoising: how noise is added, what a network may be asked for, and how much each noise level counts."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown
from weft.losses.shapes import full, same_shape

TARGETS = ("noise", "sample", "velocity")
WEIGHTINGS = ("uniform", "snr", "min_snr", "p2")
ERRORS = ("squared", "absolute", "huber")


def _each(left: Tensor, x: Tensor) -> Tensor:
    """One number an item, shaped so that it meets every element of it: (B,) alone would broadcast along the last dimension."""
    if left.shape != x.shape[:1]:
        raise ValueError(f"The share of signal is one number an item, ({len(x)},); got {tuple(left.shape)} for items {tuple(x.shape)}.")
    return full(left).reshape(-1, *[1] * (x.ndim - 1))


def add_noise(x: Float[Tensor, " ..."], noise: Float[Tensor, " ..."], left: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """What a network sees: sqrt(a) x + sqrt(1 - a) noise.

    Shapes: x and noise (B, ...), ``left`` a (B,), the share of the signal's variance that is left -> (B, ...).
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Ho et al., 2020, arXiv:2006.11239.

    >>> add_noise(torch.ones(2, 1), torch.zeros(2, 1), torch.tensor([1.0, 0.25]))
    tensor([[1.0000],
            [0.5000]])
    """
    same_shape(x, noise, "add_noise")
    a = _each(left, x)
    return a.sqrt() * full(x) + (1 - a).sqrt() * full(noise)


def denoising_target(kind: str, x: Float[Tensor, " ..."], noise: Float[Tensor, " ..."], left: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """What the network is asked for: the "noise", the clean "sample", or the "velocity" sqrt(a) noise - sqrt(1 - a) x.

    Shapes: x and noise (B, ...), ``left`` a (B,) -> (B, ...).
    Errors: ``ValueError`` for shapes that do not fit or an unknown kind.
    Paper: Ho et al., 2020, arXiv:2006.11239; velocity, Salimans and Ho, 2022, arXiv:2202.00512.
    Use velocity when few steps, or noise without any signal, are wanted; it is well posed at both ends.

    >>> denoising_target("velocity", torch.ones(1, 1), torch.zeros(1, 1), torch.tensor([0.75]))
    tensor([[-0.5000]])
    """
    if kind not in TARGETS:
        raise unknown("target", kind, TARGETS)
    same_shape(x, noise, "denoising_target")
    a = _each(left, x)
    if kind == "velocity":
        return a.sqrt() * full(noise) - (1 - a).sqrt() * full(x)
    return noise if kind == "noise" else x


def clean_sample(kind: str, guess: Float[Tensor, " ..."], noisy: Float[Tensor, " ..."], left: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The clean sample that a network's guess of ``kind`` means: the inverse of ``denoising_target``.

    Shapes: guess and noisy (B, ...), ``left`` a (B,) -> (B, ...).
    Errors: ``ValueError`` for shapes that do not fit or an unknown kind.
    Paper: Salimans and Ho, 2022, arXiv:2202.00512, appendix D.

    >>> clean_sample("velocity", torch.tensor([[-0.5]]), torch.tensor([[0.75**0.5]]), torch.tensor([0.75]))
    tensor([[1.]])
    """
    if kind not in TARGETS:
        raise unknown("target", kind, TARGETS)
    same_shape(guess, noisy, "clean_sample")
    a = _each(left, noisy)
    if kind == "velocity":
        return a.sqrt() * full(noisy) - (1 - a).sqrt() * full(guess)
    return (full(noisy) - (1 - a).sqrt() * full(guess)) / a.sqrt() if kind == "noise" else guess


def noise_weight(left: Float[Tensor, " b"], *, kind: str = "noise", weighting: str = "min_snr", gamma: float | None = None) -> Float[Tensor, " b"]:
    """How much a noise level counts, by its ratio of signal to noise r = a / (1 - a).

    In terms of the clean sample's error: "uniform" in the noise's error is r; "snr" is r too; "min_snr" min(r, gamma), gamma 5; "p2"
    r / (1 + r)^gamma, gamma 1. The error of another target counts differently, so these are divided by 1 for "sample", r for "noise" and r + 1
    for "velocity"; "uniform" is 1 for every kind.

    Shapes: ``left`` a (B,) -> weights (B,), for ``denoising`` or as the mask of ``Loss.mean``.
    Errors: ``ValueError`` for an unknown kind or weighting.
    Paper: Hang et al., 2023 (min-SNR), arXiv:2303.09556; Choi et al., 2022 (P2), arXiv:2204.00227.
    Use min-SNR for faster training; p2 for perceptual quality.

    >>> noise_weight(torch.tensor([0.5, 0.9]), gamma=5.0).round(decimals=4)
    tensor([1.0000, 0.5556])
    """
    if kind not in TARGETS:
        raise unknown("target", kind, TARGETS)
    if weighting not in WEIGHTINGS:
        raise unknown("weighting", weighting, WEIGHTINGS)
    a = full(left).double()
    if weighting == "uniform":
        return torch.ones_like(left)
    ratio = a / (1 - a).clamp(min=1e-12)
    if weighting == "min_snr":
        weight = ratio.clamp(max=5.0 if gamma is None else gamma)
    else:
        weight = ratio if weighting == "snr" else ratio / (1 + ratio) ** (1.0 if gamma is None else gamma)
    divisor = {"sample": torch.ones_like(ratio), "noise": ratio.clamp(min=1e-12), "velocity": ratio + 1}[kind]
    return (weight / divisor).to(full(left).dtype)


def denoising(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], weight: Float[Tensor, " ..."] | None = None, *, error: str = "squared"
) -> Float[Tensor, " b"]:
    """A guess's error, averaged over each item's elements and weighed by its noise level.

    Shapes: prediction and target (B, ...), weight (B,) of ``noise_weight`` -> (B,). ``error``: "squared", "absolute" or "huber" (delta 1).
    Errors: ``ValueError`` for shapes that do not fit or an unknown error.
    Paper: Ho et al., 2020, arXiv:2006.11239 (squared, uniform).
    Use with ``add_noise`` and ``denoising_target``; absolute errors for outliers, as in super-resolution.

    >>> denoising(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0.5]))
    tensor([0.5000])
    """
    if error not in ERRORS:
        raise unknown("error", error, ERRORS)
    same_shape(prediction, target, "denoising")
    guess, wanted = full(prediction), full(target)
    if error == "squared":
        cost = (guess - wanted).square()
    else:
        cost = (guess - wanted).abs() if error == "absolute" else F.huber_loss(guess, wanted, reduction="none")
    cost = cost.flatten(1).mean(1)
    return cost if weight is None else cost * _each(weight, cost)


def reverse_step(
    x: Float[Tensor, " ..."], noisy: Float[Tensor, " ..."], left: Float[Tensor, " ..."], less: Float[Tensor, " ..."]
) -> tuple[Float[Tensor, " ..."], Float[Tensor, " b"], Float[Tensor, " b"]]:
    """One step back from noise level a to the next smaller one b: mean and log-variance of q(x_b | x_a, x), and the largest log-variance.

    With s = a / b: mean = sqrt(b) (1 - s) / (1 - a) x + sqrt(s) (1 - b) / (1 - a) noisy, variance (1 - b) / (1 - a) (1 - s), at most 1 - s.

    Shapes: clean x and noisy (B, ...), ``left`` a and ``less`` b (B,), b > a -> mean (B, ...), log-variances (B,). At b = 1 the smaller one is
    that of 1e-20.
    Paper: Ho et al., 2020, arXiv:2006.11239, equation 7.
    Use for the bound that teaches a variance: with v of the network in [0, 1], log-variance v large + (1 - v) small, the hybrid loss is
    ``denoising`` + 0.001 ``gaussian_kl(mean, small, prior_mean=guess.detach(), prior_log_variance=mixed)`` (Nichol and Dhariwal, 2021,
    arXiv:2102.09672).

    >>> reverse_step(torch.ones(1, 1), torch.ones(1, 1), torch.tensor([0.25]), torch.tensor([1.0]))[0]
    tensor([[1.]])
    """
    same_shape(x, noisy, "reverse_step")
    a, b = full(left).double(), full(less).double()
    step = a / b
    pull, hold = b.sqrt() * (1 - step) / (1 - a), step.sqrt() * (1 - b) / (1 - a)
    mean = _each(pull.to(full(x).dtype), x) * full(x) + _each(hold.to(full(x).dtype), x) * full(noisy)
    small = ((1 - b) / (1 - a) * (1 - step)).clamp(min=1e-20).log()
    return mean, small.to(full(x).dtype), (1 - step).log().to(full(x).dtype)


def level_nll(
    target: Float[Tensor, " ..."], mean: Float[Tensor, " ..."], log_variance: Float[Tensor, " ..."], *, levels: int = 256
) -> Float[Tensor, " b"]:
    """-log of the probability that a normal variable falls into the target's cell, values in [-1, 1] in ``levels`` equal cells; nats, summed.

    Shapes: target (scaled to [-1, 1]), mean and log_variance (B, ...) -> (B,). The outermost cells reach to infinity.
    Errors: ``ValueError`` for shapes that differ.
    Paper: Ho et al., 2020, arXiv:2006.11239, equation 13: the last step of the variational bound.
    Use with ``reverse_step`` for likelihoods of pictures in bits.

    >>> level_nll(torch.tensor([[0.0]]), torch.zeros(1, 1), torch.full((1, 1), -20.0), levels=3).abs().item() < 1e-6
    True
    """
    same_shape(mean, target, "level_nll")
    same_shape(log_variance, target, "level_nll")
    half = 1 / (levels - 1)
    scale = (-0.5 * full(log_variance)).exp() / math.sqrt(2)
    apart = full(target) - full(mean)
    above, below = (apart + half) * scale, (apart - half) * scale
    low, high = torch.special.erfc(-above) / 2, torch.special.erfc(-below) / 2  # P(x < upper edge), P(x < lower edge)
    # Differences of the smaller tails keep their digits: beyond the mean both are near 1.
    inside = torch.where(apart > 0, torch.special.erfc(below) / 2 - torch.special.erfc(above) / 2, low - high)
    chance = torch.where(target < -1 + half, low, torch.where(target > 1 - half, torch.special.erfc(below) / 2, inside))
    return -chance.clamp(min=1e-12).log().flatten(1).sum(1)


def consistency(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, smoothing: float | None = None) -> Float[Tensor, " b"]:
    """One point of a path and a later one lead to the same sample: sqrt(|a - b|^2 + c^2) - c, the pseudo-Huber distance.

    Shapes: prediction and target (B, ...), the target from the less noisy point, without gradient -> (B,). ``smoothing`` c is 0.00054 sqrt(D) for
    D elements unless given.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Song et al., 2023, arXiv:2303.01469; this distance, Song and Dhariwal, 2023, arXiv:2310.14189.
    Use to train one-step generators.

    >>> consistency(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2), smoothing=1e-6).round(decimals=3)
    tensor([5.])
    """
    same_shape(prediction, target, "consistency")
    apart = (full(prediction) - full(target.detach())).flatten(1)
    c = 0.00054 * math.sqrt(apart.shape[1]) if smoothing is None else smoothing
    return (apart.square().sum(1) + c**2).sqrt() - c
