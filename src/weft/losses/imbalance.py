"""Losses for classes of very unequal size."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import cross_entropy
from weft.losses.shapes import full, same_shape


def logit_adjusted(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], prior: Shaped[Tensor, " classes"], *, strength: float = 1.0, dim: int = 1
) -> Float[Tensor, " ..."]:
    """Cross-entropy of logits + strength log prior: the network learns what to say if all classes were equally frequent.

    Shapes: as for ``cross_entropy``; ``prior`` (C,) counts or shares of the training data, each > 0. Predict with the logits as they are.
    Errors: those of ``cross_entropy``; ``ValueError`` for a prior of another length or one that is not positive.
    Paper: Menon et al., 2020, arXiv:2007.07314 (strength 1 is consistent for balanced error); as balanced softmax, Ren et al., 2020,
    arXiv:2007.10740.
    Use when the classes' average recall counts; instead of it, ``cross_entropy`` with ``weight``, which changes nothing once data can be separated.

    >>> logit_adjusted(torch.zeros(1, 2), torch.tensor([1]), torch.tensor([3, 1]))
    tensor([1.3863])
    """
    if prior.shape != (prediction.shape[dim],) or not bool((prior > 0).all()):
        raise ValueError(f"logit_adjusted needs a positive prior ({prediction.shape[dim]},); got {tuple(prior.shape)}: {prior.tolist()[:10]}.")
    logits = full(prediction)
    places = [1] * logits.ndim
    places[dim] = -1
    share = prior.to(device=logits.device, dtype=logits.dtype)
    return cross_entropy(logits + strength * (share / share.sum()).log().view(places), target, dim=dim)


def balanced_pixels(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Binary cross-entropy in which the yes and the no of each picture weigh the same: b for yes and 1 - b for no, b the share of no.

    Shapes: logits prediction and target in {0, 1} (B, ...) -> (B, ...).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Xie and Tu, 2015, arXiv:1504.06375.
    Use for edges and other thin things; instead of it, ``binary_cross_entropy`` with ``positive_weight`` when the shares of the whole data are known.

    >>> balanced_pixels(torch.zeros(1, 4), torch.tensor([[1, 0, 0, 0]]))
    tensor([[0.5199, 0.1733, 0.1733, 0.1733]])
    """
    same_shape(prediction, target, "balanced_pixels")
    logits = full(prediction)
    yes = target.to(logits.dtype)
    share = 1 - yes.flatten(1).mean(1).view(-1, *[1] * (yes.ndim - 1))
    weight = torch.where(yes > 0.5, share, 1 - share)
    return weight * F.binary_cross_entropy_with_logits(logits, yes, reduction="none")
