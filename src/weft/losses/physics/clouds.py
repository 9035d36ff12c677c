"""Distances between sets of points."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weft.losses.shapes import full


def chamfer(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    *,
    keep: tuple[Bool[Tensor, "b n"] | None, Bool[Tensor, "b m"] | None] = (None, None),
    squared: bool = True,
) -> Float[Tensor, " b"]:
    """Every point's way to the nearest of the other set: mean_x min_y d(x, y) + mean_y min_x d(x, y), d the squared distance, or the distance.

    Shapes: clouds (B, N, D) and (B, M, D); ``keep`` (B, N) and (B, M) where clouds are padded -> (B,). A cloud of which nothing is kept costs 0.
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Fan et al., 2016, arXiv:1612.00603.
    Use for shapes without order; instead of it, ``earth_mover`` where density matters. Cost O(N M).

    >>> chamfer(torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[0.0]]]))
    tensor([0.5000])
    """
    _clouds(prediction, target, "chamfer")
    apart = torch.cdist(full(prediction), full(target), compute_mode="donot_use_mm_for_euclid_dist")
    apart = apart.square() if squared else apart
    mine, theirs = keep
    far = torch.finfo(apart.dtype).max
    forth = (apart if theirs is None else apart.masked_fill(~theirs[:, None, :], far)).min(2).values
    back = (apart if mine is None else apart.masked_fill(~mine[:, :, None], far)).min(1).values
    return _kept_mean(forth, mine, theirs) + _kept_mean(back, theirs, mine)


def _kept_mean(cost: Tensor, keep: Tensor | None, others: Tensor | None) -> Tensor:
    kept = torch.ones_like(cost, dtype=torch.bool) if keep is None else keep
    if others is not None:
        kept = kept & others.any(1, keepdim=True)
    return cost.where(kept, 0).sum(1) / kept.sum(1).clamp(min=1)


def earth_mover(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, blur: float = 0.05, power: int = 2, num_steps: int = 100
) -> Float[Tensor, " b"]:
    """The cheapest way to carry one cloud onto the other, softened: the Sinkhorn divergence OT(x, y) - (OT(x, x) + OT(y, y)) / 2.

    OT is the entropic transport of cost d^power / power with equal weights and softness blur^power, by ``num_steps`` scalings in logarithms. It is 0
    for equal clouds. As ``blur`` falls to 0 it becomes the transport's cost; give it as a length, about the detail that matters.

    Shapes: clouds (B, N, D) and (B, M, D) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit, a blur that is not positive, or a power other than 1 or 2.
    Paper: Cuturi, 2013, arXiv:1306.0895; the divergence, Feydy et al., 2018, arXiv:1810.08278.
    Use where density matters, and as a loss between distributions; instead of it, ``chamfer``, cheaper and blind to density. For many thousands of
    points: the library geomloss. Cost O(N M ``num_steps``).

    >>> earth_mover(torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[1.0], [2.0]]]), blur=0.01).round(decimals=3)
    tensor([0.5000])
    """
    _clouds(prediction, target, "earth_mover")
    if blur <= 0 or power not in (1, 2):
        raise ValueError(f"earth_mover needs a blur > 0 and a power of 1 or 2; got {blur} and {power}.")
    x, y = full(prediction), full(target).to(full(prediction).dtype)

    def transport(a: Tensor, b: Tensor) -> Tensor:
        apart = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        cost = apart if power == 1 else apart.square() / 2
        return _softened(cost, blur**power, num_steps)

    return transport(x, y) - 0.5 * (transport(x, x) + transport(y, y))


def _softened(cost: Tensor, softness: float, num_steps: int) -> Tensor:
    """The dual value of entropic transport; potentials are found without gradient, then one step with it, whose slope is that of the optimum."""
    log_n, log_m = -math.log(cost.shape[1]), -math.log(cost.shape[2])
    with torch.no_grad():
        f, g = torch.zeros_like(cost[:, :, 0]), torch.zeros_like(cost[:, 0])
        largest = float(cost.max()) if cost.numel() else 1.0
        for step in range(num_steps):
            # The softness starts at the largest cost and falls: far clouds meet in a few steps instead of in cost / softness many.
            now = max(softness, largest * 0.7**step)
            f, g = (f + _pull(cost, g, now, log_m, 2)) / 2, (g + _pull(cost, f, now, log_n, 1)) / 2
        for _ in range(num_steps):  # then plain alternation, which satisfies the second cloud's weights exactly
            f = _pull(cost, g, softness, log_m, 2)
            g = _pull(cost, f, softness, log_n, 1)
        plan = ((f[:, :, None] + g[:, None, :] - cost) / softness + log_n + log_m).exp()
    # By the envelope theorem the plan is the slope of the value by the cost.
    moved = (plan * cost).sum((1, 2))
    value = f.mean(1) + g.mean(1)
    return moved + (value - moved).detach()


def _pull(cost: Tensor, potential: Tensor, softness: float, log_weight: float, dim: int) -> Tensor:
    other = potential[:, None, :] if dim == 2 else potential[:, :, None]
    return -softness * ((other - cost) / softness + log_weight).logsumexp(dim)


def _clouds(prediction: Tensor, target: Tensor, who: str) -> None:
    fits = prediction.ndim == target.ndim == 3 and len(prediction) == len(target) and prediction.shape[2] == target.shape[2]
    if not fits or 0 in (*prediction.shape, *target.shape):
        raise ValueError(f"{who} needs clouds (B, N, D) and (B, M, D); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
