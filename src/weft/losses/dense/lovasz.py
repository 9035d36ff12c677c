"""The convex extension of intersection over union."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.dense.regions import Regions
from weft.losses.shapes import full, same_shape


def lovasz_hinge(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, mask: Bool[Tensor, " ..."] | None = None
) -> Float[Tensor, " b"]:
    """Lovász extension of 1 - IoU over the hinge errors max(0, 1 - s z) of one region's pixels, s = 1 inside and -1 outside.

    Shapes: logits prediction and target in {0, 1} (B, ...) -> (B,), each item by itself; mask (B, ...), True keeps.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Berman et al., 2018, arXiv:1705.08790.
    Use to raise the IoU of one region; instead of it, ``lovasz_softmax`` for several classes. Cost: a sort of the pixels.

    >>> lovasz_hinge(torch.tensor([[2.0, -2.0, 0.0]]), torch.tensor([[1, 0, 0]]))
    tensor([0.5000])
    """
    same_shape(prediction, target, "lovasz_hinge")
    logits, inside = full(prediction).flatten(1), target.flatten(1) > 0
    errors = 1 - torch.where(inside, logits, -logits)
    if mask is not None:
        same_shape(prediction, mask, "lovasz_hinge (prediction and mask)")
        errors, inside = errors.where(mask.flatten(1), 0), inside & mask.flatten(1)
    return _extension(F.relu(errors), inside)


def lovasz_softmax(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    mask: Bool[Tensor, " ..."] | None = None,
    regions: Regions = Regions(),
) -> Float[Tensor, " b"]:
    """Lovász extension of 1 - IoU over the errors |y - p| of each class's pixels, the mean over the classes that are there.

    On shares of 0 and 1 it is exactly 1 - IoU.

    Shapes, mask, weight and errors: as for ``dice``, several labels and one included.
    Paper: Berman et al., 2018, arXiv:1705.08790.
    Use to raise the mean IoU, usually after training with ``cross_entropy``; instead of it, ``jaccard``, without the sort.

    >>> lovasz_softmax(torch.tensor([[[200.0, 0.0], [0.0, 200.0]]]), torch.tensor([[0, 1]]))
    tensor([0.])
    """
    p, y = regions.read(prediction, target, mask, "lovasz_softmax")
    return regions.mean(_extension((y - p).abs(), y > 0), y, weight, len(prediction))


def _extension(errors: Tensor, inside: Tensor) -> Tensor:
    """sum_i errors_i (J_i - J_i-1), errors falling, J_i being 1 - IoU when the i worst pixels are wrong; (..., N) -> (...)."""
    errors, order = errors.sort(dim=-1, descending=True)
    hits = inside.gather(-1, order).to(errors.dtype)
    size = hits.sum(-1, keepdim=True)
    jaccard = 1 - (size - hits.cumsum(-1)) / (size + (1 - hits).cumsum(-1)).clamp(min=1)
    steps = jaccard.diff(dim=-1, prepend=torch.zeros_like(size))
    return (errors * steps).sum(-1)
