"""Disturb inputs: Gaussian noise and erased rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms.mix import rectangle


@dataclass(frozen=True)
class Noise:
    """Add normal noise of standard deviation ``std`` to every number of ``input``.

    Shapes: (B, ...) float. Paper: Bishop, 1995, doi:10.1162/neco.1995.7.1.108.
    Use when inputs are measured with error; cost: one normal number per entry.

    >>> import torch
    >>> Noise(std=0.1)({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))["input"].abs().max() < 1
    tensor(True)
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        if self.std <= 0:
            raise ValueError(f"std={self.std}; expected a positive number")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if not x.is_floating_point():
            raise ValueError(f"Noise is added to numbers; input has type {x.dtype}")
        return batch | {"input": x + self.std * random.normal(*x.shape[1:]).to(x.dtype)}


@dataclass(frozen=True)
class RandomErasing:
    """Set a random rectangle of a picture to ``fill`` with some probability; ``area`` bounds its share of the picture.

    Shapes: (B, C, H, W). Paper: Zhong et al., 2020, arXiv:1708.04896. Differs: the rectangle has the picture's proportions and is clipped at
    its border.
    Use when objects may be partly hidden; cost: one pass over the batch.

    >>> import torch
    >>> x = torch.ones(1, 1, 8, 8)
    >>> 0 < RandomErasing(probability=1.0)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].sum().item() < 64
    True
    """

    probability: float = 0.25
    area: Sequence[float] = (0.02, 0.33)
    fill: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.area
        if not 0 <= self.probability <= 1 or not 0 < low <= high <= 1:
            raise ValueError(f"probability={self.probability}, area={self.area}; expected shares from 0 to 1, the lower first")
        object.__setattr__(self, "area", (low, high))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        low, high = self.area
        erased = random.chance(self.probability)
        side = (low + (high - low) * random.uniform()).sqrt()
        inside = rectangle(random.uniform(2), side, x.shape[-2:]) & erased[:, None, None]
        return batch | {"input": x.masked_fill(inside[:, None], self.fill)}
