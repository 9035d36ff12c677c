"""Cross-entropy of classes."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, out_of_range

NEVER = -(2**62)      # torch's ignore index: -100 must raise, or it would count as an item of loss 0


def cross_entropy(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    label_smoothing: float = 0.0,
    others_only: bool = False,
    temperature: float = 1.0,
    weight: Float[Tensor, " classes"] | None = None,
    dim: int = 1,
) -> Float[Tensor, " ..."]:
    """Cross-entropy from logits: -sum_c y_c log softmax(prediction)_c.

    Shapes: prediction (B, C, ...) with C at ``dim``; target the same without C (class indices), or the same with C (probabilities)
    -> (B, ...), one value an item. Text usually has (B, T, C): give ``dim=-1``.
    ``label_smoothing`` e mixes the target with the uniform distribution over all C classes: (1 - e) y + e / C, torch's convention. With
    ``others_only`` the e goes to the C - 1 wrong classes alone, e / (C - 1) each, the convention of some papers: it is the first one with
    e C / (C - 1). ``temperature`` divides the logits.
    ``weight`` (C,) multiplies each class's term; the mean is then over items, not over weights as in torch.
    Where classes to be ignored are marked by a number in the target, ``keep_valid`` makes a mask of it.
    Errors: ``ValueError`` with both shapes when they do not fit; naming the value when a class index is out of range (on CPU; a GPU asserts);
    for a temperature that is not positive, and for smoothing over the wrong classes when there is one class only.
    Paper: label smoothing, Szegedy et al., 2015, arXiv:1512.00567.
    Use when exactly one class is right; instead of it, ``binary_cross_entropy`` for several or none, ``focal`` for rare classes. Half precision is
    computed in float32.

    >>> cross_entropy(torch.tensor([[0.0, 0.0], [2.0, -2.0]]), torch.tensor([1, 0]))
    tensor([0.6931, 0.0181])
    """
    axis = class_dimension(prediction, target, dim, "cross_entropy")
    logits, classes = full(prediction), prediction.shape[axis]
    if temperature != 1.0 or others_only:
        logits, label_smoothing = logits / _positive(temperature), _over_all(label_smoothing, classes) if others_only else label_smoothing
    goal = target.to(logits.dtype) if target.is_floating_point() else target if target.dtype == torch.long else target.long()
    if axis != 1:  # torch wants classes second; as rows (N, C) nothing is copied when they are last
        logits = logits.movedim(axis, -1).reshape(-1, classes)
        goal = goal.movedim(axis, -1).reshape(-1, classes) if target.is_floating_point() else goal.reshape(-1)
    try:
        found = F.cross_entropy(logits, goal, weight, reduction="none", label_smoothing=label_smoothing, ignore_index=NEVER)
    except (IndexError, RuntimeError) as error:
        if target.is_floating_point() or not ((target < 0) | (target >= classes)).any():
            raise
        raise out_of_range(target, classes, "cross_entropy") from error
    return found if axis == 1 else found.view(prediction.shape[:axis] + prediction.shape[axis + 1 :])


def keep_valid(target: Shaped[Tensor, " ..."], ignore: int = -100) -> tuple[Shaped[Tensor, " ..."], Bool[Tensor, " ..."]]:
    """Targets that any loss takes, and the mask (True keeps) of those that are not ``ignore``.

    Use when labels come with a number for "no label", as other libraries' do: the mask says it to ``Loss.mean``, which then counts the others
    alone. A padding index of 0 would hide class 0; that is why nothing is ignored unless it is said.

    >>> keep_valid(torch.tensor([2, -100]))
    (tensor([2, 0]), tensor([ True, False]))
    """
    keep = target != ignore
    return target.where(keep, 0), keep


def _positive(temperature: float) -> float:
    if temperature <= 0:
        raise ValueError(f"cross_entropy needs a temperature > 0; got {temperature}.")
    return temperature


def _over_all(smoothing: float, classes: int) -> float:
    """The smoothing over all classes that equals ``smoothing`` over the wrong ones."""
    if classes < 2:
        raise ValueError("Smoothing over the wrong classes needs a wrong one; the prediction has one class.")
    share = smoothing * classes / (classes - 1)
    if share > 1:
        raise ValueError(f"label_smoothing={smoothing} over the wrong ones of {classes} classes leaves the right one less than each of them.")
    return share


def class_dimension(prediction: Tensor, target: Tensor, dim: int, who: str) -> int:
    """The dimension of ``prediction`` that holds the classes, after checking that the two shapes fit."""
    if prediction.ndim < 2:
        raise ValueError(f"{who} needs logits (B, C, ...); got prediction {tuple(prediction.shape)} and target {tuple(target.shape)}.")
    axis = dim % prediction.ndim
    wanted = prediction.shape if target.is_floating_point() else prediction.shape[:axis] + prediction.shape[axis + 1 :]
    if target.shape == wanted:
        return axis
    advice = ""
    if target.is_floating_point():
        advice = " A target of class indices must be an integer tensor; one of probabilities has the prediction's shape."
    elif target.shape == prediction.shape[:-1]:
        advice = " The classes seem to be last: pass dim=-1."
    raise ValueError(
        f"{who} with classes at dimension {axis} of prediction {tuple(prediction.shape)} needs a target of shape {tuple(wanted)}; "
        f"got {tuple(target.shape)}, {target.dtype}.{advice}"
    )
