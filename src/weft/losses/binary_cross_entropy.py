"""Cross-entropy of yes-or-no questions."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def binary_cross_entropy(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    positive_weight: Float[Tensor, " ..."] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " ..."]:
    """Binary cross-entropy from logits: -y log sigmoid(z) - (1 - y) log sigmoid(-z).

    Shapes: prediction and target (B, ...) -> (B, ...), one value an answer; targets in [0, 1], integers and booleans too.
    ``positive_weight`` multiplies the first term and broadcasts (one number a question balances rare ones).
    ``label_smoothing`` e turns the target into (1 - e) y + e / 2.
    Errors: ``ValueError`` with both shapes when they differ, (B, 1) and (B,) included; naming a target outside [0, 1]
    (on CPU; on a GPU looking would cost a synchronisation).
    Use when several labels or none may hold; instead of it, ``cross_entropy`` when exactly one does. Half precision is computed in float32.

    >>> binary_cross_entropy(torch.tensor([0.0, 10_000.0]), torch.tensor([1, 1]))
    tensor([0.6931, 0.0000])
    """
    same_shape(prediction, target, "binary_cross_entropy")
    logits = full(prediction)
    if target.device.type == "cpu" and target.dtype != torch.bool and not torch.compiler.is_compiling() and target.numel():
        low, high = target.aminmax()  # one pass, not two
        if not (low >= 0 and high <= 1):
            wrong = target[~((target >= 0) & (target <= 1))][0].item()
            raise ValueError(f"binary_cross_entropy needs targets from 0 (no) to 1 (yes); got {wrong}.")
    wanted = target.to(logits.dtype)
    if label_smoothing:
        wanted = wanted * (1 - label_smoothing) + 0.5 * label_smoothing
    return F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=positive_weight, reduction="none")
