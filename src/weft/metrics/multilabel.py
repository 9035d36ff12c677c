"""Items that may have several labels at once."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft._lazy import unknown
from weft.metrics.metric import Metric, counted, long_float, measured, some
from weft.metrics.ranking import average_precision

AVERAGES = ("macro", "micro", "weighted", "samples", "none")


def marks(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], keep: Bool[Tensor, " ..."] | None = None, threshold: float = 0.0
) -> tuple[Bool[Tensor, "n l"], Bool[Tensor, "n l"], Bool[Tensor, "n l"]]:
    """Guessed labels (above ``threshold``), right labels, and which of them count, for the items of which any label does.

    Shapes: output and target (B, L); keep (B,) for whole items or (B, L) for single labels.
    Errors: ``ValueError`` with both shapes, or for targets other than 0 and 1; ``TypeError`` for a mask that is not boolean.

    >>> marks(torch.tensor([[1.0, -1.0]]), torch.tensor([[1, 1]]))[:2]
    (tensor([[ True, False]]), tensor([[True, True]]))
    """
    if output.shape != target.shape or output.ndim != 2:
        raise ValueError(f"Several labels want outputs and targets (items, labels); got {tuple(output.shape)} and {tuple(target.shape)}.")
    keep = torch.ones_like(target, dtype=torch.bool) if keep is None else keep
    if keep.dtype != torch.bool:
        raise TypeError(f"A mask is boolean (True = keep); got {keep.dtype}. Compare it, e.g. mask > 0.")
    if keep.shape != target.shape[: keep.ndim]:
        raise ValueError(f"A mask of shape {tuple(keep.shape)} does not fit values of shape {tuple(target.shape)}.")
    keep = keep if keep.ndim == 2 else keep[:, None].expand_as(target)
    rows = keep.any(1)
    output, target, keep = output[rows], target[rows], keep[rows]
    if (keep & (target != 0) & (target != 1)).any():
        raise ValueError("Several labels want targets of 0 and 1, one for each label. For class indices use Accuracy, F1 and their kin.")
    return (output > threshold) & keep, (target == 1) & keep, keep


class Labelled(Metric):
    """What the metrics of several labels share: logits count as guessed above ``threshold`` (give 0.5 for probabilities)."""

    def __init__(self, threshold: float = 0.0, *, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.threshold = threshold

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)


def subset_accuracy(
    output: Float[Tensor, "b l"], target: Shaped[Tensor, "b l"], mask: Bool[Tensor, " ..."] | None = None, *, threshold: float = 0.0
) -> float:
    """The share of items all of whose labels are right; see ``SubsetAccuracy``.

    >>> subset_accuracy(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 0], [1, 0]]))
    0.5
    """
    return float(measured(SubsetAccuracy(threshold), output, target, mask))


class SubsetAccuracy(Labelled):
    """The share of items all of whose labels are right.

    Shapes: prediction output (B, L) logits (``threshold=0.5`` for probabilities), target (B, L) of 0 and 1; mask (B,) or (B, L).
    Errors: ``ValueError`` for shapes that do not fit, other targets, and for compute without any item.
    Use when an answer is right as a whole or not at all; instead of it, ``Hamming`` or ``Jaccard``, which credit parts.

    >>> metric = SubsetAccuracy()
    >>> metric.update({"output": torch.tensor([[1.0, -1.0], [1.0, 1.0]])}, {"target": torch.tensor([[1, 0], [1, 0]])})
    >>> metric.compute()
    0.5
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        guess, right, _ = marks(output, target, keep, self.threshold)
        return {"total": long_float((guess == right).all(1)).sum(), "count": counted(len(right), right)}


def hamming(
    output: Float[Tensor, "b l"], target: Shaped[Tensor, "b l"], mask: Bool[Tensor, " ..."] | None = None, *, threshold: float = 0.0
) -> float:
    """The share of labels that are wrong; see ``Hamming``.

    >>> hamming(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 0], [1, 0]]))
    0.25
    """
    return float(measured(Hamming(threshold), output, target, mask))


class Hamming(Labelled):
    """Hamming loss: the share of all labels of all items that are wrong.

    Shapes: prediction output (B, L) logits (``threshold=0.5`` for probabilities), target (B, L) of 0 and 1; mask (B,) or (B, L).
    Errors: ``ValueError`` for shapes that do not fit, other targets, and for compute without any item.
    Use when labels are judged one by one; where most are absent it flatters, then ``Jaccard`` or ``MultilabelF1``.

    >>> metric = Hamming()
    >>> metric.update({"output": torch.tensor([[1.0, -1.0], [1.0, 1.0]])}, {"target": torch.tensor([[1, 0], [1, 0]])})
    >>> metric.compute()
    0.25
    """

    direction = "min"

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        guess, right, counts = marks(output, target, keep, self.threshold)
        return {"total": long_float(guess != right).sum(), "count": long_float(counts).sum()}


def overlap(above: Tensor, below: Tensor) -> Tensor:
    """Their quotient, 0 where it is 0 / 0."""
    return torch.where(below > 0, above / below.clamp(min=1), 0.0)


