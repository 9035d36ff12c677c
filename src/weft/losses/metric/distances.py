"""How far embeddings lie from each other, in full precision also inside autocast."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft._lazy import unknown
from weft.losses.shapes import full

DISTANCES = ("cosine", "euclidean", "squared")


def inner(a: Float[Tensor, "... n d"], b: Float[Tensor, "... m d"]) -> Float[Tensor, "... n m"]:
    """Every row of ``a`` times every row of ``b``, never in half precision.

    >>> inner(torch.eye(2), torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    with torch.autocast(a.device.type, enabled=False):
        return full(a) @ full(b).mT


def unit(x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
    """Each vector at length 1; one without length has no direction, so it stays zero and gets no gradient.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    x = full(x)
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / length.where(length > 1e-6, torch.inf)


def distances(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], kind: str) -> Float[Tensor, "n m"]:
    """Distance of every row of ``a`` from every row of ``b``: "euclidean", "squared" (its square) or "cosine" (1 - cos).

    >>> distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), "euclidean").item()
    5.0
    """
    if kind not in DISTANCES:
        raise unknown("distance", kind, DISTANCES)
    if kind == "cosine":
        return 1 - inner(unit(a), unit(b))
    # Differences, not |a|^2 + |b|^2 - 2 a.b: near pairs are the ones that count, and there the short form cancels. At 0 the slope is 0.
    apart = torch.cdist(full(a), full(b), compute_mode="donot_use_mm_for_euclid_dist")
    return apart if kind == "euclidean" else apart.square()


def labelled(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], who: str) -> Bool[Tensor, "b b"]:
    """Who shares a label with whom, each item with itself included; raises unless there is one label a row.

    >>> labelled(torch.zeros(2, 3), torch.tensor([1, 1]), "triplet").tolist()
    [[True, True], [True, True]]
    """
    if prediction.ndim < 2 or target.shape != prediction.shape[:1]:
        raise ValueError(f"{who} needs embeddings (B, D) and one label a row (B,); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    return target[:, None] == target[None, :]
