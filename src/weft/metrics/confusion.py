"""What follows from counting (right class, guessed class) pairs."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from weft._lazy import unknown
from weft.metrics.metric import Metric, long_float, scores_and_classes

AVERAGES = ("macro", "micro", "weighted", "binary", "none")
WEIGHTS = ("none", "linear", "quadratic")


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
    hit, occurs, guessed = margins(matrix)
    return averaged(2 * hit, occurs + guessed, matrix, average)


def precision(matrix: Shaped[Tensor, "c c"], *, average: str = "macro") -> Float[Tensor, " *c"]:
    """The share of a class's guesses that are right, from a confusion matrix: TP / (TP + FP), 0 for a class never guessed.

    ``average`` and errors as in ``f1``.

    >>> precision(torch.tensor([[2, 1], [0, 3]]), average="none")
    tensor([1.0000, 0.7500], dtype=torch.float64)
    """
    hit, _, guessed = margins(matrix)
    return averaged(hit, guessed, matrix, average)


def recall(matrix: Shaped[Tensor, "c c"], *, average: str = "macro") -> Float[Tensor, " *c"]:
    """The share of a class's items that were found, from a confusion matrix: TP / (TP + FN), 0 for a class that never occurs.

    ``average`` and errors as in ``f1``.

    >>> recall(torch.tensor([[2, 1], [0, 3]]), average="none")
    tensor([0.6667, 1.0000], dtype=torch.float64)
    """
    hit, occurs, _ = margins(matrix)
    return averaged(hit, occurs, matrix, average)


def margins(matrix: Shaped[Tensor, "c c"]) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"], Float[Tensor, " c"]]:
    """How often each class was hit, occurs, and was guessed.

    >>> [part.tolist() for part in margins(torch.tensor([[2, 1], [0, 3]]))]
    [[2.0, 3.0], [3.0, 3.0], [2.0, 4.0]]
    """
    matrix = long_float(matrix)
    return matrix.diagonal(), matrix.sum(1), matrix.sum(0)


def averaged(above: Tensor, below: Tensor, matrix: Tensor, average: str) -> Tensor:
    """The quotient of each class, 0 where that is 0 / 0, averaged as ``f1`` says."""
    if average not in AVERAGES:
        raise unknown("average", average, AVERAGES)
    if average == "micro":
        return above.sum() / below.sum()
    each = torch.where(below > 0, above / below.clamp(min=1), 0.0)
    if average == "binary":
        if len(each) != 2:
            raise ValueError(f"average='binary' is for two classes; the matrix has {len(each)}. Use 'macro', 'weighted' or 'micro'.")
        return each[1]
    _, occurs, guessed = margins(matrix)
    if average == "weighted":
        return (each * occurs).sum() / occurs.sum()
    return each[occurs + guessed > 0].mean() if average == "macro" else each


def matthews(matrix: Shaped[Tensor, "c c"]) -> Float[Tensor, ""]:
    """The correlation of right and guessed classes, from a confusion matrix; 0 where one of the two never varies.

    (N sum_c TP_c - sum_c t_c g_c) / sqrt((N^2 - sum_c g_c^2)(N^2 - sum_c t_c^2)) with t_c how often c occurs and g_c how often it is guessed.

    >>> matthews(torch.tensor([[2, 0], [0, 3]]))
    tensor(1., dtype=torch.float64)
    """
    hit, occurs, guessed = (part / matrix.sum() for part in margins(matrix))
    varied = (1 - occurs.square().sum()) * (1 - guessed.square().sum())
    one = (occurs > 0).sum() == 1 or (guessed > 0).sum() == 1
    return torch.zeros_like(varied) if one else (hit.sum() - (occurs * guessed).sum()) / varied.sqrt()


def cohen_kappa(matrix: Shaped[Tensor, "c c"], *, weights: str = "none") -> Float[Tensor, ""]:
    """Agreement beyond chance, from a confusion matrix: 1 - disagreement / the disagreement that chance would give.

    ``weights``: ``none`` counts every mistake as one, ``linear`` and ``quadratic`` by how far apart the classes are (for grades).
    NaN where right and guessed are one and the same class throughout, as chance then agrees too.
    Errors: ``ValueError`` naming the nearest for unknown weights.

    >>> cohen_kappa(torch.tensor([[2, 1], [0, 3]]))
    tensor(0.6667, dtype=torch.float64)
    """
    if weights not in WEIGHTS:
        raise unknown("weights", weights, WEIGHTS)
    _, occurs, guessed = margins(matrix)
    place = torch.arange(len(matrix), device=matrix.device)
    apart = (place[:, None] - place).abs()
    cost = long_float(apart > 0 if weights == "none" else apart if weights == "linear" else apart.square())
    return 1 - (cost * long_float(matrix)).sum() / ((cost * occurs[:, None] * guessed).sum() / occurs.sum())


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


class Precision(Counted):
    """The share of guesses that are right; ``average`` as in the function ``f1``, ``"none"`` for one value a class.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits (give ``average="binary"``).
    Errors: ``ValueError`` naming the nearest for an unknown average. A class never guessed has 0.
    Use when a false alarm costs most; beside ``Recall``, which it is bought with.

    >>> metric = Precision(average="binary")
    >>> metric.update({"output": torch.tensor([1.0, 1.0, -1.0])}, {"target": torch.tensor([1, 0, 0])})
    >>> metric.compute()
    0.5
    """

    def __init__(self, average: str = "macro", *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(dim=dim, output=output, target=target, mask=mask)
        if average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return precision(self.matrix(totals), average=self.average)


class Recall(Counted):
    """The share of a class that was found; ``average`` as in the function ``f1``, ``"none"`` for one value a class.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits (give ``average="binary"``).
    Errors: ``ValueError`` naming the nearest for an unknown average. A class that never occurs has 0.
    Use when a miss costs most; beside ``Precision``, which it is bought with.

    >>> metric = Recall(average="binary")
    >>> metric.update({"output": torch.tensor([1.0, 1.0, -1.0])}, {"target": torch.tensor([1, 0, 0])})
    >>> metric.compute()
    1.0
    """

    def __init__(self, average: str = "macro", *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(dim=dim, output=output, target=target, mask=mask)
        if average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return recall(self.matrix(totals), average=self.average)


class Matthews(Counted):
    """Matthews' coefficient: the correlation of right and guessed classes, 1 perfect, 0 chance.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits. 0 where one class alone occurs or is guessed.
    Paper: Gorodkin, 2004, doi:10.1016/j.compbiolchem.2004.09.006, for many classes.
    Use when one number must show both kinds of mistake in classes of unlike size; instead of it, ``F1`` when only the positives matter.

    >>> metric = Matthews()
    >>> metric.update({"output": torch.tensor([1.0, 1.0, -1.0])}, {"target": torch.tensor([1, 0, 0])})
    >>> metric.compute()
    0.5
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return matthews(self.matrix(totals))


class CohenKappa(Counted):
    """Cohen's kappa: how much more guesses agree with the right classes than chance would; ``weights`` as in ``cohen_kappa``.

    Shapes: prediction output (B, C, ...) scores with C at ``dim``, or single logits. NaN, with a warning, where both are one class throughout.
    Errors: ``ValueError`` naming the nearest for unknown weights.
    Paper: Cohen, 1960, doi:10.1177/001316446002000104.
    Use when people's agreement is the yardstick, or with ``weights="quadratic"`` for grades.

    >>> metric = CohenKappa()
    >>> metric.update({"output": torch.tensor([1.0, 1.0, -1.0, -1.0])}, {"target": torch.tensor([1, 0, 0, 0])})
    >>> metric.compute()
    0.5
    """

    def __init__(self, weights: str = "none", *, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(dim=dim, output=output, target=target, mask=mask)
        if weights not in WEIGHTS:
            raise unknown("weights", weights, WEIGHTS)
        self.weights = weights

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return cohen_kappa(self.matrix(totals), weights=self.weights)
