"""Bring channels to a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class Normalize:
    """(input - mean) / std per channel, axis 1.

    Shapes: (B, C, ...) float. Raises ValueError when the numbers are not one per channel.
    Use when raw tensors come without a codec (validation data needs the same); instead of it, ``ImageCodec``, which normalises everywhere.

    >>> Normalize((1.0,), (2.0,))({"input": torch.ones(1, 1, 2)}, Random(0, 0, torch.tensor([0])))["input"].tolist()
    [[[0.0, 0.0]]]
    """

    mean: Sequence[float]
    std: Sequence[float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if len(self.mean) != len(self.std) or min(self.std, default=0) <= 0:
            raise ValueError(f"mean={self.mean}, std={self.std}; expected equally many numbers and positive deviations")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if x.ndim < 2 or x.shape[1] != len(self.mean):
            raise ValueError(f"Normalize has {len(self.mean)} channels; input has shape {tuple(x.shape)}, channels on axis 1")
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return batch | {"input": (x - torch.tensor(self.mean).reshape(shape)) / torch.tensor(self.std).reshape(shape)}
