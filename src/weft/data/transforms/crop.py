"""Random parts of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import geometry
from weft.data.transforms.resize import missing
from weft.data.transforms.targets import Move


@dataclass(frozen=True)
class RandomCrop:
    """Pad every side by ``padding`` pixels and cut ``size`` (default: the original one) at a random place, the same for all ``keys`` of a record.

    ``fill`` is the value around the picture (0 is the mean colour of normalised input); ``mode`` "reflect" mirrors the border instead. A picture
    smaller than ``size`` raises, or with ``pad=True`` gets a border. Masks, boxes and points come along.
    Shapes: (B, C, H, W) -> (B, C, h, w).
    Paper: He et al., 2016, arXiv:1512.03385, section 4.2.
    Use when small shifts keep the meaning; cost: one gather.

    >>> RandomCrop(padding=1)({"input": torch.ones(2, 1, 4, 4)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 1, 4, 4])
    """

    padding: int = 4
    fill: float = 0.0
    mode: str = "constant"
    keys: Sequence[str] = ("input",)
    size: int | Sequence[int] | None = None
    pad: bool = False

    def __post_init__(self) -> None:
        if self.padding < (1 if self.size is None else 0):
            raise ValueError(f"padding={self.padding}; expected at least 1 pixel, else nothing moves")
        if self.mode not in ("constant", "reflect"):
            raise ValueError(f"mode={self.mode!r}; expected 'constant' or 'reflect'")
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "size", None if self.size is None else geometry.sides(self.size, 1, 1))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch[self.keys[0]]
        height, width = x.shape[-2:]
        size: tuple[int, int] = (height, width) if self.size is None else self.size  # type: ignore[assignment]
        have = (height + 2 * self.padding, width + 2 * self.padding)
        border = tuple(side + self.padding for side in missing(have, size, self.pad))
        free = torch.tensor([height + border[2] + border[3] - size[0], width + border[0] + border[1] - size[1]])
        if int(free.max()) == int(free.min()):
            offset = random.integers(0, int(free[0]) + 1, 2)
        else:
            offset = (random.uniform(2) * (free + 1)).long()
        top, left = offset.to(x.device).unbind(1)

        def pixels(y: Tensor, how: str) -> Tensor:
            return geometry.cut(geometry.pad(y, border, self.fill if how != "nearest" else 0, self.mode), top, left, size)

        corner = torch.stack([border[0] - left, border[2] - top], 1)
        return Move(pixels, lambda p: p + corner[:, None].to(p.dtype), size)(batch, self.keys)


@dataclass(frozen=True)
class RandomResizedCrop:
    """Cut a rectangle of random area and proportions from each picture and bring it to ``size``, anti-aliased.

    The area is uniform in ``scale`` times the picture's, the ratio of width to height log-uniform in ``ratio``, kept where it fits into the
    picture; the place is uniform. Masks, boxes and points come along. Shapes: (B, C, H, W) -> (B, C, h, w).
    Raises ValueError for ranges that are not positive or not in order.
    Paper: Szegedy et al., 2015, arXiv:1409.4842. Differs: proportions are drawn among those that fit, without trying ten times.
    Use to train classifiers of photographs; instead of it, ``RawResizedCrop`` when the originals are larger than what the codec gives, since
    cutting before resizing keeps detail. Cost: two small matrix products a record.

    >>> RandomResizedCrop(4)({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 4, 4])
    """

    size: int | Sequence[int]
    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        check_rectangles(self.scale, self.ratio)
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "size", geometry.sides(self.size, 1, 1))
        for name in ("scale", "ratio", "keys"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, size = batch[self.keys[0]], self.size
        corner, extent = (value.to(x.device) for value in rectangles(random, x.shape[-2:], self.scale, self.ratio))
        zoom = torch.tensor(size, device=x.device) / extent  # type: ignore[arg-type]
        move = Move(
            lambda y, how: geometry.resized_crop(y, corner, extent, size, how),  # type: ignore[arg-type]
            lambda p: (p - corner.flip(1)[:, None].to(p.dtype)) * zoom.flip(1)[:, None].to(p.dtype),
            size,  # type: ignore[arg-type]
        )
        return move(batch, self.keys, self.interpolation)


def check_rectangles(scale: Sequence[float], ratio: Sequence[float]) -> None:
    """Raise ValueError for impossible ranges of area and proportions."""
    if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"scale={tuple(scale)}, ratio={tuple(ratio)}; expected shares of the area from 0 to 1 and positive ratios, the lower first")


def rectangles(
    random: Random, size: Sequence[int], scale: Sequence[float], ratio: Sequence[float]
) -> tuple[Float[Tensor, "b 2"], Float[Tensor, "b 2"]]:
    """Whole-pixel (top, left) and (height, width) of a random rectangle a record inside a picture of ``size``; ``ratio`` is width / height."""
    height, width = size
    draw = random.uniform(4).double()
    area = (scale[0] + (scale[1] - scale[0]) * draw[:, 0]) * height * width
    # a rectangle of this area fits when its ratio lies between area / H^2 and W^2 / area
    low, high = area.div(height**2).clamp(min=ratio[0]).log(), (width**2 / area).clamp(max=ratio[1]).log()
    low, high = low.minimum((width**2 / area).log()), high.maximum(area.div(height**2).log())
    proportion = (low + (high - low) * draw[:, 1]).exp()
    extent = torch.stack([(area / proportion).sqrt(), (area * proportion).sqrt()], 1).round()
    extent = extent.clamp(min=1).minimum(torch.tensor([float(height), float(width)]).double())
    corner = (draw[:, 2:] * (torch.tensor([height, width]) - extent + 1)).floor()
    return corner.float(), extent.float()


def rectangle(
    draw: Sequence[float], size: Sequence[int], scale: Sequence[float], ratio: Sequence[float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """One of ``rectangles`` by its four numbers in [0, 1): for one picture, plain numbers are thirty times as fast as tensors."""
    height, width = size
    area = (scale[0] + (scale[1] - scale[0]) * draw[0]) * height * width
    narrowest, widest = math.log(area / height**2), math.log(width**2 / area)
    low = min(max(narrowest, math.log(ratio[0])), widest)
    high = max(min(widest, math.log(ratio[1])), narrowest)
    proportion = math.exp(low + (high - low) * draw[1])
    tall, wide = (min(max(round(math.sqrt(value)), 1), most) for value, most in ((area / proportion, height), (area * proportion, width)))
    return (math.floor(draw[2] * (height - tall + 1)), math.floor(draw[3] * (width - wide + 1))), (tall, wide)
