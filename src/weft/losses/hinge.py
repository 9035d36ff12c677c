"""Margins: what is right by enough costs nothing."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import class_dimension
from weft.losses.shapes import full, out_of_range, same_shape


def hinge(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 1.0, squared: bool = False) -> Float[Tensor, " ..."]:
    """max(0, margin - s prediction), with s = 1 for yes and -1 for no; or its square.

    Shapes: scores prediction and target (B, ...) -> (B, ...). Yes is 1; no is 0 or -1, as the data writes it.
    Errors: ``ValueError`` when the shapes differ, or a target is none of these (on CPU).
    Paper: Cortes and Vapnik, 1995, doi:10.1007/BF00994018.
    Use for a linear classifier with a margin; instead of it, ``binary_cross_entropy`` when probabilities are wanted. It is not
    ``hinge_embedding``, which is about distances.

    >>> hinge(torch.tensor([2.0, 0.5, 0.5]), torch.tensor([1, 1, 0]))
    tensor([0.0000, 0.5000, 1.5000])
    """
    same_shape(prediction, target, "hinge")
    _two_sided(target, "hinge")
    scores = full(prediction)
    short = F.relu(margin - torch.where(target > 0, scores, -scores))
    return short.square() if squared else short


def multiclass_hinge(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    form: str = "crammer_singer",
    margin: float = 1.0,
    squared: bool = False,
    dim: int = 1,
) -> Float[Tensor, " ..."]:
    """How far the wrong classes come within a margin of the right one: max or sum over j != y of max(0, margin - z_y + z_j).

    ``form``: "crammer_singer" takes the nearest wrong class (scikit-learn's ``hinge_loss``); "weston_watkins" sums over all of them (torch's
    multi-margin loss is that divided by C).

    Shapes: prediction scores (B, C, ...) with C at ``dim``; target (B, ...) class indices -> (B, ...).
    Errors: ``ValueError`` for an unknown form, shapes that do not fit, or a class out of range (on CPU).
    Papers: Crammer and Singer, 2001 (JMLR 2); Weston and Watkins, 1999 (ESANN).
    Use when only the order of classes counts; instead of it, ``cross_entropy`` for probabilities.

    >>> multiclass_hinge(torch.tensor([[2.0, 1.5, 0.0]]), torch.tensor([0]))
    tensor([0.5000])
    """
    if form not in ("crammer_singer", "weston_watkins"):
        raise ValueError(f"multiclass_hinge: unknown form {form!r}. Known: crammer_singer, weston_watkins.")
    if target.is_floating_point():
        raise ValueError(f"multiclass_hinge takes class indices (an integer tensor); got a target of {target.dtype}.")
    axis = class_dimension(prediction, target, dim, "multiclass_hinge")
    scores, place = full(prediction).movedim(axis, -1), target.long().unsqueeze(-1)
    try:
        short = F.relu(margin - scores.gather(-1, place) + scores)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(target, scores.shape[-1], "multiclass_hinge") from error
    short = (short.square() if squared else short).scatter(-1, place, 0.0)
    return short.amax(-1) if form == "crammer_singer" else short.sum(-1)


def hinge_embedding(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 1.0) -> Float[Tensor, " ..."]:
    """A distance that should be small for pairs of one kind and beyond a margin for others: d for yes, max(0, margin - d) for no.

    Shapes: distances prediction and target (B, ...) -> (B, ...). Yes (alike) is 1; no is 0 or -1.
    Errors: ``ValueError`` when the shapes differ, or a target is none of these (on CPU).
    Use for pairs, given their distance; it is not ``hinge``, which is about scores.

    >>> hinge_embedding(torch.tensor([0.2, 0.2]), torch.tensor([1, -1]))
    tensor([0.2000, 0.8000])
    """
    same_shape(prediction, target, "hinge_embedding")
    _two_sided(target, "hinge_embedding")
    distance = full(prediction)
    return torch.where(target > 0, distance, F.relu(margin - distance))


def _two_sided(target: Tensor, who: str) -> None:
    if target.device.type == "cpu" and target.dtype != torch.bool and not torch.compiler.is_compiling() and target.numel():
        wrong = (target != 1) & (target != 0) & (target != -1)
        if wrong.any():
            raise ValueError(f"{who} needs targets 1 (yes) and 0 or -1 (no); got {target[wrong][0].item()}.")
