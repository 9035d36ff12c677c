"""Few-shot classification: distances from class means, and learned relations."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.metric.distances import distances
from weft.losses.shapes import full, out_of_range


def class_means(support: Float[Tensor, "n d"], label: Int[Tensor, " n"], num_classes: int) -> Float[Tensor, "c d"]:
    """The mean embedding of each class: its prototype, row c for class c.

    Errors: ``ValueError`` naming the classes that have no example, or a label out of range.
    Paper: Snell et al., 2017, arXiv:1703.05175.

    >>> class_means(torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]), 2)
    tensor([[1.],
            [5.]])
    """
    if ((label < 0) | (label >= num_classes)).any():
        raise out_of_range(label, num_classes, "class_means")
    member = F.one_hot(label.long(), num_classes).to(full(support).dtype)
    count = member.sum(0)
    if (count == 0).any():
        raise ValueError(f"class_means has no example of class {(count == 0).nonzero().flatten().tolist()}; an episode brings some of each.")
    total = torch.zeros(num_classes, support.shape[1], dtype=member.dtype, device=support.device).index_add(0, label.long(), full(support))
    return total / count[:, None]


def prototypical(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], prototypes: Float[Tensor, "c d"], *, distance: str = "squared"
) -> Float[Tensor, " b"]:
    """Cross-entropy of minus the distances from the class prototypes: -log softmax_c(-d(x, p_c)) at c = y.

    Shapes: prediction query embeddings (B, D), target classes (B,), prototypes (C, D) as ``class_means`` makes them -> (B,).
    Errors: ``ValueError`` for shapes that do not fit, a class out of range or an unknown distance.
    Paper: Snell et al., 2017, arXiv:1703.05175.
    Use in episodes of few examples a class, and for classes that come after training; instead of it, ``cross_entropy`` for a closed set.

    >>> prototypical(torch.zeros(1, 1), torch.tensor([0]), torch.tensor([[0.0], [1.0]]))
    tensor([0.3133])
    """
    if prediction.ndim != 2 or target.shape != prediction.shape[:1] or prediction.shape[1] != prototypes.shape[1]:
        shapes = f"{tuple(prediction.shape)}, {tuple(target.shape)} and {tuple(prototypes.shape)}"
        raise ValueError(f"prototypical needs embeddings (B, D), classes (B,) and prototypes (C, D); got {shapes}.")
    if ((target < 0) | (target >= len(prototypes))).any():
        raise out_of_range(target, len(prototypes), "prototypical")
    return F.cross_entropy(-distances(prediction, prototypes, distance), target.long(), reduction="none")


def relation(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Learned relation scores near 1 for the own class and 0 elsewhere: sum_c (r_c - [c = y])^2.

    Shapes: prediction scores in [0, 1] (B, C), target classes (B,) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.
    Paper: Sung et al., 2017, arXiv:1711.06025.
    Use when a network compares query and prototype itself; instead of it, ``prototypical`` when a distance will do.

    >>> relation(torch.tensor([[1.0, 0.5]]), torch.tensor([0]))
    tensor([0.2500])
    """
    if prediction.ndim != 2 or target.shape != prediction.shape[:1]:
        raise ValueError(f"relation needs scores (B, C) and classes (B,); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    if ((target < 0) | (target >= prediction.shape[1])).any():
        raise out_of_range(target, prediction.shape[1], "relation")
    scores = full(prediction)
    return (scores - F.one_hot(target.long(), prediction.shape[1]).to(scores.dtype)).square().sum(1)
