"""What follows from counting (right class, guessed class) pairs."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from weft._lazy import unknown
from weft.metrics.metric import Metric, long_float, scores_and_classes

AVERAGES = ("macro", "micro", "weighted", "binary", "none")


def confusion_matrix(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None, *, dim: int = 1
) -> Int[Tensor, "c c"]:
    """Count items by right class (row) and guessed class (column).

    Shapes: output (B, C, ...) scores with C at ``dim``, or (B, ...) single logits; target (B, ...) class indices -> (C, C).
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.

    >>> confusion_matrix(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0]))
    tensor([[1, 1],
            [0, 0]])
    """
    scores, right = scores_and_classes(output, target, mask, dim)
    classes = scores.shape[1]
    return torch.bincount(right * classes + scores.argmax(1), minlength=classes**2).view(classes, classes)


def balanced_accuracy(matrix: Shaped[Tensor, "c c"]) -> Float[Tensor, ""]:
    """The mean over classes of the share that was found, from a confusion matrix; classes that never occur do not count.

    >>> balanced_accuracy(torch.tensor([[1, 1], [0, 4]]))
    tensor(0.7500, dtype=torch.float64)
    """
    matrix = long_float(matrix)
    occurs = matrix.sum(1) > 0
    return (matrix.diagonal()[occurs] / matrix.sum(1)[occurs]).mean()


def f1(matrix: Shaped[Tensor, "c c"], *, average: str = "macro") -> Float[Tensor, " *c"]:
    """The harmonic mean of precision and recall, from a confusion matrix: 2 TP / (2 TP + FP + FN), 0 where that is 0 / 0.

    ``average``: ``macro`` the mean over classes that occur or are guessed, ``weighted`` the mean by how often each occurs, ``micro`` all
    counts together, ``binary`` class 1 of two, ``none`` one value a class (C,).
    Errors: ``ValueError`` naming the nearest for an unknown average, and for ``binary`` with other than two classes.

    >>> f1(torch.tensor([[2, 1], [0, 3]]), average="none")
    tensor([0.8000, 0.8571], dtype=torch.float64)
    """
    if average not in AVERAGES:
        raise unknown("average", average, AVERAGES)
    matrix = long_float(matrix)
    hit, occurs, guessed = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    if average == "micro":
        return 2 * hit.sum() / (occurs.sum() + guessed.sum())
    each = torch.where(occurs + guessed > 0, 2 * hit / (occurs + guessed).clamp(min=1), 0.0)
    if average == "binary":
        if len(each) != 2:
            raise ValueError(f"average='binary' is for two classes; the matrix has {len(each)}. Use 'macro', 'weighted' or 'micro'.")
        return each[1]
    if average == "weighted":
        return (each * occurs).sum() / occurs.sum()
    return each[occurs + guessed > 0].mean() if average == "macro" else each


class Counted(Metric):
    """What the metrics of hard guesses share: the confusion matrix, from which they all follow."""

    def __init__(self, *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.dim = dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return {"matrix": confusion_matrix(output, target, keep, dim=self.dim)}

    def matrix(self, totals: dict[str, Tensor]) -> Tensor:
        """The counts, of which there must be some."""
        if not totals["matrix"].any():
            raise ValueError(f"{type(self).__name__} has seen only masked items, so there is nothing to compute.")
        return totals["matrix"]


class ConfusionMatrix(Counted):
    """Counts of (right class, guessed class): row i, column j holds how often class i was taken for j.

    Shapes: prediction output (B, C, ...) scores with C at ``dim`` (or single logits: two classes) -> (C, C) integers.
    Use when looking at which classes are mixed up; not to monitor: it has no direction but more on the diagonal.

    >>> metric = ConfusionMatrix()
    >>> metric.update({"output": torch.tensor([[2.0, 1.0], [0.0, 3.0]])}, {"target": torch.tensor([0, 1])})
    >>> metric.compute()
    tensor([[1, 0],
            [0, 1]])
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["matrix"]


class BalancedAccuracy(Counted):
    """The mean over classes of the share that was found, so that a rare class counts as much as a frequent one.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits.
    Use when classes are of very different sizes; instead of it, ``Accuracy`` when they are not. Classes that never occur do not count.

    >>> metric = BalancedAccuracy()
    >>> metric.update({"output": torch.tensor([1.0, 1.0, 1.0])}, {"target": torch.tensor([1, 1, 0])})
    >>> metric.compute()
    0.5
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return balanced_accuracy(self.matrix(totals))


class F1(Counted):
    """The harmonic mean of precision and recall; ``average`` as in the function ``f1``.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits (give ``average="binary"``).
    Errors: ``ValueError`` naming the nearest for an unknown average.
    Use when both missed and false positives cost; instead of it, ``AveragePrecision`` when the threshold is still open.

    >>> metric = F1(average="binary")
    >>> metric.update({"output": torch.tensor([1.0, 1.0, -1.0])}, {"target": torch.tensor([1, 0, 0])})
    >>> round(metric.compute(), 4)
    0.6667
    """

    def __init__(self, average: str = "macro", *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(dim=dim, output=output, target=target, mask=mask)
        if average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return f1(self.matrix(totals), average=self.average)
