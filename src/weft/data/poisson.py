"""Poisson sampling: each record joins each batch by its own coin, as the privacy analysis of DP-SGD assumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Codec, Source, Transform
from weft.data.keyed import hashed, shift
from weft.data.stream import Stream


class PoissonLoader(Stream):
    """Batches in which every record is present independently with probability q = expected_batch_size / len(source).

    Batches vary in size and may be empty (tensors of first size 0). An epoch has round(1 / q) batches. The loss must be divided by
    ``expected_batch_size``, not by the size that came. ``sample_rate`` is q, for the accountant.

    Paper: Abadi et al., 2016, arXiv:1607.00133; Mironov et al., 2019, arXiv:1908.10530.
    Use when training with DP-SGD, whose accountant assumes it; instead of it, ``Loader`` for everything else. Cost: one hash per record
    and batch.

    >>> from weft.data import Arrays
    >>> loader = PoissonLoader(Arrays({"input": torch.arange(100.0)}), expected_batch_size=10)
    >>> len(loader), loader.sample_rate, len({len(batch["index"]) for batch in loader}) > 1
    (10, 0.1, True)
    """

    def __init__(
        self,
        source: Source,
        codec: Codec | None = None,
        expected_batch_size: float = 32,
        *,
        seed: int = 0,
        transforms: Sequence[Transform] = (),
        workers: int = 0,
    ) -> None:
        super().__init__(source, codec, transforms, seed, workers)
        if not 0 < expected_batch_size <= len(source):
            raise ValueError(f"expected_batch_size={expected_batch_size}; expected more than 0 and at most the {len(source)} records")
        self.expected_batch_size = expected_batch_size
        self.sample_rate = expected_batch_size / len(source)

    def __len__(self) -> int:
        return max(1, round(1 / self.sample_rate))

    def batches(self, epoch: int, start: int) -> Iterator[Tensor]:
        records = torch.arange(len(self.source))
        threshold = round(self.sample_rate * 2**53)
        for number in range(start, len(self)):
            coins = shift(hashed(self.seed, epoch, number, records), 11)
            yield (coins < threshold).nonzero()[:, 0]

    def plan(self) -> dict[str, Any]:
        return {"records": len(self.source), "expected_batch_size": self.expected_batch_size, "seed": self.seed, "sampling": "poisson"}
