"""Losses that tell each sample from the others of its batch."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full_precision, same_shape, unit


def info_nce(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, temperature: float = 0.1) -> Float[Tensor, " b"]:
    """Find each row's partner among all rows: -log softmax_j(cos(a_i, b_j) / T) at j = i, the mean of both directions.

    Shapes: prediction and target embeddings (B, D) -> (B,). The mean is at least 0 and about log B for embeddings that say nothing.
    Couples samples: every row is every other's negative, so a loss over half a batch is not half the loss. Say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ, a batch of one (there is nothing to tell apart), or a temperature that is not positive.
    Paper: van den Oord et al., 2018, arXiv:1807.03748; both directions as in CLIP, Radford et al., 2021, arXiv:2103.00020.
    Use when two views or two modalities belong together; instead of it, ``nt_xent`` when both come from one encoder.

    >>> info_nce(torch.eye(2), torch.eye(2), temperature=1.0)
    tensor([0.3133, 0.3133])
    """
    check(prediction, target, temperature, "info_nce")
    with full_precision(prediction):
        similarity = unit(prediction) @ unit(target).T / temperature
    return -0.5 * (similarity.log_softmax(1).diagonal() + similarity.log_softmax(0).diagonal())


def nt_xent(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, temperature: float = 0.5) -> Float[Tensor, " b"]:
    """Find each view's partner among all other views of both sides: SimCLR's loss, the mean of the pair's two.

    -log exp(cos(z_i, z_p) / T) / sum_{k != i} exp(cos(z_i, z_k) / T), k over the 2B - 1 others.

    Shapes: prediction and target embeddings (B, D) of two views -> (B,). It is log(2B - 1) when all embeddings are one.
    Couples samples: every view is every other's negative, so a loss over half a batch is not half the loss. Say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ, a batch of one, or a temperature that is not positive.
    Paper: Chen et al., 2020, arXiv:2002.05709.
    Use when both views come from one encoder; instead of it, ``info_nce`` for two encoders. Cost O(B^2 D).

    >>> nt_xent(torch.ones(2, 3), torch.ones(2, 3))
    tensor([1.0986, 1.0986])
    """
    check(prediction, target, temperature, "nt_xent")
    size = len(prediction)
    z = unit(torch.cat([prediction, target]))
    with full_precision(z):
        similarity = z @ z.T / temperature
    itself = torch.eye(2 * size, dtype=torch.bool, device=z.device)
    others = similarity.masked_fill(itself, float("-inf")).log_softmax(1)
    pair = others.diagonal(size), others.diagonal(-size)
    return -0.5 * (pair[0] + pair[1])


def check(prediction: Tensor, target: Tensor, temperature: float, who: str) -> None:
    """Raise unless both hold at least two embeddings of one shape."""
    same_shape(prediction, target, who)
    if prediction.ndim != 2 or len(prediction) < 2:
        raise ValueError(f"{who} needs at least two rows of embeddings (B, D), to tell them apart; got {tuple(prediction.shape)}.")
    if temperature <= 0:
        raise ValueError(f"{who} needs a temperature > 0; got {temperature}.")
