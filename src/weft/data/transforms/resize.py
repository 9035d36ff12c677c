"""One size for all pictures of a batch: fixed, the middle, or another one each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random, hashed
from weft.data.transforms import geometry
from weft.data.transforms.targets import Move


@dataclass(frozen=True)
class Resize:
    """Bring pictures to a size: ``rule`` "exact" takes ``size`` as it is and may distort, "short" or "long" sets that edge and keeps proportions.

    Masks, boxes and points come along. Shapes: (B, C, H, W) or video (B, T, C, H, W) -> (..., h, w).
    Raises ValueError for an unknown ``interpolation`` or ``rule``.
    Use when tensors of another size arrive; instead of it, the codec's ``size``, which also holds when predicting. Note that (256, 256) distorts
    and 256 with "short" does not. Cost: one interpolation.

    >>> Resize(4, rule="short")({"input": torch.zeros(2, 3, 8, 12)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 4, 6])
    """

    size: int | Sequence[int]
    rule: str = "exact"
    interpolation: str = "bilinear"
    antialias: bool = True
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        geometry.check_interpolation(self.interpolation)
        geometry.sides(self.size, 1, 1, self.rule)
        object.__setattr__(self, "size", self.size if isinstance(self.size, int) else tuple(self.size))
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        height, width = batch[self.keys[0]].shape[-2:]
        return resized(batch, geometry.sides(self.size, height, width, self.rule), self.keys, self.interpolation, self.antialias)


def resized(batch: Batch, size: tuple[int, int], keys: Sequence[str], interpolation: str = "bilinear", antialias: bool = True) -> Batch:
    """The batch at one size, targets and all."""
    height, width = batch[keys[0]].shape[-2:]
    move = Move(
        lambda x, how: geometry.resize(x, size, how, antialias),
        lambda p: p * torch.tensor([size[1] / width, size[0] / height], dtype=p.dtype, device=p.device),
        size,
    )
    return move(batch, keys, interpolation)


@dataclass(frozen=True)
class CenterCrop:
    """Cut ``size`` from the middle; a smaller picture raises, or with ``pad=True`` gets a border of ``fill``.

    Masks, boxes and points come along. Shapes: (B, C, H, W) -> (B, C, h, w).
    Use for validation on tensors, or after ``Resize(rule="short")``; instead of it, the codec's ``resize="crop"``. A random crop after it sees
    only the middle. Cost: a view.

    >>> CenterCrop(2)({"input": torch.arange(16.0).reshape(1, 1, 4, 4)}, Random(0, 0, torch.arange(1)))["input"][0, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    size: int | Sequence[int]
    pad: bool = False
    fill: float = 0.0
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", geometry.sides(self.size, 1, 1))
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        size: tuple[int, int] = self.size  # type: ignore[assignment]
        height, width = batch[self.keys[0]].shape[-2:]
        border = missing((height, width), size, self.pad)
        top, left = (round((n + border[i] + border[i + 1] - m) / 2) for n, m, i in ((height, size[0], 2), (width, size[1], 0)))

        def pixels(x: Tensor, how: str) -> Tensor:
            return geometry.pad(x, border, self.fill if how != "nearest" else 0)[:, :, top : top + size[0], left : left + size[1]]

        move = Move(pixels, lambda p: p + torch.tensor([border[0] - left, border[2] - top], dtype=p.dtype, device=p.device), size)
        return move(batch, self.keys)


def missing(have: tuple[int, int], want: tuple[int, int], allowed: bool) -> tuple[int, int, int, int]:
    """The (left, right, top, bottom) border that a picture of ``have`` (height, width) lacks for ``want``; raises ValueError unless ``allowed``."""
    down, right = max(0, want[0] - have[0]), max(0, want[1] - have[1])
    if (down or right) and not allowed:
        raise ValueError(f"A crop of {want[0]} x {want[1]} does not fit into a picture of {have[0]} x {have[1]}; resize first, or pass pad=True")
    return right // 2, right - right // 2, down // 2, down - down // 2


@dataclass(frozen=True)
class MultiScale:
    """One of several sizes for each batch, so that a network learns to see at every scale and no batch is ragged.

    The size follows from the numbers of the batch's records and the epoch. ``sizes`` are squares, or (height, width). Masks, boxes and points
    come along. Shapes: (B, C, H, W) -> (B, C, s, s). Raises ValueError for no sizes.
    Paper: Redmon and Farhadi, 2017, arXiv:1612.08242, section 2.
    Use when objects come in many sizes; instead of it, ``RandomResizedCrop``, which scales each record and keeps one size. Cost: one resize.

    >>> MultiScale((4, 8))({"input": torch.zeros(2, 3, 6, 6)}, Random(0, 0, torch.arange(2)))["input"].shape[-1] in (4, 8)
    True
    """

    sizes: Sequence[int | Sequence[int]] = (224, 256, 288, 320)
    interpolation: str = "bilinear"
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        if not self.sizes:
            raise ValueError("MultiScale got no sizes; expected such as (224, 256, 288)")
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "sizes", tuple(size if isinstance(size, int) else tuple(size) for size in self.sizes))
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        # one number for the batch out of one for each record; a sum is the same in any order
        drawn = int(hashed(int(random.bits().sum()))) % len(self.sizes)
        return resized(batch, geometry.sides(self.sizes[drawn], 1, 1), self.keys, self.interpolation)
