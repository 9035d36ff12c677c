"""How far numbers are off."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, counted, kept, long_float, measured, some


def errors(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> Float[Tensor, " n"]:
    """output - target where the mask keeps it, flat and in float64; (B, 1) against (B,) is squeezed, nothing else.

    Errors: ``ValueError`` with both shapes when they differ.

    >>> errors(torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 2.0]))
    tensor([1., 0.], dtype=torch.float64)
    """
    guess, right = aligned(output, target, mask)
    return (guess - right).flatten()


def aligned(output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Outputs and targets of one shape, masked, in float64."""
    if output.ndim == target.ndim + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    if output.shape != target.shape:
        raise ValueError(f"Outputs of shape {tuple(output.shape)} do not fit targets of shape {tuple(target.shape)}; numbers need one shape.")
    return long_float(kept(output, mask)), long_float(kept(target, mask))


class MeanError(Metric):
    """What the means over numbers share: a measure of each error, summed and counted."""

    direction = "min"
    differentiable = True

    def measure(self, error: Tensor) -> Tensor:
        """What each error costs: its square, unless a metric says otherwise."""
        return error.square()

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        error = errors(output, target, keep)
        return {"total": self.measure(error).sum(), "count": long_float(torch.tensor(error.numel(), device=error.device))}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)


class MSE(MeanError):
    """Mean squared error over all numbers.

    Shapes: prediction output and target (B, ...).
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any number.
    Use when large errors cost more than their size; in the target's units, squared; instead of it, ``RMSE`` or ``MAE``.

    >>> metric = MSE()
    >>> metric.update({"output": torch.tensor([1.0, 3.0])}, {"target": torch.tensor([1.0, 1.0])})
    >>> metric.compute()
    2.0
    """


class RMSE(MeanError):
    """The square root of the mean squared error, in the target's units.

    Shapes: prediction output and target (B, ...).

    >>> metric = RMSE()
    >>> metric.update({"output": torch.tensor([2.0, 3.0])}, {"target": torch.tensor([0.0, 1.0])})
    >>> metric.compute()
    2.0
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return super().result(totals).sqrt()


class MAE(MeanError):
    """Mean absolute error, in the target's units.

    Shapes: prediction output and target (B, ...).

    >>> metric = MAE()
    >>> metric.update({"output": torch.tensor([2.0, 3.0])}, {"target": torch.tensor([0.0, 4.0])})
    >>> metric.compute()
    1.5
    """

    def measure(self, error: Tensor) -> Tensor:
        return error.abs()


def shares(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> Float[Tensor, " n"]:
    """Each error as a share of its target: |f - y| / |y|, the target at least float64's epsilon (a target of 0 gives a huge, finite share).

    >>> shares(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 3.0]))
    tensor([0.5000, 0.0000], dtype=torch.float64)
    """
    guess, right = aligned(output, target, mask)
    return ((guess - right).abs() / right.abs().clamp(min=torch.finfo(torch.float64).eps)).flatten()


def even_shares(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> Float[Tensor, " n"]:
    """Each error as a share of the mean of both sizes: 2 |f - y| / (|f| + |y|), in [0, 2]; 0 where both are 0.

    >>> even_shares(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0]))
    tensor([1., 0.], dtype=torch.float64)
    """
    guess, right = aligned(output, target, mask)
    size = guess.abs() + right.abs()
    return (2 * (guess - right).abs() / torch.where(size == 0, 1, size)).flatten()


class MAPE(MeanError):
    """Mean absolute percentage error, as a share: mean |f - y| / |y|; 0.1 is ten per cent.

    Shapes: prediction output and target (B, ...).
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any number.
    Use when targets are of unlike sizes and far from 0 (a target of 0 makes it huge); instead of it, ``SMAPE`` near 0.

    >>> metric = MAPE()
    >>> metric.update({"output": torch.tensor([1.0, 3.0])}, {"target": torch.tensor([2.0, 3.0])})
    >>> metric.compute()
    0.25
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        share = shares(output, target, keep)
        return {"total": share.sum(), "count": counted(len(share), share)}


