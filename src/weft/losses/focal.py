"""Focal loss: less weight for what is already right."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import class_dimension
from weft.losses.shapes import full, out_of_range, same_shape


def focal(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    gamma: float = 2.0,
    alpha: Float[Tensor, " classes"] | float | None = None,
    label_smoothing: float = 0.0,
    dim: int = 1,
) -> Float[Tensor, " ..."]:
    """Cross-entropy of classes, scaled down where the right class is likely: -alpha_y (1 - p_y)^gamma log p_y.

    Shapes: prediction logits (B, C, ...) with C at ``dim``; target (B, ...) class indices -> (B, ...). ``alpha`` (C,) weights the classes; one number
    scales them all. ``label_smoothing`` e puts (1 - e) y + e / C in the place of the target in the cross-entropy; the factor before it stays that
    of the right class.
    Errors: ``ValueError`` for a negative gamma, shapes that do not fit, or a class out of range (on CPU; a GPU asserts).
    Paper: Lin et al., 2017, arXiv:1708.02002. Differs: softmax over classes; their own form is ``binary_focal``.
    Use when easy items of frequent classes drown the rest; gamma 0 is ``cross_entropy``.

    >>> focal(torch.zeros(1, 2), torch.tensor([0]), gamma=1.0)
    tensor([0.3466])
    """
    if gamma < 0:
        raise ValueError(f"focal needs gamma >= 0; got {gamma}.")
    if target.is_floating_point():
        raise ValueError(f"focal takes class indices (an integer tensor); got a target of {target.dtype}.")
    axis = class_dimension(prediction, target, dim, "focal")
    log_p = full(prediction).movedim(axis, -1).log_softmax(-1)
    try:
        log_right = log_p.gather(-1, target.long().unsqueeze(-1)).squeeze(-1)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(target, log_p.shape[-1], "focal") from error
    # -expm1(log p) is 1 - p without cancellation; the clamp keeps the power's gradient finite where p is exactly 1 and gamma < 1.
    missing = (-torch.expm1(log_right)).clamp(min=torch.finfo(log_p.dtype).tiny)
    entropy = -log_right if not label_smoothing else -(1 - label_smoothing) * log_right - label_smoothing * log_p.mean(-1)
    loss = missing**gamma * entropy
    if alpha is None:
        return loss
    return loss * (alpha.to(loss.dtype)[target.long()] if isinstance(alpha, Tensor) else alpha)


def binary_focal(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, gamma: float = 2.0, alpha: float | None = 0.25
) -> Float[Tensor, " ..."]:
    """Binary cross-entropy, scaled down where the answer is already likely: -alpha_t (1 - p_t)^gamma log p_t.

    p_t is the probability of the right answer; alpha_t is ``alpha`` for positives, 1 - ``alpha`` for negatives, 1 if ``alpha`` is None.

    Shapes: prediction logits and target in {0, 1} (B, ...) -> (B, ...).
    Errors: ``ValueError`` for a negative gamma or shapes that differ.
    Paper: Lin et al., 2017, arXiv:1708.02002. They divide by the number of positives, not of anchors: ``Loss.over(values, positives)``.
    Use when nearly all answers are no, as in detection.

    >>> binary_focal(torch.zeros(1), torch.ones(1), gamma=1.0, alpha=None)
    tensor([0.3466])
    """
    if gamma < 0:
        raise ValueError(f"binary_focal needs gamma >= 0; got {gamma}.")
    same_shape(prediction, target, "binary_focal")
    logits = full(prediction)
    yes = target.to(logits.dtype)
    entropy = F.binary_cross_entropy_with_logits(logits, yes, reduction="none")
    wrong = torch.sigmoid(logits) * (1 - yes) + torch.sigmoid(-logits) * yes
    loss = entropy * wrong.clamp(min=torch.finfo(logits.dtype).tiny) ** gamma
    return loss if alpha is None else loss * (alpha * yes + (1 - alpha) * (1 - yes))
