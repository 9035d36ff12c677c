"""Metrics of one's own: from a function, and from other metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from weft.metrics.metric import Metric, counted, kept, long_float, some

DIRECTIONS = ("min", "max")


def checked(direction: str) -> str:
    """The direction, if it is one."""
    if direction not in DIRECTIONS:
        raise ValueError(f"A metric's direction is 'min' (lower is better) or 'max'; got {direction!r}.")
    return direction


class MeanOf(Metric):
    """The mean over items of any function (output, target) -> one value an item: a loss of weft's, or one's own.

    Values are summed and counted, never averaged by batch, so that batches of unlike size do no harm. ``differentiable=True`` says that
    the function has a gradient; then it can be trained by as it is.

    Shapes: what the function takes; it gives (B,), or (B, ...) to count each value.
    Errors: ``ValueError`` for an unknown direction, for a function that reduces over the batch, and for compute without any item.
    Use when no metric of the shelf fits; instead of it, a subclass of ``Metric`` where sums of values are not enough.

    >>> metric = MeanOf(lambda output, target: (output - target).abs())
    >>> metric.update({"output": torch.tensor([1.0, 2.0])}, {"target": torch.tensor([0.0, 2.0])})
    >>> metric.compute()
    0.5
    """

    def __init__(
        self, function: Callable[[Tensor, Tensor], Tensor], direction: str = "min", *, differentiable: bool = False, output: str = "output",
        target: str = "target", mask: str = "mask",
    ) -> None:  # fmt: skip
        super().__init__(output, target, mask)
        self.function, self.direction, self.differentiable = function, checked(direction), differentiable

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        whole = keep is not None and keep.ndim == 1
        if whole:
            output, target = kept(output, keep), kept(target, keep)
        values = self.function(output, target)
        if values.ndim == 0 or len(values) != len(target):
            raise ValueError(f"MeanOf wants one value an item, {len(target)} of them; the function gave shape {tuple(values.shape)}. Do not reduce.")
        values = values if whole else kept(values, keep)
        return {"total": long_float(values).sum(), "count": counted(values.numel(), values)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)


class Composite(Metric):
    """The weighted sum of other metrics in one direction: sum_i w_i v_i, a part of the other direction counted with a minus.

    So content + 0.3 structure is one number to watch, whatever each part's scale and direction; weights need not sum to one.

    Shapes: what the parts take; each must give one number.
    Errors: ``ValueError`` for no part, a weight that is negative or not finite, an unknown direction, a part that gives several numbers.
    Use when one number must choose between models; beside its parts, for it hides which of them changed.

    >>> from weft.metrics import MAE, RMSE
    >>> metric = Composite({"mean": (MAE(), 1.0), "worst": (RMSE(), 0.5)}, direction="min")
    >>> metric.update({"output": torch.tensor([1.0, 1.0])}, {"target": torch.tensor([0.0, 0.0])})
    >>> metric.compute()
    1.5
    """

    def __init__(self, parts: Mapping[str, tuple[Metric, float]], direction: str = "max") -> None:
        super().__init__()
        if not parts:
            raise ValueError("Composite needs at least one part: {'name': (metric, weight)}.")
        for name, (_, weight) in parts.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(f"Composite's weight of {name!r} is a finite number of at least 0; got {weight}. The sign comes from the direction.")
        self.parts, self.direction = dict(parts), checked(direction)
        self.differentiable = all(part.differentiable for part, _ in parts.values())

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return {f"{name}/{key}": value for name, (part, _) in self.parts.items() for key, value in part.observe(output, target, keep).items()}

    def update(self, prediction: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> None:
        """Take one batch in; each part looks where it was told to."""
        for part, _ in self.parts.values():
            part.update(prediction, batch)

    def merge(self, state: Mapping[str, Tensor]) -> None:
        for name, (part, _) in self.parts.items():
            part.merge({key.removeprefix(f"{name}/"): value for key, value in state.items() if key.startswith(f"{name}/")})

    def state(self) -> dict[str, Tensor]:
        return {f"{name}/{key}": value for name, (part, _) in self.parts.items() for key, value in part.state().items()}

    def reset(self) -> None:
        for part, _ in self.parts.values():
            part.reset()

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        found = []
        for name, (part, weight) in self.parts.items():
            value = part.result({key.removeprefix(f"{name}/"): value for key, value in totals.items() if key.startswith(f"{name}/")})
            if value.ndim:
                raise ValueError(f"Composite adds single numbers; {name!r} gives {tuple(value.shape)}. Give it an average.")
            found.append(long_float(value) * (weight if part.direction == self.direction else -weight))
        return torch.stack(found).sum()

    def compute(self) -> float | Tensor:
        self.totals = self.state()
        return super().compute()
