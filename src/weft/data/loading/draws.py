"""Records drawn at random, each as likely as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from weft.data.keyed import shuffled, uniform

DRAWS = 0xD4A  # keeps these numbers apart from those that order records


@dataclass(frozen=True)
class Draws:
    """``num_samples`` records an epoch (default: as many as there are), with replacement, or without: then a random part of them.

    Errors: ``ValueError`` for sizes below 1, and for more samples without replacement than records.
    Use for an epoch of fixed length over data that is very large or very small, or for a bootstrap (with replacement, about 37 of 100 records
    are missing in an epoch); instead of it, ``shuffle=True``, which shows each record once. Cost: none, or a sort.

    >>> [len(batch) for batch in Draws(4, num_samples=10).batches(3, seed=0, epoch=0)]
    [4, 4, 2]
    """

    batch_size: int = 32
    num_samples: int | None = None
    replacement: bool = True

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.num_samples is not None and self.num_samples < 1):
            raise ValueError(f"batch_size={self.batch_size}, num_samples={self.num_samples}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        count = size if self.num_samples is None else self.num_samples
        if self.replacement:
            return (uniform(count, seed, epoch, DRAWS) * size).long().clamp(max=size - 1).split(self.batch_size)
        if count > size:
            raise ValueError(f"{count} samples without replacement from {size} records; draw fewer, or with replacement")
        return shuffled(size, seed, epoch)[:count].split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "num_samples": self.num_samples, "replacement": self.replacement}


@dataclass(frozen=True)
class Blocks:
    """Every record once an epoch, chunk by chunk: chunks of ``block`` records in random order, the records of ``together`` chunks mixed.

    A batch then reaches into few chunks, so a file that is unpacked by chunks (HDF5, Zarr, row groups of Parquet: their ``block``) is read
    once an epoch, not once a batch. Errors: ``ValueError`` for sizes below 1.
    Use for chunked files larger than memory; instead of it, ``shuffle=True`` when records lie apart anyway, since neighbours in the file often
    stay in one batch here. Cost: a sort an epoch.

    >>> plan = Blocks(block=4, batch_size=2, together=1)
    >>> [sorted(set((batch // 4).tolist())) for batch in plan.batches(8, seed=0, epoch=0)]
    [[1], [1], [0], [0]]
    """

    block: int
    batch_size: int = 32
    together: int = 4

    def __post_init__(self) -> None:
        if min(self.block, self.batch_size, self.together) < 1:
            raise ValueError(f"block={self.block}, batch_size={self.batch_size}, together={self.together}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        order, chunks = shuffled(size, seed, epoch), -(-size // self.block)
        turn = shuffled(chunks, seed + 1, epoch).argsort()  # the place of each chunk
        group = turn[order // self.block] // self.together
        return order[group.argsort(stable=True)].split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        return {"block": self.block, "batch_size": self.batch_size, "together": self.together}
