"""Shares of a batch that cost alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.data.contracts import Plan
from weft.data.loading.fingerprint import fingerprint


@dataclass(frozen=True, eq=False)
class Levelled:
    """The batches of another plan, each in an order in which the shares of ``ranks`` ranks cost alike.

    A rank takes every ranks-th record of a batch. The records are dealt out from the dearest to the cheapest, row by row, the dearest of a row to
    the rank that has least so far, so that shares differ in cost by no more than the dearest record does from the cheapest. Which records are in
    a batch stays, and so do gradients. ``costs`` is one number a record, such as its length.
    Errors: ``ValueError`` for costs that are not finite or fewer than the records, or fewer than one rank.
    Use when ranks wait for the one with the longest texts; instead of it, ``Buckets`` or ``TokenBudget`` alone, whose batches are alike already.
    Cost: a sort a batch.

    >>> from weft.data.loading import Draws
    >>> plan = Levelled(Draws(4, replacement=False), [1, 9, 10, 2], ranks=2)
    >>> (batch,) = plan.batches(4, seed=0, epoch=0)
    >>> [sorted(batch[rank::2].tolist()) for rank in range(2)]
    [[0, 2], [1, 3]]
    """

    plan: Plan
    costs: Sequence[float] | Tensor
    ranks: int

    def __post_init__(self) -> None:
        costs = torch.as_tensor(self.costs, dtype=torch.float64)
        if costs.ndim != 1 or not bool(torch.isfinite(costs).all()) or self.ranks < 1:
            raise ValueError(f"Costs are one finite number a record and ranks at least 1; got shape {tuple(costs.shape)} and ranks={self.ranks}")
        object.__setattr__(self, "costs", costs)

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        costs: Any = self.costs
        if len(costs) != size:
            raise ValueError(f"{len(costs)} costs for {size} records; give one for each")
        return [batch[dealt(costs[batch], self.ranks)] for batch in self.plan.batches(size, seed, epoch)]

    def describe(self) -> dict[str, Any]:
        return {"costs": fingerprint(self.costs), "ranks": self.ranks, "plan": type(self.plan).__name__, **self.plan.describe()}


def dealt(costs: Float[Tensor, " n"], ranks: int) -> Int[Tensor, " n"]:
    """An order in which every ranks-th place, from each rank on, has its fair share of the cost."""
    order = costs.argsort(descending=True, stable=True)
    whole, priced = len(order) // ranks * ranks, costs[order].tolist()
    sums, rows = [0.0] * ranks, []
    for start in range(0, whole, ranks):  # the dearest of the row to whoever has least so far
        row = [0] * ranks
        for place, rank in enumerate(sorted(range(ranks), key=sums.__getitem__), start):
            row[rank], sums[rank] = place, sums[rank] + priced[place]
        rows.append(row)
    few = sorted(range(ranks), key=sums.__getitem__)  # the cheapest records are over: the ranks that have least come first and get them
    places = [row[rank] for row in rows for rank in few] + list(range(whole, len(order)))
    return order[torch.tensor(places, dtype=torch.int64)]
