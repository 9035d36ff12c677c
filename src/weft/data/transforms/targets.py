"""Boxes, masks and key points go where their picture goes: one draw of parameters for everything that belongs to a record.

In a batch, ``boxes`` (B, N, 4) are x1, y1, x2, y2 in pixels with the padding marked in ``boxes_mask`` (B, N), True = a box; ``masks``
(B, ..., H, W) are read by the nearest pixel; ``keypoints`` and ``polygons`` (B, ..., 2) are x, y, and ``keypoints_mask`` (B, ...) says which are to
be seen. Videos are pictures (B, T, C, H, W): each clip has one draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random

SMALLEST = 1.0  # square pixels below which a box is dropped
POINTS = ("keypoints", "polygons")


@dataclass(frozen=True)
class Move:
    """What a geometric transform does to a batch: ``pixels(x, interpolation)`` of (B, K, H, W), ``points`` of (B, P, 2), and the new size."""

    pixels: Callable[[Tensor, str], Tensor]
    points: Callable[[Tensor], Tensor]
    size: tuple[int, int]

    def __call__(self, batch: Batch, keys: Sequence[str] = ("input",), interpolation: str = "bilinear") -> Batch:
        """The batch with its pictures (``keys``), masks, boxes and points moved; pictures of whole numbers other than uint8 are masks, too."""
        moved = dict(batch)
        for key in {*keys, *({"masks"} & batch.keys())}:
            labels = key == "masks" or not (batch[key].is_floating_point() or batch[key].dtype == torch.uint8)
            moved[key] = folded(batch[key], lambda x, how="nearest" if labels else interpolation: self.pixels(x, how))
        for key in set(POINTS) & batch.keys():
            moved[key] = self.points(batch[key].flatten(1, -2)).reshape(batch[key].shape)
        if "keypoints" in batch:
            seen = batch.get("keypoints_mask", torch.ones(batch["keypoints"].shape[:-1], dtype=torch.bool, device=batch["keypoints"].device))
            moved["keypoints_mask"] = seen & inside(moved["keypoints"], self.size)
        if "boxes" in batch:
            kept = batch.get("boxes_mask", torch.ones(batch["boxes"].shape[:2], dtype=torch.bool, device=batch["boxes"].device))
            moved["boxes"], large = clipped(enclosing(self.points(corners(batch["boxes"]))), self.size)
            moved["boxes_mask"] = kept & large
        return moved


def folded(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """``function`` of (B, K, H, W) applied to (B, ..., H, W), so that all frames and channels of a record go the same way."""
    if x.ndim < 3:
        raise ValueError(f"A picture has shape {tuple(x.shape)}; expected (B, ..., H, W)")
    out = function(x.reshape(len(x), math.prod(x.shape[1:-2]), *x.shape[-2:]))
    return out.reshape(*x.shape[:-2], *out.shape[-2:])


def corners(boxes: Float[Tensor, "b n 4"]) -> Float[Tensor, "b m 2"]:
    """The four corners of each box, one after the other."""
    return boxes[:, :, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(len(boxes), 4 * boxes.shape[1], 2)


def enclosing(points: Float[Tensor, "b m 2"]) -> Float[Tensor, "b n 4"]:
    """The upright box around each four corners."""
    quads = points.reshape(len(points), points.shape[1] // 4, 4, 2)
    return torch.cat([quads.amin(2), quads.amax(2)], 2)


def area(boxes: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """Square pixels of boxes; 0 for what is inside out."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def clipped(boxes: Float[Tensor, "b n 4"], size: tuple[int, int]) -> tuple[Float[Tensor, "b n 4"], Bool[Tensor, "b n"]]:
    """Boxes cut at the border of a picture of (height, width), and which of them still cover a pixel.

    >>> clipped(torch.tensor([[[-5.0, 0.0, 4.0, 4.0], [9.0, 9.0, 12.0, 12.0]]]), (8, 8))[1].tolist()
    [[True, False]]
    """
    limit = torch.tensor([size[1], size[0]] * 2, dtype=boxes.dtype, device=boxes.device)
    cut = boxes.clamp(min=0).minimum(limit)
    return cut, area(cut) >= SMALLEST


def inside(points: Float[Tensor, "*b 2"], size: tuple[int, int]) -> Bool[Tensor, "*b"]:
    """Which points lie in a picture of (height, width)."""
    limit = torch.tensor([size[1], size[0]], dtype=points.dtype, device=points.device)
    return ((points >= 0) & (points < limit)).all(-1)


def convert_boxes(boxes: Float[Tensor, "*b 4"], old: str, new: str) -> Float[Tensor, "*b 4"]:
    """Boxes written as "xyxy" (corners), "xywh" (corner and size) or "cxcywh" (centre and size), in another of these.

    Raises ValueError for another way of writing. Use when data or networks write boxes differently from the batch's corners; exact.

    >>> convert_boxes(torch.tensor([1.0, 2.0, 4.0, 8.0]), "xyxy", "cxcywh").tolist()
    [2.5, 5.0, 3.0, 6.0]
    """
    for name in (old, new):
        if name not in ("xyxy", "xywh", "cxcywh"):
            raise ValueError(f"Boxes as {name!r}; expected 'xyxy', 'xywh' or 'cxcywh'")
    first, second = boxes[..., :2], boxes[..., 2:]
    if old == "xywh":
        second = first + second
    elif old == "cxcywh":
        first, second = first - second / 2, first + second / 2
    if new == "xyxy":
        return torch.cat([first, second], -1)
    return torch.cat([first if new == "xywh" else (first + second) / 2, second - first], -1)


@dataclass(frozen=True)
class FilterBoxes:
    """Drop boxes of fewer than ``min_area`` square pixels or with a side below ``min_side``, through ``boxes_mask``; nothing is reordered.

    Shapes: ``boxes`` (B, N, 4), ``boxes_mask`` (B, N). Raises ValueError for a batch without boxes.
    Use when crops leave slivers that cannot be recognised; geometric transforms themselves drop only what covers less than one pixel.

    >>> batch = {"boxes": torch.tensor([[[0.0, 0.0, 1.0, 9.0], [0.0, 0.0, 4.0, 4.0]]])}
    >>> FilterBoxes(min_side=2)(batch, Random(0, 0, torch.arange(1)))["boxes_mask"].tolist()
    [[False, True]]
    """

    min_area: float = 1.0
    min_side: float = 1.0

    def __call__(self, batch: Batch, random: Random) -> Batch:
        if "boxes" not in batch:
            raise ValueError(f"FilterBoxes needs 'boxes' in the batch, got {sorted(batch)}")
        boxes = batch["boxes"]
        large = (area(boxes) >= self.min_area) & ((boxes[..., 2:] - boxes[..., :2]).amin(-1) >= self.min_side)
        return batch | {"boxes_mask": large & batch["boxes_mask"] if "boxes_mask" in batch else large}
