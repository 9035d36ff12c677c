"""Turn, scale, shear, shift, tilt and bend pictures a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import geometry
from weft.data.transforms.targets import Move


@dataclass(frozen=True)
class RandomAffine:
    """Turn by up to ``degrees``, scale by 1 +- ``scale``, shear by up to ``shear`` and shift by up to ``shift`` of the size, all uniformly.

    x(p) <- x(R S p + d), read by ``interpolation``, ``fill`` outside; the same for all ``keys`` of a record, and masks, boxes and points come along.
    Shapes: (B, C, H, W) -> (B, C, H, W). ``shear`` is the tangent of the angle.
    Errors: ``ValueError`` for a negative range, or a scale of 1 and more, which would turn pictures inside out.
    Paper: Simard et al., 2003, doi:10.1109/ICDAR.2003.1227801.
    Use when handwriting or objects may be tilted (a rotation alone: the other ranges 0); instead of it, ``RandomCrop`` for whole pixels alone.
    Cost: one interpolation.

    >>> x = torch.rand(2, 1, 8, 8)
    >>> same = RandomAffine(degrees=0, scale=0, shear=0, shift=0)({"input": x}, Random(0, 0, torch.arange(2)))
    >>> torch.allclose(same["input"], x, atol=1e-6)
    True
    """

    degrees: float = 10.0
    scale: float = 0.1
    shear: float = 0.1
    shift: float = 0.1
    keys: Sequence[str] = ("input",)
    interpolation: str = "bilinear"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if min(self.degrees, self.scale, self.shear, self.shift) < 0 or self.scale >= 1:
            raise ValueError(
                f"RandomAffine(degrees={self.degrees}, scale={self.scale}, shear={self.shear}, shift={self.shift}): ranges from 0 on, scale below 1."
            )
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch[self.keys[0]]
        if not len(x):
            return batch
        turn, scale, shear, right, down = (2 * random.uniform(5) - 1).to(x.device).unbind(1)
        angle = turn * (self.degrees * torch.pi / 180)
        cos, sin, size = angle.cos(), angle.sin(), 1 + self.scale * scale
        rows = [torch.stack([cos, self.shear * shear * cos - sin], 1), torch.stack([sin, self.shear * shear * sin + cos], 1)]
        matrix = torch.stack(rows, 1) * size[:, None, None]
        extent = torch.tensor([float(x.shape[-1]), float(x.shape[-2])], device=x.device)
        offset = self.shift * torch.stack([right, down], 1) * extent
        matrix = geometry.about(matrix, offset + extent / 2 - matrix @ (extent / 2))
        return mapped(matrix, x.shape[-2:], self.fill)(batch, self.keys, self.interpolation)


def mapped(matrix: torch.Tensor, size: torch.Size, fill: float) -> Move:
    """The move of a map from new places to old ones (B, 3, 3); points go the other way, and labels are filled with 0."""
    back = torch.linalg.inv(matrix)
    return Move(
        lambda x, how: geometry.warp(x, matrix, how, fill if how != "nearest" else 0.0),
        lambda p: geometry.through(p, back),
        (size[0], size[1]),
    )


@dataclass(frozen=True)
class RandomPerspective:
    """Look at pictures from the side: each corner moves inwards by up to ``distortion`` / 2 of the size, with some ``probability``.

    Masks, boxes (the upright box around the moved corners) and points come along. Shapes: (B, C, H, W) -> (B, C, H, W).
    Raises ValueError for a distortion outside 0 to 1, with which corners would meet.
    Use for signs, documents and walls that are seen at an angle; instead of it, ``RandomAffine``, where parallels stay parallel. Cost: a system
    of eight equations a record and one interpolation.

    >>> x = torch.rand(2, 1, 8, 8)
    >>> torch.allclose(RandomPerspective(distortion=0.0)({"input": x}, Random(0, 0, torch.arange(2)))["input"], x, atol=1e-5)
    True
    """

    distortion: float = 0.5
    probability: float = 0.5
    keys: Sequence[str] = ("input",)
    interpolation: str = "bilinear"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.distortion < 1 or not 0 <= self.probability <= 1:
            raise ValueError(f"distortion={self.distortion}, probability={self.probability}; expected numbers from 0 to 1, distortion below 1")
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch[self.keys[0]]
        chosen, inwards = random.chance(self.probability), random.uniform(4, 2) * self.distortion / 2
        if not len(x):
            return batch
        height, width = x.shape[-2:]
        corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        extent = torch.tensor([float(width), float(height)])
        moved = corners + inwards * (1 - 2 * corners) * chosen[:, None, None]
        matrix = geometry.perspective_map((corners * extent).expand_as(moved), moved * extent)
        return mapped(matrix.to(x.device), x.shape[-2:], self.fill)(batch, self.keys, self.interpolation)


@dataclass(frozen=True)
class RandomElastic:
    """Bend pictures like rubber: each place is read ``alpha`` pixels away at most, the directions smooth over ``smooth`` pixels.

    A uniform field in [-1, 1] is drawn on a grid of ``smooth`` pixels and interpolated by cubic splines. Masks come along; boxes and points move
    against the field at their place, which is exact to first order. Shapes: (B, C, H, W) -> (B, C, H, W).
    Paper: Simard et al., 2003, doi:10.1109/ICDAR.2003.1227801. Differs: the field is smooth by interpolation, not by a blur.
    Use for handwriting, cells and tissue; not for rigid things. Cost: two interpolations.

    >>> RandomElastic(alpha=1.0)({"input": torch.rand(2, 1, 16, 16)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 1, 16, 16])
    """

    alpha: float = 4.0
    smooth: int = 8
    keys: Sequence[str] = ("input",)
    interpolation: str = "bilinear"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if self.alpha < 0 or self.smooth < 1:
            raise ValueError(f"alpha={self.alpha}, smooth={self.smooth}; expected a distance from 0 on and at least one pixel")
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch[self.keys[0]]
        height, width = x.shape[-2:]
        coarse = 2 * random.uniform(2, height // self.smooth + 2, width // self.smooth + 2) - 1
        if not len(x):
            return batch
        field = F.interpolate(coarse.to(x.device), size=(height, width), mode="bicubic").clamp(-1, 1) * self.alpha  # (B, 2, H, W): x, y
        rows, columns = torch.arange(height, device=x.device) + 0.5, torch.arange(width, device=x.device) + 0.5
        places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2) + field.movedim(1, -1)

        def points(p: torch.Tensor) -> torch.Tensor:
            at = geometry.read(field, p[:, None].to(field.dtype))  # (B, 2, 1, P)
            return p - at[:, :, 0].mT.to(p.dtype)

        move = Move(lambda y, how: geometry.read(y, places, how, self.fill if how != "nearest" else 0.0), points, (height, width))
        return move(batch, self.keys, self.interpolation)
