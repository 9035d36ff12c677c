"""Boxes: overlap with its three corrections, coordinates relative to an anchor, distances to the sides."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.binary_cross_entropy import binary_cross_entropy
from weft.losses.regression import smooth_l1
from weft.losses.shapes import full, same_shape

TINY = 1e-7
LARGEST = math.log(1000 / 16)  # a network's wildest guess of a box's size, as a logarithm: exp of it stays a number


def iou(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """1 - intersection over union of a box and its partner.

    Shapes: prediction and target boxes (..., 4) as x1, y1, x2, y2 with x1 <= x2 -> (...). A box turned inside out has area 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Yu et al., 2016, arXiv:1608.01471 (there -log IoU).
    Use when boxes already overlap: apart, its gradient is 0; instead of it, ``giou`` or ``ciou``.

    >>> iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
    tensor([0.6667])
    """
    a, b = _boxes(prediction, target, "iou")
    both, union = _areas(a, b)
    return 1 - both / union


def giou(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """1 - generalised IoU: 1 - IoU + the share of the smallest box around both that neither fills. Between 0 and 2.

    Shapes and errors: as for ``iou``.
    Paper: Rezatofighi et al., 2019, arXiv:1902.09630.
    Use when boxes may lie apart: it pulls them together; ``diou`` and ``ciou`` do so faster.

    >>> giou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([1.3333])
    """
    a, b = _boxes(prediction, target, "giou")
    both, union = _areas(a, b)
    around = (_around(a, b)[1] - _around(a, b)[0]).clamp(min=0).prod(-1).clamp(min=TINY)
    return 1 - both / union + (around - union).clamp(min=0) / around


def diou(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """1 - IoU + squared distance of the centres over squared diagonal of the smallest box around both.

    Shapes and errors: as for ``iou``.
    Paper: Zheng et al., 2019, arXiv:1911.08287.

    >>> diou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([1.4000])
    """
    a, b = _boxes(prediction, target, "diou")
    both, union = _areas(a, b)
    return 1 - both / union + _centres_apart(a, b)


def ciou(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The loss ``diou`` + a v, with v = 4 / pi^2 (difference of the angles atan(w / h))^2 and a = v / (1 - IoU + v) taken as a constant.

    Shapes and errors: as for ``iou``.
    Paper: Zheng et al., 2019, arXiv:1911.08287.
    Use as the first choice for boxes.

    >>> ciou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([1.4000])
    """
    a, b = _boxes(prediction, target, "ciou")
    both, union = _areas(a, b)
    overlap = both / union
    angles = [torch.atan2((x[..., 2] - x[..., 0]).clamp(min=TINY), (x[..., 3] - x[..., 1]).clamp(min=TINY)) for x in (a, b)]
    v = 4 / math.pi**2 * (angles[1] - angles[0]).square()
    with torch.no_grad():
        share = v / (1 - overlap + v).clamp(min=TINY)
    return 1 - overlap + _centres_apart(a, b) + share * v


def encode_boxes(boxes: Shaped[Tensor, "... 4"], anchors: Shaped[Tensor, "... 4"]) -> Float[Tensor, "... 4"]:
    """Boxes as seen from anchors: centre offsets over the anchor's size, and logarithms of the sizes' ratios.

    Shapes: both (..., 4) as x1, y1, x2, y2 -> (..., 4) as dx, dy, log w, log h. Paper: Girshick et al., 2013, arXiv:1311.2524.

    >>> encode_boxes(torch.tensor([[1.0, 0.0, 5.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 2.0]]))
    tensor([[1.0000, 0.0000, 0.6931, 0.0000]])
    """
    (centre, size), (middle, unit) = _middle(full(boxes.float())), _middle(full(anchors.float()))
    return torch.cat([(centre - middle) / unit, (size / unit).log()], dim=-1)


def decode_boxes(deltas: Float[Tensor, "... 4"], anchors: Shaped[Tensor, "... 4"]) -> Float[Tensor, "... 4"]:
    """What ``encode_boxes`` made, back as x1, y1, x2, y2; sizes are at most 62.5 anchors.

    >>> decode_boxes(torch.tensor([[1.0, 0.0, 0.6931, 0.0]]), torch.tensor([[0.0, 0.0, 2.0, 2.0]])).round()
    tensor([[1., 0., 5., 2.]])
    """
    deltas = full(deltas)
    middle, unit = _middle(anchors.to(deltas.dtype))
    centre, half = middle + deltas[..., :2] * unit, 0.5 * unit * deltas[..., 2:].clamp(max=LARGEST).exp()
    return torch.cat([centre - half, centre + half], dim=-1)


