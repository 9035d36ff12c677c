"""Turn, scale, shear and shift pictures a little."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class RandomAffine:
    """Turn by up to ``degrees``, scale by 1 +- ``scale``, shear by up to ``shear`` and shift by up to ``shift`` of the size, all uniformly.

    x(p) <- x(R S p + d), read by bilinear interpolation, zero outside; the same for all ``keys`` of a record.
    Shapes: (B, C, H, W) -> (B, C, H, W). ``shear`` is the tangent of the angle.
    Errors: ``ValueError`` for a negative range, or a scale of 1 and more, which would turn pictures inside out.
    Paper: Simard et al., 2003, doi:10.1109/ICDAR.2003.1227801.
    Use when handwriting or objects may be tilted; instead of it, ``RandomCrop`` for whole pixels alone. Cost: one interpolation.

    >>> x = torch.rand(2, 1, 8, 8)
    >>> same = RandomAffine(degrees=0, scale=0, shear=0, shift=0)({"input": x}, Random(0, 0, torch.arange(2)))
    >>> torch.allclose(same["input"], x, atol=1e-6)
    True
    """

    degrees: float = 10.0
    scale: float = 0.1
    shear: float = 0.1
    shift: float = 0.1
    keys: tuple[str, ...] = ("input",)

    def __post_init__(self) -> None:
        if min(self.degrees, self.scale, self.shear, self.shift) < 0 or self.scale >= 1:
            raise ValueError(
                f"RandomAffine(degrees={self.degrees}, scale={self.scale}, shear={self.shear}, shift={self.shift}): ranges from 0 on, scale below 1."
            )
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        if not len(batch[self.keys[0]]):
            return batch
        turn, scale, shear, right, down = (2 * random.uniform(5) - 1).unbind(1)
        angle = turn * (self.degrees * torch.pi / 180)
        # torch measures places from -1 to 1, so a shift by the whole size is 2.
        cos, sin, size = angle.cos(), angle.sin(), 1 + self.scale * scale
        rows = [torch.stack([cos, self.shear * shear * cos - sin], 1), torch.stack([sin, self.shear * shear * sin + cos], 1)]
        matrix = torch.stack(rows, 1) * size[:, None, None]
        offset = 2 * self.shift * torch.stack([right, down], 1)
        return batch | {key: _read(batch[key], torch.cat([matrix, offset[:, :, None]], 2)) for key in self.keys}


def _read(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[-2:]
    ratio = torch.tensor([[1.0, height / width], [width / height, 1.0]])  # a turn is one in pixels, not in places from -1 to 1
    matrix = torch.cat([matrix[:, :, :2] * ratio, matrix[:, :, 2:]], 2)
    grid = F.affine_grid(matrix.to(x.dtype), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)
