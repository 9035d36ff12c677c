"""How numbers go together."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, counted, measured, some
from weft.metrics.regression import aligned


def columns(output: Tensor, target: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    """Outputs and targets as (N, K) columns in float64; masks of whole rows."""
    if keep is not None and keep.ndim > 1:
        raise ValueError(f"A correlation takes a mask of whole rows (B,); got {tuple(keep.shape)}.")
    guess, right = aligned(output, target, keep)
    return guess.reshape(len(guess), math.prod(guess.shape[1:])), right.reshape(len(right), math.prod(right.shape[1:]))


def moments(first: Float[Tensor, "n k"], second: Float[Tensor, "n k"]) -> dict[str, Tensor]:
    """Count, means (2, K) and sums of products about the means (2, 2, K) of two columns.

    >>> moments(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]]))["products"].flatten().tolist()
    [2.0, 4.0, 4.0, 8.0]
    """
    both = torch.stack([first, second])
    mean = both.mean(1) if len(first) else both.new_zeros(2, both.shape[2])
    apart = both - mean[:, None]
    return {"count": counted(len(first), first), "mean": mean, "products": torch.einsum("ink,jnk->ijk", apart, apart)}


class Moments(Metric):
    """What the metrics of variances share: moments about the mean, merged without the cancellation of plain sums of squares."""

    differentiable = True

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return moments(*columns(output, target, keep))

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        theirs = {key: value.to(mine[key].device) for key, value in theirs.items()}
        count = mine["count"] + theirs["count"]
        share = theirs["count"] / count.clamp(min=1)
        apart = theirs["mean"] - mine["mean"]
        between = apart[:, None] * apart[None] * mine["count"] * share
        return {"count": count, "mean": mine["mean"] + apart * share, "products": mine["products"] + theirs["products"] + between}


def correlation(products: Float[Tensor, "2 2 k"]) -> Float[Tensor, ""]:
    """The mean over columns of xy / sqrt(xx yy); NaN where a column is constant."""
    spread = (products[0, 0] * products[1, 1]).sqrt()
    return (products[0, 1] / torch.where(spread == 0, torch.nan, spread)).clamp(-1, 1).mean()


def pearson(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> float:
    """The correlation of outputs and targets; see ``Pearson``.

    >>> round(pearson(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 4.0])), 4)
    0.982
    """
    return float(measured(Pearson(), output, target, mask))


class Pearson(Moments):
    """Pearson's correlation: how nearly targets lie on a rising line over the outputs: sum (f - mean f)(y - mean y) / sqrt(their squares).

    Several columns (B, K) are averaged. A constant column, or fewer than two items, gives NaN with a warning.

    Shapes: prediction output and target (B,) or (B, K); masks of whole rows.
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any item.
    Use when scale and offset do not matter; instead of it, ``R2`` when they do, ``Spearman`` when only the order does.

    >>> metric = Pearson()
    >>> metric.update({"output": torch.tensor([1.0, 2.0, 3.0])}, {"target": torch.tensor([30.0, 20.0, 10.0])})
    >>> metric.compute()
    -1.0
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        some(totals, self)
        return correlation(totals["products"])


def explained_variance(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> float:
    """The share of the target's variance that is not left in the errors; see ``ExplainedVariance``.

    >>> explained_variance(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([6.0, 7.0, 8.0]))
    1.0
    """
    return float(measured(ExplainedVariance(), output, target, mask))


class ExplainedVariance(Moments):
    """1 - Var(y - f) / Var(y): as ``R2``, but an error that is the same everywhere costs nothing.

    Several columns (B, K) are averaged. A constant target gives 1 if its error is constant too, else 0; fewer than two items give NaN.

    Shapes: prediction output and target (B,) or (B, K); masks of whole rows.
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any item.
    Use when an offset is corrected elsewhere; where it lies above ``R2`` the model is biased.

    >>> metric = ExplainedVariance()
    >>> metric.update({"output": torch.tensor([1.0, 2.0])}, {"target": torch.tensor([2.0, 3.0])})
    >>> metric.compute()
    1.0
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        guess, right = columns(output, target, keep)
        return moments(right - guess, right)

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if some(totals, self) < 2:
            return torch.full_like(totals["count"], torch.nan)
        left, spread = totals["products"][0, 0], totals["products"][1, 1]
        constant = torch.where(left == 0, 1.0, 0.0).to(spread.dtype)
        return torch.where(spread == 0, constant, 1 - left / torch.where(spread == 0, 1, spread)).mean()


def ranks(values: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """The place of each value in its column, from 1; equal values share the mean of their places.

    >>> ranks(torch.tensor([[3.0], [1.0], [3.0]])).flatten().tolist()
    [2.5, 1.0, 2.5]
    """
    found = torch.empty_like(values)
    for k in range(values.shape[1]):
        _, group, size = values[:, k].unique(return_inverse=True, return_counts=True)
        size = size.to(values.dtype)
        found[:, k] = (size.cumsum(0) - (size - 1) / 2)[group]
    return found


def spearman(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> float:
    """The correlation of the ranks of outputs and targets; see ``Spearman``.

    >>> spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 8.0, 27.0]))
    1.0
    """
    return float(measured(Spearman(), output, target, mask))


class Spearman(Metric):
    """Spearman's correlation: Pearson's of the ranks, so that any rising curve gives 1; equal values share their mean rank.

    Several columns (B, K) are averaged. A constant column, a NaN, or fewer than two items, gives NaN with a warning.

    Shapes: prediction output and target (B,) or (B, K); masks of whole rows.
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any item.
    Use when only the order counts, or outliers would rule ``Pearson``. Cost: keeps every number; O(N log N) at the end.

    >>> metric = Spearman()
    >>> metric.update({"output": torch.tensor([1.0, 2.0, 3.0])}, {"target": torch.tensor([3.0, 2.0, 1.0])})
    >>> metric.compute()
    -1.0
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return {"both": torch.stack(columns(output, target, keep), dim=1)}

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"both": torch.cat([mine["both"], theirs["both"].to(mine["both"].device)])}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        both = totals["both"]
        if len(both) == 0:
            raise ValueError("Spearman has seen only masked items, so there is nothing to compute.")
        if both.isnan().any():
            return torch.full((), torch.nan, dtype=both.dtype, device=both.device)
        return correlation(moments(ranks(both[:, 0]), ranks(both[:, 1]))["products"])