def encoded_boxes(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], anchors: Shaped[Tensor, "... 4"], *, beta: float = 1 / 9
) -> Float[Tensor, " ..."]:
    """Smooth L1 of predicted offsets against those of the true boxes from their anchors, summed over the four.

    Shapes: prediction offsets, target boxes and anchors (..., 4) -> (...).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Ren et al., 2015, arXiv:1506.01497.
    Use for region proposals; instead of it, ``giou`` of decoded boxes.

    >>> encoded_boxes(torch.zeros(1, 4), torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 2.0]]))
    tensor([0.])
    """
    same_shape(prediction, target, "encoded_boxes")
    same_shape(prediction, anchors, "encoded_boxes (prediction and anchors)")
    return smooth_l1(prediction, encode_boxes(target, anchors), beta=beta).sum(-1)


def sides_iou(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """-log IoU of boxes given as distances from one point to their sides, left, top, right, bottom.

    Shapes: prediction and target (..., 4) >= 0 -> (...). At most 16 where they share nothing.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Yu et al., 2016, arXiv:1608.01471; as in FCOS, Tian et al., 2019, arXiv:1904.01355.

    >>> sides_iou(torch.tensor([[1.0, 1.0, 1.0, 1.0]]), torch.tensor([[1.0, 1.0, 3.0, 1.0]]))
    tensor([0.6931])
    """
    point = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=prediction.device)
    a, b = _boxes(prediction, target, "sides_iou")
    both, union = _areas(a * point.to(a.dtype), b * point.to(b.dtype))
    return -(both / union).clamp(min=TINY).log()


def centre_share(sides: Shaped[Tensor, "... 4"]) -> Float[Tensor, " ..."]:
    """How central a point is in its box (FCOS's centre-ness): sqrt(min(l, r) / max(l, r) min(t, b) / max(t, b)), from 0 to 1.

    >>> centre_share(torch.tensor([[1.0, 1.0, 4.0, 1.0]]))
    tensor([0.5000])
    """
    across, down = sides.float()[..., 0::2], sides.float()[..., 1::2]
    return (across.amin(-1) / across.amax(-1).clamp(min=TINY) * down.amin(-1) / down.amax(-1).clamp(min=TINY)).clamp(min=0).sqrt()


def centredness(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Binary cross-entropy of predicted centre-ness logits against that of the points in their true boxes.

    Shapes: prediction (...) logits, target (..., 4) distances to left, top, right, bottom -> (...). Its least value is the target's own entropy.
    Errors: ``ValueError`` when the shapes do not fit.
    Paper: Tian et al., 2019, arXiv:1904.01355.

    >>> centredness(torch.tensor([0.0]), torch.tensor([[1.0, 1.0, 1.0, 1.0]]))
    tensor([0.6931])
    """
    if target.shape != (*prediction.shape, 4):
        shapes = f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"centredness needs sides (..., 4) for logits (...); got {shapes}.")
    return binary_cross_entropy(prediction, centre_share(target))


def _boxes(prediction: Tensor, target: Tensor, who: str) -> tuple[Tensor, Tensor]:
    same_shape(prediction, target, who)
    prediction = full(prediction)
    return prediction, target.to(prediction.dtype)


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The intersection's area and the union's, never 0."""
    corner, other = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (other - corner).clamp(min=0).prod(-1)
    sizes = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    return both, (sizes[0] + sizes[1] - both).clamp(min=TINY)


def _around(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])


def _centres_apart(a: Tensor, b: Tensor) -> Tensor:
    low, high = _around(a, b)
    apart = 0.5 * (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:])
    return apart.square().sum(-1) / (high - low).square().sum(-1).clamp(min=TINY)


def _middle(x: Tensor) -> tuple[Tensor, Tensor]:
    return 0.5 * (x[..., :2] + x[..., 2:]), x[..., 2:] - x[..., :2]
