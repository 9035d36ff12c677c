"""Classes in fixed proportions: every batch alike, or every class equally often."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.keyed import hashed, shuffled
from weft.data.loading.fingerprint import fingerprint


@dataclass(frozen=True, eq=False)
class Stratified:
    """Every record once an epoch, each batch with the classes in the proportions of the whole, within one record a class.

    Records of a class are shuffled and dealt out evenly over the epoch: number j of n_c stands at (j + u) / n_c, u its class's own offset.
    Errors: ``ValueError`` for another number of labels than records.
    Use when batches must look like the data (small batches, rare classes); instead of it, ``Balanced`` to see all classes equally often.
    Cost: a sort an epoch.

    >>> plan = Stratified(["a", "a", "a", "a", "b", "b"], batch_size=3)
    >>> [sum(i >= 4 for i in batch.tolist()) for batch in plan.batches(6, seed=0, epoch=0)]
    [1, 1]
    """

    labels: Sequence[Hashable] | Tensor
    batch_size: int = 32

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", named(self.labels))
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        groups = grouped(self.labels, size)  # type: ignore[arg-type]
        order = shuffled(size, seed, epoch)
        rank = order.argsort()
        places = torch.empty(size, dtype=torch.float64)
        for rows in groups.values():
            places[rows] = (rank[rows].argsort().argsort().double() + 0.5) / len(rows)
        return evened(order[places[order].argsort(stable=True)], self.batch_size, seed, epoch)

    def describe(self) -> dict[str, Any]:
        return {"labels": fingerprint(self.labels), "batch_size": self.batch_size}


@dataclass(frozen=True, eq=False)
class Balanced:
    """Batches in which the classes occur equally often, their numbers differing by one at most.

    An epoch shows ``samples_per_class`` records of each class (default: as many as the largest class has, so that nothing of it is left
    out); smaller classes begin anew, shuffled, when they are through.
    Errors: ``ValueError`` for another number of labels than records, for fewer than one sample a class.
    Use when rare classes must be seen as often as common ones; instead of it, ``Stratified`` to keep the proportions. Cost: rare records
    repeat, so a model may learn them by heart.

    >>> plan = Balanced(["a", "a", "a", "b"], batch_size=2)
    >>> [sorted(i == 3 for i in batch.tolist()) for batch in plan.batches(4, seed=0, epoch=0)]
    [[False, True], [False, True], [False, True]]
    """

    labels: Sequence[Hashable] | Tensor
    batch_size: int = 32
    samples_per_class: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", named(self.labels))
        if self.batch_size < 1 or (self.samples_per_class is not None and self.samples_per_class < 1):
            raise ValueError(f"batch_size={self.batch_size}, samples_per_class={self.samples_per_class}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        groups = list(grouped(self.labels, size).values())  # type: ignore[arg-type]
        count = self.samples_per_class or max(map(len, groups))
        columns = []
        for number, rows in enumerate(groups):
            rounds = -(-count // len(rows))
            cycles = [rows[hashed(seed, epoch, number, turn, torch.arange(len(rows))).argsort(stable=True)] for turn in range(rounds)]
            columns.append(torch.cat(cycles)[:count])
        # class by class in turn: any stretch of this row holds equal numbers, within one; where a batch cuts, the classes' order has no say
        return torch.stack(columns, 1).flatten().split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        return {"labels": fingerprint(self.labels), "batch_size": self.batch_size, "samples_per_class": self.samples_per_class}


def named(labels: Sequence[Hashable] | Tensor) -> tuple[Hashable, ...]:
    """Labels as values that can be counted."""
    return tuple(labels.tolist() if isinstance(labels, Tensor) else labels)


def grouped(labels: Sequence[Hashable], size: int) -> dict[Hashable, Tensor]:
    """The record numbers of each class."""
    if len(labels) != size:
        raise ValueError(f"{len(labels)} labels for {size} records; give one for each")
    rows: dict[Hashable, list[int]] = {}
    for i, label in enumerate(labels):
        rows.setdefault(label, []).append(i)
    return {label: torch.tensor(found) for label, found in rows.items()}


def evened(order: Tensor, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor]:
    """Batches of a row in which every stretch is alike, themselves in random order, the short one last."""
    parts = order.split(batch_size)
    whole = [part for part in parts if len(part) == batch_size]
    mixed = [whole[i] for i in hashed(seed, epoch, len(whole), torch.arange(len(whole))).argsort(stable=True).tolist()]
    return [*mixed, *(part for part in parts if len(part) < batch_size)]
