"""Pixels that belong to one thing, and masks of things."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, full_precision


def discriminative(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    pull: float = 0.5,
    push: float = 1.5,
    regular: float = 0.001,
    background: int = 0,
) -> Float[Tensor, " b"]:
    """Pixels of one thing draw near its mean embedding, means of different things apart: pull + push + r |means|.

    pull: mean over things of the mean over pixels of max(0, |x - mean| - pull)^2; push: mean over pairs of max(0, 2 push - |mean - mean'|)^2; the
    last is the mean length of the means.

    Shapes: prediction embeddings (B, D, ...), target (B, ...) integers, a number a thing (any numbers), ``background`` counted nowhere -> (B,).
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: De Brabandere et al., 2017, arXiv:1708.02551.
    Use for instances without boxes; clusters are then found with mean shift of radius ``push``.

    >>> discriminative(torch.tensor([[[0.0, 0.0, 4.0]]]), torch.tensor([[1, 1, 2]]), regular=0.0)
    tensor([0.])
    """
    if prediction.ndim < 3 or target.shape != prediction.shape[:1] + prediction.shape[2:] or target.is_floating_point():
        raise ValueError(
            f"discriminative needs embeddings (B, D, ...) and integers (B, ...); got prediction {tuple(prediction.shape)} and target "
            f"{tuple(target.shape)}, {target.dtype}."
        )
    with full_precision(prediction):
        return torch.stack([_one(x, y, pull, push, regular, background) for x, y in zip(full(prediction).flatten(2), target.flatten(1), strict=True)])


def _one(x: Tensor, target: Tensor, pull: float, push: float, regular: float, background: int) -> Tensor:
    """One item: x (D, N), target (N,)."""
    things, place = target[target != background].unique(return_inverse=True)
    if not len(things):
        return 0 * x.sum()
    x = x[:, target != background]
    count = len(things)
    belongs = F.one_hot(place, count).to(x.dtype)  # (N, K)
    sizes = belongs.sum(0)
    means = x @ belongs / sizes
    away = F.relu(torch.linalg.vector_norm(x - means[:, place], dim=0) - pull).square()
    drawn = ((away @ belongs) / sizes).mean()
    length = regular * torch.linalg.vector_norm(means, dim=0).mean()
    if count == 1:
        return drawn + length
    first, second = torch.triu_indices(count, count, 1, device=x.device)
    apart = torch.linalg.vector_norm(means[:, first] - means[:, second], dim=0)
    return drawn + F.relu(2 * push - apart).square().mean() + length


def class_mask(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], labels: Shaped[Tensor, " n"]) -> Float[Tensor, " ..."]:
    """Binary cross-entropy of the mask that belongs to each thing's class; the masks of other classes get no gradient.

    Shapes: prediction logits (N, C, ...), target (N, ...) in [0, 1], labels (N,) -> (N,), the mean over pixels.
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: He et al., 2017, arXiv:1703.06870.

    >>> class_mask(torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 2), torch.tensor([1]))
    tensor([0.6931])
    """
    if target.shape != prediction.shape[:1] + prediction.shape[2:] or labels.shape != prediction.shape[:1]:
        raise ValueError(
            f"class_mask needs logits (N, C, ...), masks (N, ...) and labels (N,); got prediction {tuple(prediction.shape)}, target "
            f"{tuple(target.shape)} and labels {tuple(labels.shape)}."
        )
    own = full(prediction)[torch.arange(len(labels), device=labels.device), labels.long()]
    return F.binary_cross_entropy_with_logits(own, target.to(own.dtype), reduction="none").flatten(1).mean(1)
