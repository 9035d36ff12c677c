"""Batches of several sizes in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from weft.data.keyed import shuffled


@dataclass(frozen=True)
class Sizes:
    """Every record once an epoch in batches whose sizes go round: 10, 30, 10, 30, …; what is left makes the last batch.

    Errors: ``ValueError`` for no sizes or one below 1.
    Use when the size shall vary (progressive resizing, gradient noise); instead of it, a plain ``batch_size``. Cost: none.

    >>> [len(batch) for batch in Sizes((10, 30)).batches(100, seed=0, epoch=0)]
    [10, 30, 10, 30, 10, 10]
    """

    sizes: Sequence[int]
    shuffle: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if not self.sizes or min(self.sizes) < 1:
            raise ValueError(f"sizes={self.sizes}; expected at least one, each at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        order = shuffled(size, seed, epoch) if self.shuffle else torch.arange(size)
        parts, start = [], 0
        for count in cycle(self.sizes):
            if start >= size:
                return parts
            parts.append(order[start : start + count])
            start += count
        return parts

    def describe(self) -> dict[str, Any]:
        return {"sizes": list(self.sizes), "shuffle": self.shuffle}
