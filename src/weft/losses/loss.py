"""``Loss``: named terms of (sum, count, weight). Sums add up across microbatches and ranks; means do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mean:
    """A sum and the number of items in it: what a log is until somebody reads it.

    ``float(mean)`` is total / count, and NaN when nothing was counted. ``a + b`` joins two of them exactly.

    >>> float(Mean(torch.tensor(6.0), 3) + Mean(torch.tensor(0.0), 1))
    1.5
    """

    total: Tensor | float
    count: Tensor | float = 1.0

    def __float__(self) -> float:
        count = float(self.count)
        return float(self.total) / count if count else float("nan")

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.total + other.total, self.count + other.count)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a loss: weight * total / count; ``count=None`` marks a penalty, which is divided by nothing."""

    total: Tensor
    count: Tensor | float | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Loss:
    """What one objective evaluation yields: value = sum over terms of weight * total / count.

    An update differentiates the totals and divides by the counts of the *whole* batch, over all microbatches and ranks, so that ragged
    data gives the same gradient however it is cut. ``Loss.mean`` is what nearly every method writes; losses add up and scale:
    ``Loss.mean(a) + 0.1 * Loss.mean(b, name="auxiliary") + Loss.penalty(weights)``.

    >>> loss = Loss.mean(torch.tensor([1.0, 2.0, 9.0]), mask=torch.tensor([True, True, False]))
    >>> float(loss.value)
    1.5
    """

    terms: dict[str, Term]
    logs: dict[str, Mean] = field(default_factory=dict)
    couples: bool = False

    @staticmethod
    def mean(
        per_item: Tensor, mask: Tensor | None = None, *, weight: float = 1.0, name: str = "loss", logs: Mapping[str, Tensor | Mean] | None = None
    ) -> Loss:
        """The mean of ``per_item`` (any shape) where ``mask`` keeps it.

        ``mask`` is boolean (True keeps) or float (weights: sum of w * l over sum of w); its shape is that of ``per_item`` or of its first
        dimensions. ``logs`` are per-item values averaged over the same mask, or scalars, or ready ``Mean`` values.
        Raises ``ValueError`` when the shapes do not fit. An empty mask gives zero loss and zero gradient.
        """
        given = mask
        if mask is None:
            total, count = per_item.sum(), per_item.numel()
        else:
            mask = _fit(mask, per_item)
            total, count = _kept(per_item, mask), mask.sum()
        return Loss({name: Term(total, count, weight)}, {k: _log(v, given) for k, v in logs.items()} if logs else {})

    @staticmethod
    def over(per_item: Tensor, count: Tensor, mask: Tensor | None = None, *, weight: float = 1.0, name: str = "loss") -> Loss:
        """The sum of ``per_item`` where ``mask`` keeps it, divided by the sum of ``count``: per positive, per token, per pixel.

        Counts add up across microbatches and ranks like sums do. ``count`` may have any shape.

        >>> anchors = torch.tensor([1.0, 0.5, 0.25, 0.25])
        >>> float(Loss.over(anchors, torch.tensor([1, 0, 0, 0])).value)
        2.0
        """
        total = per_item.sum() if mask is None else _kept(per_item, _fit(mask, per_item))
        return Loss({name: Term(total, count.detach().sum(), weight)})

    @staticmethod
    def penalty(value: Tensor, *, weight: float = 1.0, name: str = "penalty") -> Loss:
        """A scalar that is added once, whatever the number of items, microbatches and ranks: a weight decay, a Fisher penalty."""
        if value.ndim:
            raise ValueError(
                f"Loss.penalty takes a scalar; {name!r} has shape {tuple(value.shape)}. Sum it first, or use Loss.mean for per-item values."
            )
        return Loss({name: Term(value, None, weight)})

    def coupled(self) -> Loss:
        """Say that the items of this loss see each other (InfoNCE): microbatches then refuse instead of changing its value silently."""
        return replace(self, couples=True)

    @property
    def value(self) -> Tensor:
        """The scalar value, differentiable; a term without any item counts as zero."""
        parts = [t.weight * (t.total if t.count is None else t.total / _at_least_one_item(t.count)) for t in self.terms.values()]
        return torch.stack([p.float() for p in parts]).sum() if len(parts) > 1 else parts[0]

    @property
    def one_count(self) -> bool:
        """Whether all terms are sums over the same items: one mask, or equal numbers of items known from the shapes."""
        counts = [t.count for t in self.terms.values()]
        first = counts[0]
        return first is not None and all(c is first or (not isinstance(c, Tensor) and not isinstance(first, Tensor) and c == first) for c in counts)

    def detached(self) -> Loss:
        """The same numbers without their graph."""
        return replace(self, terms={k: Term(t.total.detach(), t.count, t.weight) for k, t in self.terms.items()})

    @staticmethod
    def joined(losses: Sequence[Loss]) -> Loss:
        """The loss of several parts of one batch: totals, counts and logs added up; a penalty is the mean of its evaluations."""
        first = losses[0]
        terms = {}
        for k, t in first.terms.items():
            total = torch.stack([x.terms[k].total.detach() for x in losses]).sum()
            counts = [c for x in losses if (c := x.terms[k].count) is not None]
            terms[k] = Term(total / len(losses), None, t.weight) if t.count is None else Term(total, sum(counts), t.weight)
        logs = {k: sum((x.logs[k] for x in losses[1:]), first.logs[k]) for k in first.logs}
        return Loss(terms, logs, first.couples)

    def __add__(self, other: Loss) -> Loss:
        clash = self.terms.keys() & other.terms.keys()
        if clash:
            raise ValueError(f"Two terms are called {sorted(clash)}. Give each its own name: Loss.mean(..., name=...).")
        return Loss(self.terms | other.terms, self.logs | other.logs, self.couples or other.couples)

    def __mul__(self, factor: float) -> Loss:
        return replace(self, terms={k: Term(t.total, t.count, t.weight * factor) for k, t in self.terms.items()})

    __rmul__ = __mul__


def _fit(mask: Tensor, per_item: Tensor) -> Tensor:
    if mask.shape == per_item.shape:
        return mask
    if mask.shape != per_item.shape[: mask.ndim]:
        raise ValueError(
            f"The mask has shape {tuple(mask.shape)}, the values {tuple(per_item.shape)}. A mask has the shape of the values or of their first"
            " dimensions."
        )
    return mask.reshape(mask.shape + (1,) * (per_item.ndim - mask.ndim)).expand_as(per_item)


def _kept(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of what the mask keeps; what it hides is never multiplied, for 0 * NaN is NaN."""
    if mask.dtype == torch.bool:
        return values.where(mask, 0).sum()
    return (values.where(mask != 0, 0) * mask).sum()


def _log(value: Tensor | Mean, mask: Tensor | None) -> Mean:
    if isinstance(value, Mean):
        return value
    value = value.detach()
    if value.ndim == 0:
        return Mean(value)
    if mask is None or value.shape[: mask.ndim] != mask.shape:
        return Mean(value.sum(), value.numel())
    mask = _fit(mask, value)
    return Mean(_kept(value, mask), mask.sum())


def _at_least_one_item(count: Tensor | float) -> Tensor | float:
    if isinstance(count, Tensor):
        return torch.where(count == 0, 1, count)
    return count or 1
