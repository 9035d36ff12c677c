"""Mirror pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from weft.data.arrays import room
from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms.targets import POINTS, corners, enclosing


@dataclass(frozen=True)
class RandomFlip:
    """Reverse an axis with some probability, the same for all ``keys`` of a record (a picture and its mask) and for masks, boxes and points.

    Shapes: (B, ...) -> (B, ...); ``axis`` -1 mirrors left and right, -2 top and bottom. ``swap`` names pairs of key points that change
    places in a mirror, such as the left and the right eye: ((0, 1),) for ``keypoints`` (B, ..., K, 2).
    Use when a mirrored picture keeps its meaning; not for digits and letters. Cost: one copy.

    >>> x = torch.tensor([[1.0, 2.0]])
    >>> RandomFlip(probability=1.0)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].tolist()
    [[2.0, 1.0]]
    """

    probability: float = 0.5
    axis: int = -1
    keys: Sequence[str] = ("input",)
    swap: Sequence[Sequence[int]] = ()

    moves = True

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability={self.probability}; expected a number from 0 to 1")
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "swap", tuple(tuple(pair) for pair in self.swap))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        flipped = random.chance(self.probability).to(batch[self.keys[0]].device)
        out = dict(batch)
        for key in {*self.keys, *({"masks"} & batch.keys())}:
            out[key] = _flipped(batch[key], flipped, self.axis)
        places = {*POINTS, "boxes"} & batch.keys()
        if places and self.axis not in (-1, -2):
            raise ValueError(f"axis={self.axis} with {sorted(places)}; boxes and points are mirrored along -1 (left-right) or -2 (top-bottom)")
        for key in places:
            out[key] = torch.where(_wide(flipped, batch[key]), self._mirrored(key, batch), batch[key])
        if "keypoints_mask" in batch:
            out["keypoints_mask"] = torch.where(
                _wide(flipped, batch["keypoints_mask"]), self._swapped(batch["keypoints_mask"], -1), batch["keypoints_mask"]
            )
        return out

    def _mirrored(self, key: str, batch: Batch) -> torch.Tensor:
        """Boxes or points of the mirrored picture."""
        length, axis = batch[self.keys[0]].shape[self.axis], 0 if self.axis == -1 else 1
        points = corners(batch[key]) if key == "boxes" else batch[key].clone()
        points[..., axis] = length - points[..., axis]
        if key == "boxes":
            return enclosing(points)
        return self._swapped(points, -2) if key == "keypoints" else points

    def _swapped(self, values: torch.Tensor, axis: int) -> torch.Tensor:
        order = list(range(values.shape[axis]))
        for one, other in self.swap:
            order[one], order[other] = other, one
        return values.index_select(axis, torch.tensor(order, device=values.device)) if self.swap else values


LARGE = 4096  # numbers in a record, from which on it is worth a step of Python


def _flipped(values: torch.Tensor, flags: torch.Tensor, axis: int) -> torch.Tensor:
    """The batch with some of its records reversed; record by record on the processor, where ``where`` would reverse and read them all."""
    if not values.is_cpu or values.requires_grad or values[:1].numel() < LARGE:
        return torch.where(_wide(flags, values), values.flip(axis), values)
    out = torch.empty_like(values) if values.is_contiguous() else room(values.movedim(1, -1).shape, values.dtype).movedim(-1, 1)  # laid out alike
    for new, old, flag in zip(out, values, flags.tolist(), strict=True):
        new.copy_(old.flip(axis if axis < 0 else axis - 1) if flag else old)
    return out


def _wide(flags: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return flags.reshape(-1, *(1,) * (like.ndim - 1))