class SMAPE(MeanError):
    """Symmetric mean absolute percentage error, as a share in [0, 2]: mean 2 |f - y| / (|f| + |y|), 0 where both are 0.

    Shapes: prediction output and target (B, ...).
    Errors: ``ValueError`` with both shapes when they differ, and for compute without any number.
    Use when targets may be 0; it forgives too much more than too little.

    >>> metric = SMAPE()
    >>> metric.update({"output": torch.tensor([1.0, 3.0])}, {"target": torch.tensor([3.0, 3.0])})
    >>> metric.compute()
    0.5
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        share = even_shares(output, target, keep)
        return {"total": share.sum(), "count": counted(len(share), share)}


def r2(output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None) -> float:
    """The share of the target's variance that the outputs explain: 1 - sum (y - f)^2 / sum (y - mean y)^2; see ``R2``.

    >>> round(r2(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 4.0])), 4)
    0.7857
    """
    metric = R2()
    metric.merge(metric.observe(output, target, mask))
    return float(metric.compute())


class R2(Metric):
    """The share of the target's variance that the outputs explain: 1 - sum (y - f)^2 / sum (y - mean y)^2.

    1 is perfect, 0 as good as the mean, negative worse. Several columns (B, K) are averaged. A constant column gives 1 if it is met
    exactly, else 0; fewer than two items give NaN.

    Shapes: prediction output and target (B,) or (B, K); masks of whole rows.
    Errors: ``ValueError`` with both shapes when they differ.
    Use when the target's units say nothing to the reader.

    >>> metric = R2()
    >>> metric.update({"output": torch.tensor([1.0, 2.0])}, {"target": torch.tensor([1.0, 2.0])})
    >>> metric.compute()
    1.0
    """

    differentiable = True

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        if keep is not None and keep.ndim > 1:
            raise ValueError(f"R2 takes a mask of whole rows (B,); got {tuple(keep.shape)}.")
        guess, right = aligned(output, target, keep)
        guess, right = guess.reshape(len(guess), math.prod(guess.shape[1:])), right.reshape(len(right), math.prod(right.shape[1:]))
        mean = right.mean(0) if len(right) else right.new_zeros(right.shape[1])
        count = long_float(torch.tensor(len(right), device=right.device))
        return {"count": count, "mean": mean, "spread": (right - mean).square().sum(0), "missed": (right - guess).square().sum(0)}

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        # Chan's update: sums of squares about the common mean, without the cancellation of sum y^2 - (sum y)^2 / n.
        theirs = {key: value.to(mine[key].device) for key, value in theirs.items()}
        count = mine["count"] + theirs["count"]
        share = theirs["count"] / count.clamp(min=1)
        apart = theirs["mean"] - mine["mean"]
        return {
            "count": count,
            "mean": mine["mean"] + apart * share,
            "spread": mine["spread"] + theirs["spread"] + apart.square() * mine["count"] * share,
            "missed": mine["missed"] + theirs["missed"],
        }

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if totals["count"] < 2:
            return torch.full_like(totals["count"], torch.nan)
        spread, missed = totals["spread"], totals["missed"]
        constant = torch.where(missed == 0, 1.0, 0.0).to(spread.dtype)
        return torch.where(spread == 0, constant, 1 - missed / torch.where(spread == 0, 1, spread)).mean()


def adjusted_r2(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None, *, features: int
) -> float:
    """R2 with the degrees of freedom of ``features`` inputs taken off; see ``AdjustedR2``.

    >>> round(adjusted_r2(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 4.0]), features=1), 4)
    0.5714
    """
    return float(measured(AdjustedR2(features), output, target, mask))


class AdjustedR2(R2):
    """R2 with the degrees of freedom of ``features`` inputs taken off: 1 - (1 - R2)(n - 1) / (n - features - 1).

    NaN, with a warning, where n <= features + 1. Otherwise as ``R2``.

    Shapes: prediction output and target (B,) or (B, K); masks of whole rows.
    Errors: ``ValueError`` for fewer than 0 features.
    Use when linear models with unlike numbers of inputs are compared on their own training data; instead of it, R2 on data kept apart.

    >>> metric = AdjustedR2(features=1)
    >>> metric.update({"output": torch.tensor([1.0, 2.0, 3.0])}, {"target": torch.tensor([1.0, 2.0, 3.0])})
    >>> metric.compute()
    1.0
    """

    def __init__(self, features: int, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        if features < 0:
            raise ValueError(f"AdjustedR2 wants the number of inputs of the model, at least 0; got {features}.")
        self.features = features

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        count = totals["count"]
        if count <= self.features + 1:
            return torch.full_like(count, torch.nan)
        return 1 - (1 - super().result(totals)) * (count - 1) / (count - self.features - 1)
