"""Records of similar length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from weft.data.keyed import hashed, shuffled
from weft.data.loading.fingerprint import fingerprint


@dataclass(frozen=True, eq=False)
class Buckets:
    """Batches of records of similar length: shuffled, sorted by length within windows of ``window`` batches, the batches shuffled again.

    Every record once an epoch, other batches every epoch. ``lengths`` holds one whole number a record, from wherever it is cheap: nothing is
    loaded for it. ``window=None`` sorts the whole epoch: least padding, and only records of equal length change places.
    Errors: ``ValueError`` for lengths that are negative or fewer than the records.
    Use when records differ in length and are padded to the longest of their batch; instead of it, ``TokenBudget`` when memory shall be
    even too. Cost: one sort an epoch.

    >>> plan = Buckets([1, 9, 2, 8], batch_size=2)
    >>> sorted(sorted(batch.tolist()) for batch in plan.batches(4, seed=0, epoch=0))
    [[0, 2], [1, 3]]
    """

    lengths: Sequence[int] | Tensor
    batch_size: int = 32
    window: int | None = 100
    drop_last: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", checked(self.lengths))
        if self.batch_size < 1 or (self.window is not None and self.window < 1):
            raise ValueError(f"batch_size={self.batch_size}, window={self.window}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        order = sorted_in_windows(self.lengths, size, None if self.window is None else self.window * self.batch_size, seed, epoch)
        parts = list(order.split(self.batch_size))
        if self.drop_last and len(parts[-1]) < self.batch_size:
            parts.pop()
        return [parts[i] for i in hashed(seed, epoch, len(parts), torch.arange(len(parts))).argsort(stable=True).tolist()]

    def describe(self) -> dict[str, Any]:
        return {"lengths": fingerprint(self.lengths), "batch_size": self.batch_size, "window": self.window, "drop_last": self.drop_last}


@dataclass(frozen=True, eq=False)
class TokenBudget:
    """Batches of records of similar length whose padded size stays within a budget: records x longest <= ``max_tokens``.

    Every record once an epoch. ``multiple_of`` rounds lengths up before they are counted, as padding to a multiple will; ``max_records``
    bounds the number of records in a batch. Sorting and shuffling as in ``Buckets``; ``window`` counts records.
    Errors: ``ValueError`` for a record that alone exceeds the budget (named), and for lengths as in ``Buckets``.
    Use when lengths vary a lot (translation, speech): every batch costs about the same. Cost: one sort an epoch.

    >>> plan = TokenBudget([5, 5, 2, 2, 2], max_tokens=10)
    >>> sorted(sorted(batch.tolist()) for batch in plan.batches(5, seed=0, epoch=0))
    [[0, 1], [2, 3, 4]]
    """

    lengths: Sequence[int] | Tensor
    max_tokens: int
    max_records: int | None = None
    multiple_of: int = 1
    window: int | None = 10_000

    def __post_init__(self) -> None:
        lengths = checked(self.lengths)
        if self.multiple_of < 1 or (self.window is not None and self.window < 1) or (self.max_records is not None and self.max_records < 1):
            raise ValueError(f"multiple_of={self.multiple_of}, window={self.window}, max_records={self.max_records}; expected at least 1")
        lengths = ((lengths + self.multiple_of - 1) // self.multiple_of * self.multiple_of).clamp(min=self.multiple_of)
        object.__setattr__(self, "lengths", lengths)
        too_long = (lengths > self.max_tokens).nonzero().flatten().tolist()
        if too_long:
            raise ValueError(
                f"Record {too_long[0]} takes {int(lengths[too_long[0]])} tokens, and {len(too_long)} records in all more than"
                f" max_tokens={self.max_tokens}; cut them, leave them out, or raise the budget"
            )

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        order = sorted_in_windows(self.lengths, size, self.window, seed, epoch)
        parts = order.split(cuts(self.lengths[order], self.max_tokens, self.max_records or size))  # type: ignore[index]
        return [parts[i] for i in hashed(seed, epoch, len(parts), torch.arange(len(parts))).argsort(stable=True).tolist()]

    def describe(self) -> dict[str, Any]:
        return {
            "lengths": fingerprint(self.lengths), "max_tokens": self.max_tokens, "max_records": self.max_records,
            "multiple_of": self.multiple_of, "window": self.window,
        }  # fmt: skip


def checked(lengths: Sequence[int] | Tensor) -> Int[Tensor, " n"]:
    """Lengths as whole numbers, none negative."""
    found = torch.as_tensor(lengths)
    if found.ndim != 1 or found.is_floating_point() or (len(found) and int(found.min()) < 0):
        raise ValueError(f"Lengths are whole numbers from 0 on, one for each record; got {found.dtype} of shape {tuple(found.shape)}")
    return found.long()


def sorted_in_windows(lengths: Any, size: int, window: int | None, seed: int, epoch: int) -> Int[Tensor, " n"]:
    """All record numbers, shuffled, then sorted by length within windows; records of equal length stay shuffled."""
    if len(lengths) != size:
        raise ValueError(f"{len(lengths)} lengths for {size} records; give one for each")
    order = shuffled(size, seed, epoch)
    place = torch.arange(size) // (window or max(1, size))
    # windows alternate between rising and falling lengths, so that a batch that lies across two of them stays even
    length = lengths[order] * torch.where(place % 2 == 0, 1, -1)
    order = order[length.argsort(stable=True)]
    at = torch.empty(size, dtype=torch.int64)
    at[shuffled(size, seed, epoch)] = place
    return order[at[order].argsort(stable=True)]


def cuts(lengths: Int[Tensor, " n"], max_tokens: int, max_records: int) -> list[int]:
    """Sizes of consecutive batches, each as large as the budget allows; one step of Python a batch, none a record."""
    sizes, start = [], 0
    most = min(max_records, max_tokens // int(lengths.min())) if len(lengths) else 0
    while start < len(lengths):
        longest = lengths[start : start + most].cummax(0).values
        fits = longest * torch.arange(1, len(longest) + 1) <= max_tokens  # true, then false: the padded size only grows
        sizes.append(int(fits.sum()))
        start += sizes[-1]
    return sizes