class Jaccard(Labelled):
    """Jaccard's index of guessed and right labels: labels in both / labels in either, 0 where there are none in either.

    ``average``: ``samples`` the mean over items, ``macro`` over labels, ``weighted`` over labels by how often each occurs (0 if none ever does),
    ``micro`` all counts together, ``none`` one value a label (L,).
    Shapes: prediction output (B, L) logits (``threshold=0.5`` for probabilities), target (B, L) of 0 and 1; mask (B,) or (B, L).
    Errors: ``ValueError`` naming the nearest for an unknown average, for shapes that do not fit, other targets, and without any item.
    Use when most labels are absent from most items; instead of it, ``MultilabelF1``, which credits a part more.

    >>> metric = Jaccard()
    >>> metric.update({"output": torch.tensor([[1.0, -1.0], [1.0, 1.0]])}, {"target": torch.tensor([[1, 0], [1, 0]])})
    >>> metric.compute()
    0.75
    """

    weight = 1                                                        # how often a label in both counts: once in the union

    def __init__(
        self, average: str = "samples", threshold: float = 0.0, *, output: str = "output", target: str = "target", mask: str = "mask"
    ) -> None:
        super().__init__(threshold, output=output, target=target, mask=mask)
        if average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average

    def share(self, both: Tensor, wrong: Tensor) -> Tensor:
        """both / (both + wrong), with what is in both counted by its weight."""
        return overlap(self.weight * both, self.weight * both + wrong)

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        guess, right, _ = marks(output, target, keep, self.threshold)
        both, wrong = long_float(guess & right), long_float(guess != right)
        return {
            "total": self.share(both.sum(1), wrong.sum(1)).sum(),
            "count": counted(len(right), right),
            "both": both.sum(0),
            "wrong": wrong.sum(0),
            "occurs": long_float(right).sum(0),
        }

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        some(totals, self)
        if self.average == "samples":
            return super().result(totals)
        if self.average == "micro":
            return self.share(totals["both"].sum(), totals["wrong"].sum())
        each = self.share(totals["both"], totals["wrong"])
        if self.average == "weighted":
            return overlap((each * totals["occurs"]).sum(), totals["occurs"].sum())
        return each.mean() if self.average == "macro" else each


def jaccard(
    output: Float[Tensor, "b l"],
    target: Shaped[Tensor, "b l"],
    mask: Bool[Tensor, " ..."] | None = None,
    *,
    average: str = "samples",
    threshold: float = 0.0,
) -> float | Tensor:
    """Labels in both / labels in either; see ``Jaccard``.

    >>> jaccard(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 0], [1, 0]]))
    0.75
    """
    return measured(Jaccard(average, threshold), output, target, mask)


def multilabel_f1(
    output: Float[Tensor, "b l"],
    target: Shaped[Tensor, "b l"],
    mask: Bool[Tensor, " ..."] | None = None,
    *,
    average: str = "macro",
    threshold: float = 0.0,
) -> float | Tensor:
    """The harmonic mean of precision and recall of labels; see ``MultilabelF1``.

    >>> multilabel_f1(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 0], [1, 0]]))
    0.5
    """
    return measured(MultilabelF1(average, threshold), output, target, mask)


class MultilabelF1(Labelled):
    """The harmonic mean of precision and recall of labels: 2 TP / (2 TP + FP + FN), 0 where that is 0 / 0; averages as in ``Jaccard``.

    Shapes: prediction output (B, L) logits (``threshold=0.5`` for probabilities), target (B, L) of 0 and 1; mask (B,) or (B, L).
    Errors: ``ValueError`` naming the nearest for an unknown average, for shapes that do not fit, other targets, and without any item.
    Use when labels are rare; instead of it, ``MultilabelAveragePrecision`` while the threshold is open.

    >>> metric = MultilabelF1("micro")
    >>> metric.update({"output": torch.tensor([[1.0, -1.0], [1.0, 1.0]])}, {"target": torch.tensor([[1, 0], [1, 0]])})
    >>> metric.compute()
    0.8
    """

    def __init__(
        self, average: str = "macro", threshold: float = 0.0, *, output: str = "output", target: str = "target", mask: str = "mask"
    ) -> None:
        super().__init__(threshold, output=output, target=target, mask=mask)
        self.counts = Jaccard(average, threshold)
        self.counts.weight = 2

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return self.counts.observe(output, target, keep)

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        some(totals, self)
        return self.counts.result(totals)


class MultilabelAveragePrecision(Labelled):
    """Average precision of each label, and their mean (mAP): how well items with the label stand before those without.

    A label that never occurs has 0.
    Shapes: prediction output (B, L) scores of any scale, target (B, L) of 0 and 1; mask (B,) of whole items.
    Errors: ``ValueError`` for an average other than ``macro`` and ``none``, for shapes that do not fit, other targets, a mask of single labels.
    Use when labels are rare and thresholds open. Cost: keeps every score; O(L N log N) at the end.

    >>> metric = MultilabelAveragePrecision()
    >>> metric.update({"output": torch.tensor([[1.0, -1.0], [2.0, 1.0]])}, {"target": torch.tensor([[1, 0], [0, 1]])})
    >>> metric.compute()
    0.75
    """

    def __init__(self, average: str = "macro", *, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output=output, target=target, mask=mask)
        if average not in ("macro", "none"):
            raise ValueError(f"average is 'macro' (the mean over labels) or 'none' (one value a label); got {average!r}.")
        self.average = average

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        if keep is not None and keep.ndim > 1:
            raise ValueError(f"MultilabelAveragePrecision takes a mask of whole rows (B,); got {tuple(keep.shape)}.")
        _, right, _ = marks(output, target, keep)
        return {"scores": output if keep is None else output[keep], "right": right}

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {key: torch.cat([mine[key], theirs[key].to(mine[key].device)]) for key in mine}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if len(totals["right"]) == 0:
            raise ValueError("MultilabelAveragePrecision has seen only masked items, so there is nothing to compute.")
        pairs = zip(totals["scores"].T, totals["right"].T, strict=True)
        each = torch.stack([average_precision(score, right) for score, right in pairs])
        return each.mean() if self.average == "macro" else each
