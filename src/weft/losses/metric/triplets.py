"""Triplets: an anchor nearer to its own kind than to others, by a margin."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown
from weft.losses.metric.distances import distances, labelled, unit
from weft.losses.shapes import full, same_shape

MININGS = ("all", "hard", "semi_hard")


def triplet(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    margin: float = 0.2,
    mining: str = "hard",
    distance: str = "euclidean",
    soft: bool = False,
) -> Float[Tensor, " b"]:
    """Triplets found in the batch: max(0, d(a, p) - d(a, n) + margin), p of the anchor's label, n of another.

    ``mining``: "hard" takes each anchor's farthest p and nearest n; "all" averages the triplets that still cost something; "semi_hard" takes
    for each pair (a, p) the nearest n that is farther than p, or the farthest n if none is. ``soft``: log(1 + exp(d(a, p) - d(a, n))) instead.

    Shapes: prediction embeddings (B, D), target labels (B,) -> (B,), the anchors' shares, scaled so that their mean over the batch is the mean
    over the triplets. An anchor without p or n has 0. ``distance``: "euclidean", "squared" or "cosine"; normalise the rows yourself.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that do not fit, an unknown mining or distance.
    Paper: Schroff et al., 2015, arXiv:1503.03832 (semi-hard); Hermans et al., 2017, arXiv:1703.07737 (hard, all, soft).
    Use when classes are many and open, with several items a class in each batch; instead of it, ``arcface`` for a closed set. Cost O(B^2 D), and
    O(B^3) for "all" and "semi_hard".

    >>> triplet(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1]), margin=2.0)
    tensor([0.0000, 1.5000, 0.0000])
    """
    if mining not in MININGS:
        raise unknown("mining", mining, MININGS)
    same = labelled(prediction, target, "triplet")
    apart = distances(prediction, prediction, distance)
    partner = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    if mining == "hard":
        farthest = apart.masked_fill(~partner, -torch.inf).max(1).values
        nearest = apart.masked_fill(same, torch.inf).min(1).values
        counts = partner.any(1) & (~same).any(1)
        cost = _cost((farthest - nearest).where(counts, 0), margin, soft)
        return _shares(cost.where(counts, 0), counts)
    if mining == "semi_hard":
        nearest = _farther(apart, same)
        counts = partner & (~same).any(1, keepdim=True)
        return _shares(_cost((apart - nearest).where(counts, 0), margin, soft).where(counts, 0), counts)
    counts = partner[:, :, None] & ~same[:, None, :]
    cost = _cost(apart[:, :, None] - apart[:, None, :], margin, soft).where(counts, 0)
    return _shares(cost, cost > 0)


def _farther(apart: Tensor, same: Tensor) -> Tensor:
    """For each pair the distance of the nearest stranger that is farther than it, else of the farthest stranger; 0 without strangers."""
    strangers = apart[:, None, :].expand(*apart.shape, len(apart))
    beyond = ~same[:, None, :] & (strangers > apart[:, :, None])
    outer = strangers.masked_fill(~beyond, torch.inf).min(2).values
    inside = apart.masked_fill(same, -torch.inf).max(1, keepdim=True).values.expand_as(outer)
    return torch.where(beyond.any(2), outer, inside.where((~same).any(1, keepdim=True), 0))


def _cost(excess: Tensor, margin: float, soft: bool) -> Tensor:
    return F.softplus(excess) if soft else F.relu(excess + margin)


def _shares(cost: Tensor, counts: Tensor) -> Tensor:
    """Each anchor's sum, scaled so that the mean over anchors is the mean over what counts."""
    return cost.reshape(len(cost), -1).sum(1) * len(cost) / counts.sum().clamp(min=1)


def triplet_given(
    anchor: Float[Tensor, " ..."],
    positive: Float[Tensor, " ..."],
    negative: Float[Tensor, " ..."],
    *,
    margin: float = 1.0,
    distance: str = "euclidean",
    soft: bool = False,
    swap: bool = False,
) -> Float[Tensor, " b"]:
    """Triplets that the data brings: max(0, d(a, p) - d(a, n) + margin).

    Shapes: all three (B, D) -> (B,). ``swap`` takes the negative's distance from a or p, whichever is
    smaller; ``soft``: log(1 + exp(d(a, p) - d(a, n))).
    Errors: ``ValueError`` for shapes that differ or an unknown distance.
    Paper: Schroff et al., 2015, arXiv:1503.03832; swap, Balntas et al., 2016, doi:10.5244/C.30.119.
    Use when partner and stranger are known beforehand; instead of it, ``triplet`` to find hard ones in the batch.

    >>> triplet_given(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 4.0]]))
    tensor([2.])
    """
    same_shape(anchor, positive, "triplet_given")
    same_shape(anchor, negative, "triplet_given")
    near, far = rowwise(anchor, positive, distance), rowwise(anchor, negative, distance)
    if swap:
        far = torch.minimum(far, rowwise(positive, negative, distance))
    return _cost(near - far, margin, soft)


def rowwise(a: Float[Tensor, "b d"], b: Float[Tensor, "b d"], kind: str) -> Float[Tensor, " b"]:
    """The distance of each row of ``a`` from the same row of ``b``, in the kinds of ``distances``.

    >>> rowwise(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), "squared").item()
    25.0
    """
    if kind == "cosine":
        return 1 - (unit(a) * unit(b)).sum(1)
    if kind not in ("euclidean", "squared"):
        raise unknown("distance", kind, ("cosine", "euclidean", "squared"))
    apart = torch.linalg.vector_norm(full(a) - full(b), dim=1)
    return apart if kind == "euclidean" else apart.square()


def triplet_counts(
    prediction: Float[Tensor, "b d"], target: Shaped[Tensor, " b"], *, margin: float = 0.2, distance: str = "euclidean"
) -> dict[str, Float[Tensor, ""]]:
    """How many triplets the batch holds and which share of them still costs something, as logs for ``Loss.mean``.

    Use to see a collapse: the share rises to 1 when all embeddings are one, and falls to 0 when mining "all" has nothing left to learn.

    >>> triplet_counts(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1]), margin=2.0)
    {'triplets': tensor(2.), 'active': tensor(0.5000)}
    """
    same = labelled(prediction, target, "triplet_counts")
    with torch.no_grad():
        apart = distances(prediction, prediction, distance)
        counts = (same & ~torch.eye(len(same), dtype=torch.bool, device=same.device))[:, :, None] & ~same[:, None, :]
        active = counts & (apart[:, :, None] - apart[:, None, :] + margin > 0)
        return {"triplets": counts.sum().float(), "active": active.sum() / counts.sum().clamp(min=1)}
