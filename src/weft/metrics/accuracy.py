"""Accuracy."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, long_float, scores_and_classes


def hits(output: Float[Tensor, "n c"], target: Shaped[Tensor, " n"], *, top_k: int = 1) -> Bool[Tensor, " n"]:
    """Whether fewer than ``top_k`` classes score higher than the right one.

    Of equal scores the lower class counts as higher, as in ``argmax``; a row with a NaN is no hit.

    >>> hits(torch.tensor([[0.1, 0.9], [0.5, 0.5]]), torch.tensor([1, 1]))
    tensor([ True, False])
    """
    right = output.gather(1, target[:, None])
    ahead = ~(output <= right) | ((output == right) & (torch.arange(output.shape[1], device=output.device) < target[:, None]))
    return (ahead.sum(1) < top_k) & ~output.isnan().any(1)


def accuracy(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None, *, top_k: int = 1, dim: int = 1
) -> float:
    """The share of items whose class is among the ``top_k`` highest scores.

    Shapes: output (B, C, ...) scores with C at ``dim``, or (B, ...) single logits; target (B, ...) class indices; mask as the target.
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, or no item at all.

    >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0]))
    0.5
    """
    metric = Accuracy(top_k, dim=dim)
    metric.merge(metric.observe(output, target, mask))
    return float(metric.compute())


class Accuracy(Metric):
    """The share of items whose class is among the ``top_k`` highest scores.

    Shapes: prediction output (B, C, ...) with C at ``dim`` (logits or probabilities), or single logits of the target's shape (above 0 = class 1).
    Errors: ``ValueError`` for ``top_k`` < 1, shapes that do not fit, or a class out of range.
    Use when classes are about as frequent as each other; instead of it, ``BalancedAccuracy``, ``F1`` or ``AveragePrecision``.

    >>> metric = Accuracy()
    >>> metric.update({"output": torch.tensor([[2.0, 1.0], [0.0, 3.0]])}, {"target": torch.tensor([0, 0])})
    >>> metric.compute()
    0.5
    """

    def __init__(self, top_k: int = 1, *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        if top_k < 1:
            raise ValueError(f"top_k is how many guesses an item has, at least 1; got {top_k}.")
        self.top_k, self.dim = top_k, dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        right = hits(*scores_and_classes(output, target, keep, self.dim), top_k=self.top_k)
        return {"hits": right.sum(), "count": torch.tensor(right.numel(), device=right.device)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if totals["count"] == 0:
            raise ValueError("Accuracy has seen only masked items, so there is nothing to compute.")
        return long_float(totals["hits"]) / totals["count"]


def top_k_error(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None, *, top_k: int = 5, dim: int = 1
) -> float:
    """The share of items whose class is not among the ``top_k`` highest scores: 1 - ``accuracy``; shapes and errors as there.

    >>> top_k_error(torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]]), torch.tensor([0, 0]), top_k=2)
    0.5
    """
    return 1 - accuracy(output, target, mask, top_k=top_k, dim=dim)


class TopKError(Accuracy):
    """The share of items whose class is not among the ``top_k`` highest scores; with 5 the figure of ImageNet's tables.

    Shapes: prediction output (B, C, ...) with C at ``dim`` (logits or probabilities).
    Errors: ``ValueError`` for ``top_k`` < 1, shapes that do not fit, or a class out of range. With no more than ``top_k`` classes it is 0.
    Use when comparing with published errors; instead of it, ``Accuracy``.

    >>> metric = TopKError(1)
    >>> metric.update({"output": torch.tensor([[2.0, 1.0], [0.0, 3.0], [0.0, 3.0], [0.0, 3.0]])}, {"target": torch.tensor([0, 0, 1, 1])})
    >>> metric.compute()
    0.25
    """

    direction = "min"

    def __init__(self, top_k: int = 5, *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(top_k, dim=dim, output=output, target=target, mask=mask)

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return 1 - super().result(totals)


class TokenAccuracy(Accuracy):
    """The share of kept tokens that were guessed: ``Accuracy`` with the classes last, each token of each text counting once.

    Shapes: prediction output (B, T, V), target (B, T); the mask (B, T) keeps real tokens.
    Use when tokens are given their right past (teacher forcing); instead of it, ``ExactMatch`` or ``EditDistance`` for what was generated.

    >>> metric = TokenAccuracy()
    >>> batch = {"target": torch.tensor([[1, 0]]), "mask": torch.tensor([[True, False]])}
    >>> metric.update({"output": torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])}, batch)
    >>> metric.compute()
    1.0
    """

    def __init__(self, top_k: int = 1, *, dim: int = -1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(top_k, dim=dim, output=output, target=target, mask=mask)
