"""How well scores put the positives first, whatever the threshold."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, long_float, scores_and_classes


def auroc(score: Float[Tensor, " n"], positive: Bool[Tensor, " n"]) -> Float[Tensor, ""]:
    """The chance that a random positive scores higher than a random negative, ties counting half: the area under the ROC curve.

    Exact, from the sum of the positives' mid-ranks (Mann and Whitney). NaN without a positive or without a negative, and for NaN scores.

    Shapes: score and positive (N,) -> ().

    >>> auroc(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True]))
    tensor(0.8750, dtype=torch.float64)
    """
    positives, total = int(positive.sum()), positive.numel()
    negatives = total - positives
    if not positives or not negatives or score.isnan().any():
        return long_float(torch.tensor(torch.nan, device=score.device))
    _, group, size = score.unique(return_inverse=True, return_counts=True)
    size = long_float(size)
    middle = size.cumsum(0) - (size - 1) / 2                          # the mean rank of each group of equal scores, from 1
    ranks = middle[group][positive].sum()
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(score: Float[Tensor, " n"], positive: Bool[Tensor, " n"]) -> Float[Tensor, ""]:
    """The precision at each threshold, weighted by the recall it adds: sum_k (R_k - R_{k-1}) P_k.

    Exact, without interpolation; equal scores are one threshold. 0 without a positive, NaN for NaN scores.

    Shapes: score and positive (N,) -> ().

    >>> average_precision(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True]))
    tensor(0.8333, dtype=torch.float64)
    """
    positives = int(positive.sum())
    if score.isnan().any() or not positives:
        return long_float(torch.tensor(torch.nan if score.isnan().any() else 0.0, device=score.device))
    _, group, size = score.unique(return_inverse=True, return_counts=True)
    found = torch.zeros_like(size).scatter_add_(0, group, positive.to(size.dtype)).flip(0)
    precision = long_float(found.cumsum(0)) / size.flip(0).cumsum(0)
    return (precision * found).sum() / positives


class Ranking(Metric):
    """What the ranking metrics share: all scores are kept, since no sum over batches gives a rank."""

    def __init__(
        self, average: str = "macro", *, probabilities: bool = False, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask"
    ) -> None:
        super().__init__(output, target, mask)
        if average not in ("macro", "weighted", "none"):
            raise ValueError(f"average is 'macro' (the mean over classes), 'weighted' (by size) or 'none' (one value a class); got {average!r}.")
        self.average, self.probabilities, self.dim = average, probabilities, dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        scores, right = scores_and_classes(output, target, keep, self.dim)
        if not self.probabilities:
            scores = long_float(scores)
            # A softmax would saturate at 1 and tie the surest items; two logits order by their difference, more by their log-probability.
            scores = scores - scores[:, :1] if scores.shape[1] == 2 else scores.log_softmax(1)
        if scores.shape[1] == 2:
            scores = scores[:, 1:]
        return {"scores": scores, "target": right}

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {key: torch.cat([mine[key], theirs[key].to(mine[key].device)]) for key in mine}

    def each(self, totals: dict[str, Tensor], measure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """``measure`` of class 1 if there are two, else of each class against the rest."""
        scores, right = totals["scores"], totals["target"]
        if scores.shape[1] == 1:
            return measure(scores[:, 0], right == 1)
        values = torch.stack([measure(scores[:, c], right == c) for c in range(scores.shape[1])])
        if self.average == "weighted":
            size = long_float(torch.stack([(right == c).sum() for c in range(scores.shape[1])]))
            return (values * size)[size > 0].sum() / size.sum()
        return values.mean() if self.average == "macro" else values


def one_against_one(scores: Float[Tensor, "n c"], right: Shaped[Tensor, " n"], *, average: str = "macro") -> Float[Tensor, ""]:
    """The mean over pairs of classes of how well each is told from the other by its own score (Hand and Till), whatever the others' sizes.

    ``average``: ``macro``, or ``weighted`` by how often the pair occurs. NaN if a class never occurs, unless pairs weigh.

    >>> one_against_one(torch.eye(3).log_softmax(1), torch.arange(3))
    tensor(1., dtype=torch.float64)
    """
    values, sizes = [], []
    for a in range(scores.shape[1]):
        for b in range(a + 1, scores.shape[1]):
            pair = (right == a) | (right == b)
            values.append((auroc(scores[pair, a], right[pair] == a) + auroc(scores[pair, b], right[pair] == b)) / 2)
            sizes.append(pair.sum())
    found, size = torch.stack(values), long_float(torch.stack(sizes))
    if average == "macro":
        return found.mean()
    there = ~found.isnan() if not scores.isnan().any() else size > 0
    return (found * size)[there].sum() / size[there].sum()


class AUROC(Ranking):
    """The area under the ROC curve: the chance that a random positive scores above a random negative; exact, ties count half.

    Two classes: of class 1. More: each class against the rest by its softmax, averaged (NaN, with a warning, if a class never occurs, as its
    area is undefined; ``average="weighted"`` weighs classes by their size and leaves those out), or with ``against="one"`` each pair.

    Shapes: prediction output (B, C, ...) logits with C at ``dim`` (``probabilities=True`` if they are that), or single logits (B, ...).
    Use when positives and negatives matter alike and the threshold is open; instead of it, ``AveragePrecision`` when positives are rare.
    Cost: keeps every score; O(N log N) at the end.

    >>> metric = AUROC()
    >>> metric.update({"output": torch.tensor([-1.0, 0.5, 0.2, 2.0])}, {"target": torch.tensor([0, 0, 1, 1])})
    >>> metric.compute()
    0.75
    """

    def __init__(
        self, average: str = "macro", *, against: str = "rest", probabilities: bool = False, dim: int = 1, output: str = "output",
        target: str = "target", mask: str = "mask",
    ) -> None:  # fmt: skip
        super().__init__(average, probabilities=probabilities, dim=dim, output=output, target=target, mask=mask)
        if against not in ("rest", "one") or (against == "one" and average == "none"):
            raise ValueError(f"against is 'rest', or 'one' with average 'macro' or 'weighted'; got {against!r} and {average!r}.")
        self.against = against

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if self.against == "one" and totals["scores"].shape[1] > 1:
            return one_against_one(totals["scores"], totals["target"], average=self.average)
        return self.each(totals, auroc)


class AveragePrecision(Ranking):
    """The area under the precision-recall steps: precision at each threshold, weighted by the recall it adds.

    Two classes: of class 1. More: each class against the rest by its softmax, averaged.

    Shapes: prediction output (B, C, ...) logits with C at ``dim`` (``probabilities=True`` if they are that), or single logits (B, ...).
    Use when positives are rare; its chance level is their share, not 1/2.
    Cost: keeps every score; O(N log N) at the end.

    >>> metric = AveragePrecision()
    >>> metric.update({"output": torch.tensor([-1.0, 0.5, 2.0])}, {"target": torch.tensor([0, 0, 1])})
    >>> metric.compute()
    1.0
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return self.each(totals, average_precision)
