"""Mirror pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class RandomFlip:
    """Reverse an axis with some probability, the same for all ``keys`` of a record (a picture and its mask).

    Shapes: (B, ...) -> (B, ...); ``axis`` -1 mirrors left and right, -2 top and bottom.
    Use when a mirrored picture keeps its meaning; not for digits and letters. Cost: one copy.

    >>> x = torch.tensor([[1.0, 2.0]])
    >>> RandomFlip(probability=1.0)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].tolist()
    [[2.0, 1.0]]
    """

    probability: float = 0.5
    axis: int = -1
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability={self.probability}; expected a number from 0 to 1")
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        flipped = random.chance(self.probability)
        return batch | {k: torch.where(flipped.reshape(-1, *(1,) * (batch[k].ndim - 1)), batch[k].flip(self.axis), batch[k]) for k in self.keys}
