"""How little two regions overlap: Dice, Jaccard, Tversky."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.losses.dense.regions import Regions

TINY = 1e-7


def dice(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    smooth: float = 0.0,
    squared: bool = False,
    weight: Float[Tensor, " classes"] | None = None,
    mask: Bool[Tensor, " ..."] | None = None,
    regions: Regions = Regions(),
) -> Float[Tensor, " b"]:
    """1 - Dice of soft regions, the mean over classes: 1 - (2 sum p y + s) / (sum p + sum y + s).

    Shapes: prediction logits (B, C, ...) and target class indices (B, ...), or both (B, C, ...) for several labels, or both (B, ...) for one ->
    (B,); see
    ``Regions`` for that, for classes that are absent, and for counting over the batch. ``mask`` (B, ...), True keeps, one entry a pixel.
    ``squared`` puts p^2 and y^2 in the denominator; ``smooth`` is s; ``weight`` (C,) weighs the classes in the mean.
    Errors: ``ValueError`` for shapes that do not fit, or a class out of range (on CPU).
    Paper: Milletari et al., 2016, arXiv:1606.04797 (squared); absent classes are left out, where 1 - 0/x would give 1 without a gradient.
    Use when regions are small beside the background, often beside ``cross_entropy``; it raises Dice (F1): instead of it, ``jaccard`` or
    ``lovasz_softmax`` when IoU counts.

    >>> dice(torch.tensor([[100.0, 100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0, 0]]))
    tensor([0.3333])
    """
    p, y = regions.read(prediction, target, mask, "dice")
    sizes = (p.square() + y.square()).sum(2) if squared else p.sum(2) + y.sum(2)
    index = (2 * (p * y).sum(2) + smooth) / (sizes + smooth).clamp(min=TINY)
    return regions.mean(1 - index, y, weight, len(prediction))


def jaccard(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    smooth: float = 0.0,
    weight: Float[Tensor, " classes"] | None = None,
    mask: Bool[Tensor, " ..."] | None = None,
    regions: Regions = Regions(),
) -> Float[Tensor, " b"]:
    """1 - intersection over union of soft regions, the mean over classes: 1 - (sum p y + s) / (sum p + sum y - sum p y + s).

    Shapes, mask, weight and errors: as for ``dice``.
    Paper: Rahman and Wang, 2016, doi:10.1007/978-3-319-50835-1_22.
    Use when IoU is what counts; instead of it, ``lovasz_softmax``, whose extension of IoU is convex.

    >>> jaccard(torch.tensor([[100.0, 100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0, 0]]))
    tensor([0.5000])
    """
    p, y = regions.read(prediction, target, mask, "jaccard")
    return regions.mean(1 - _tversky_index(p, y, 1.0, 1.0, smooth), y, weight, len(prediction))


def tversky(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    false_positives: float = 0.3,
    false_negatives: float = 0.7,
    smooth: float = 0.0,
    weight: Float[Tensor, " classes"] | None = None,
    mask: Bool[Tensor, " ..."] | None = None,
    regions: Regions = Regions(),
) -> Float[Tensor, " b"]:
    """1 - Tversky index, which prices the two errors apart: 1 - (TP + s) / (TP + a FP + b FN + s).

    Shapes, mask, weight and errors: as for ``dice``, which is this at a = b = 1/2; ``jaccard`` is this at a = b = 1.
    Paper: Salehi et al., 2017, arXiv:1706.05721.
    Use when missing a region is worse than marking too much (b > a), as with lesions.

    >>> tversky(torch.tensor([[100.0, 100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0, 0]]))
    tensor([0.2308])
    """
    p, y = regions.read(prediction, target, mask, "tversky")
    return regions.mean(1 - _tversky_index(p, y, false_positives, false_negatives, smooth), y, weight, len(prediction))


def focal_tversky(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    false_positives: float = 0.3,
    false_negatives: float = 0.7,
    power: float = 0.75,
    mask: Bool[Tensor, " ..."] | None = None,
    regions: Regions = Regions(),
) -> Float[Tensor, " b"]:
    """The cost of ``tversky`` of each class to a power below 1, so that nearly right classes still pull: (1 - index)^power.

    Shapes, mask and errors: as for ``dice``; ``ValueError`` for a power that is not positive.
    Paper: Abraham and Khan, 2018, arXiv:1810.07842 (their 1 / gamma with gamma 4/3 is the power 0.75).
    Use for small regions that ``tversky`` gives up too soon.

    >>> focal_tversky(torch.tensor([[100.0, 100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0, 0]]))
    tensor([0.3330])
    """
    if power <= 0:
        raise ValueError(f"focal_tversky needs a power > 0; got {power}.")
    p, y = regions.read(prediction, target, mask, "focal_tversky")
    cost = (1 - _tversky_index(p, y, false_positives, false_negatives, 0.0)).clamp(min=TINY)  # its root has no slope at 0
    return regions.mean(cost**power, y, None, len(prediction))


def generalised_dice(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, mask: Bool[Tensor, " ..."] | None = None, regions: Regions = Regions()
) -> Float[Tensor, " b"]:
    """One Dice for all classes, each weighed by the square of its size: 1 - 2 sum_c w_c sum p y / sum_c w_c (sum p + sum y), w_c = 1 / (sum y)^2.

    Shapes, mask and errors: as for ``dice``. A class that is absent has weight 0.
    Paper: Sudre et al., 2017, arXiv:1707.03237.
    Use when classes differ in size by orders; instead of it, ``dice``, whose mean over classes moves less from batch to batch.

    >>> generalised_dice(torch.tensor([[100.0, 100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0, 0]]))
    tensor([0.3333])
    """
    p, y = regions.read(prediction, target, mask, "generalised_dice")
    size = y.sum(2)
    weight = torch.where(size > 0, size.where(size > 0, 1).square().reciprocal(), 0)
    both, sizes = (weight * (p * y).sum(2)).sum(1), (weight * (p.sum(2) + size)).sum(1)
    found = torch.where(sizes > 0, 1 - 2 * both / sizes.where(sizes > 0, 1), 0 * both)
    return found.expand(len(prediction)) if regions.per_batch else found


def _tversky_index(p: Tensor, y: Tensor, a: float, b: float, smooth: float) -> Tensor:
    hit = (p * y).sum(2)
    missed = a * (p.sum(2) - hit) + b * (y.sum(2) - hit)
    return (hit + smooth) / (hit + missed + smooth).clamp(min=TINY)
