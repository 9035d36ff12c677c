"""Score matching: learning the slope of a log-density without its constant."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full, same_shape


def score_matching(score: Callable[[Tensor], Tensor], x: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
    """Hyvärinen's objective: 1/2 |s(x)|^2 + trace ds/dx, whose expectation is 1/2 E|s - grad log p|^2 plus a constant.

    Shapes: ``score`` maps (B, D) to (B, D), each row by itself; x (B, D) -> (B,).
    Errors: ``ValueError`` when the score's shape is not that of x.
    Paper: Hyvärinen, 2005, Estimation of Non-Normalized Statistical Models by Score Matching.
    Use for few dimensions; instead of it, ``sliced_score_matching``. Cost: D backward passes, with graph.

    >>> score_matching(lambda x: -x, torch.zeros(1, 3)).detach()
    tensor([-3.])
    """
    at, s = _scored(score, x)
    with torch.enable_grad():
        slopes = [torch.autograd.grad(s[:, i].sum(), at, create_graph=True)[0][:, i] for i in range(x.shape[1])]
    return 0.5 * s.square().sum(1) + torch.stack(slopes).sum(0)


def sliced_score_matching(
    score: Callable[[Tensor], Tensor], x: Float[Tensor, "b d"], direction: Float[Tensor, "b d"] | None = None
) -> Float[Tensor, " b"]:
    """The same along random directions v: v^T (ds/dx) v + 1/2 |s(x)|^2, v ~ N(0, 1), an unbiased estimate of it.

    Shapes: ``score`` maps (B, D) to (B, D); x and the directions (B, D), drawn unless given -> (B,).
    Errors: ``ValueError`` when the score's shape is not that of x.
    Paper: Song et al., 2019, arXiv:1905.07088 (the form with reduced variance).
    Use for many dimensions; cost: one backward pass, with graph.

    >>> sliced_score_matching(lambda x: -x, torch.zeros(1, 3), torch.ones(1, 3)).detach()
    tensor([-3.])
    """
    at, s = _scored(score, x)
    v = torch.randn_like(s) if direction is None else direction
    with torch.enable_grad():
        (slope,) = torch.autograd.grad((s * v).sum(), at, create_graph=True)
    return (slope * v).sum(1) + 0.5 * s.square().sum(1)


def _scored(score: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    at = x.detach().requires_grad_()
    with torch.enable_grad():
        s = full(score(at))
    same_shape(s, x, "score matching")
    return at, s


def denoising_score_matching(
    prediction: Float[Tensor, " ..."], noise: Float[Tensor, " ..."], sigma: Float[Tensor, " ..."], *, power: float = 2.0
) -> Float[Tensor, " b"]:
    """The slope of a smoothed density from its noise: 1/2 sigma^power |s(x + sigma noise, sigma) + noise / sigma|^2.

    Shapes: prediction s and the standard normal noise (B, ...), sigma (B,) -> (B,), summed over elements. ``power`` 2 makes every noise level
    count alike, and is 1/2 |noise - guess|^2 for the guess -sigma s: the diffusion loss.
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Vincent, 2011, doi:10.1162/NECO_a_00142; over many levels, Song and Ermon, 2019 (NCSN), arXiv:1907.05600.
    Use for networks that are asked for scores; cost nothing beyond the forward pass.

    >>> denoising_score_matching(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0.1]))
    tensor([1.])
    """
    same_shape(prediction, noise, "denoising_score_matching")
    if sigma.shape != noise.shape[:1]:
        raise ValueError(f"denoising_score_matching needs one sigma an item, ({len(noise)},); got {tuple(sigma.shape)}.")
    deviation = full(sigma).reshape(-1, *[1] * (noise.ndim - 1))
    # sigma^(power - 2) |sigma s + noise|^2: no division by a small sigma
    return 0.5 * (deviation ** (power - 2) * (deviation * full(prediction) + full(noise)).square()).flatten(1).sum(1)
