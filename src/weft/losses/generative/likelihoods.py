"""Codes and flows: vector quantisation, and likelihoods through invertible networks."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.losses.shapes import full, same_shape


def nearest_code(prediction: Float[Tensor, " ..."], codes: Float[Tensor, "k d"]) -> tuple[Float[Tensor, " ..."], Int[Tensor, " ..."]]:
    """The nearest row of a code book for each vector, and its index.

    Shapes: vectors (..., D), codes (K, D) -> (..., D) with a gradient to the codes, and indices (...). ``straight_through`` hands the decoder's
    gradient past the choice.
    Errors: ``ValueError`` when the widths differ.
    Paper: van den Oord et al., 2017 (VQ-VAE), arXiv:1711.00937.

    >>> nearest_code(torch.tensor([[0.9, 0.0]]), torch.eye(2))[1]
    tensor([0])
    """
    if prediction.shape[-1] != codes.shape[1]:
        raise ValueError(f"nearest_code needs vectors as wide as the codes, {codes.shape[1]}; got {tuple(prediction.shape)}.")
    with torch.no_grad():
        index = torch.cdist(full(prediction).reshape(-1, codes.shape[1]), full(codes)).argmin(1).reshape(prediction.shape[:-1])
    return codes[index], index


def codebook(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, commitment: float = 0.25) -> Float[Tensor, " b"]:
    """Codes move to the vectors that chose them, and vectors to their codes: mean|sg(z) - e|^2 + commitment mean|z - sg(e)|^2.

    Shapes: prediction z, the encoder's vectors, and target e, their codes as ``nearest_code`` returns them, (B, ...) -> (B,). With codes kept by an
    exponential average, detach them: what is left is the second term's value and gradient, and a constant.
    Errors: ``ValueError`` when the shapes differ.
    Paper: van den Oord et al., 2017 (VQ-VAE), arXiv:1711.00937.
    Use beside a reconstruction loss.

    >>> codebook(torch.ones(1, 2), torch.zeros(1, 2))
    tensor([1.2500])
    """
    same_shape(prediction, target, "codebook")
    z, e = full(prediction), full(target)
    cost = (z.detach() - e).square() + commitment * (z - e.detach()).square()
    return cost.flatten(1).mean(1)


def moved_codes(
    count: Float[Tensor, " k"],
    total: Float[Tensor, "k d"],
    vectors: Float[Tensor, "n d"],
    index: Int[Tensor, " n"],
    *,
    decay: float = 0.99,
    smoothing: float = 1e-5,
) -> tuple[Float[Tensor, " k"], Float[Tensor, "k d"], Float[Tensor, "k d"]]:
    """Codes as running means of the vectors that chose them: the new running counts, running sums, and codes = sums / smoothed counts.

    N <- decay N + (1 - decay) n, M <- decay M + (1 - decay) sum of vectors; counts are smoothed to (N + e) / (sum N + K e) sum N.

    Shapes: counts (K,), sums (K, D), vectors (N, D), their indices (N,) -> (K,), (K, D), (K, D). A pure function: write the results into buffers
    after the step.
    Paper: van den Oord et al., 2017, arXiv:1711.00937, appendix A.1.
    Use instead of ``codebook``'s first term; it needs no learning rate.

    >>> moved_codes(torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1), torch.tensor([0]), decay=0.5)[2]
    tensor([[0.5000]])
    """
    with torch.no_grad():
        chosen = torch.zeros_like(count).index_add(0, index, torch.ones_like(vectors[:, 0]))
        count = decay * count + (1 - decay) * chosen
        total = decay * total + (1 - decay) * torch.zeros_like(total).index_add(0, index, vectors)
        whole = count.sum()
        smoothed = (count + smoothing) / (whole + len(count) * smoothing) * whole
        return count, total, total / smoothed[:, None]


def flow_nll(prediction: Float[Tensor, " ..."], log_determinant: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """-log p(x) of a flow with a standard normal latent: 1/2 |z|^2 + D/2 log 2 pi - log|det dz/dx|.

    Shapes: prediction z = f(x) (B, ...) of D elements, log_determinant (B,) -> (B,), nats.
    Errors: ``ValueError`` unless there is one log-determinant an item.
    Paper: Dinh et al., 2016 (Real NVP), arXiv:1605.08803.
    Use with any invertible network; for pictures add ``dequantised`` and report ``bits_per_dimension``.

    >>> flow_nll(torch.zeros(1, 2), torch.zeros(1))
    tensor([1.8379])
    """
    if log_determinant.shape != prediction.shape[:1]:
        got = f"{tuple(log_determinant.shape)} for {tuple(prediction.shape)}"
        raise ValueError(f"flow_nll needs one log-determinant an item, ({len(prediction)},); got {got}.")
    z = full(prediction).flatten(1)
    return 0.5 * z.square().sum(1) + 0.5 * z.shape[1] * math.log(2 * math.pi) - full(log_determinant)


def dequantised(levels_of: Int[Tensor, " ..."], *, levels: int = 256) -> Float[Tensor, " ..."]:
    """Whole numbers from 0 to levels - 1 made continuous in [0, 1) by uniform noise: (x + u) / levels.

    Shapes: (B, ...) -> (B, ...).
    Errors: ``ValueError`` for values outside 0..levels - 1.
    Paper: Uria et al., 2013, arXiv:1306.0186; that the bound is one, Theis et al., 2015, arXiv:1511.01844.
    Use before a flow: the density of discrete values can otherwise grow without end.

    >>> bool((dequantised(torch.tensor([3]), levels=4) >= 0.75).all())
    True
    """
    if levels_of.numel() and (levels_of.min() < 0 or levels_of.max() >= levels):
        raise ValueError(f"dequantised takes whole numbers 0..{levels - 1}; got {levels_of.min().item()} to {levels_of.max().item()}.")
    return (levels_of + torch.rand(levels_of.shape, device=levels_of.device)) / levels


def bits_per_dimension(nll: Float[Tensor, " b"], *, dimensions: int, levels: int = 256) -> Float[Tensor, " b"]:
    """Nats of values in [0, 1) as bits for each of their ``dimensions`` at ``levels`` levels: nll / (D log 2) + log2 levels.

    Errors: ``ValueError`` for counts below 1.
    Paper: Theis et al., 2015, arXiv:1511.01844.

    >>> bits_per_dimension(torch.zeros(1), dimensions=10)
    tensor([8.])
    """
    if min(dimensions, levels) < 1:
        raise ValueError(f"bits_per_dimension needs at least one dimension and one level; got {dimensions} and {levels}.")
    return nll / (dimensions * math.log(2)) + math.log2(levels)
