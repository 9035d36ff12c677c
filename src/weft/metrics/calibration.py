"""Whether a model is as sure as it should be."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, counted, long_float, probabilities_and_classes, some


def expected_calibration_error(confidence: Float[Tensor, " n"], correct: Bool[Tensor, " n"], *, bins: int = 15) -> Float[Tensor, ""]:
    """The gap between confidence and accuracy, over bins of equal width: sum_b n_b / N |accuracy_b - confidence_b|.

    Shapes: confidence in [0, 1] and correct (N,) -> (). Bin b holds (b / bins, (b + 1) / bins], the first one 0 too.

    >>> expected_calibration_error(torch.tensor([0.75, 0.75]), torch.tensor([True, False]))
    tensor(0.2500, dtype=torch.float64)
    """
    return gap(binned(confidence, correct, bins))


def binned(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    """Items, hits and confidence summed in each bin: (3, bins)."""
    confidence = long_float(confidence)
    place = (confidence * bins).ceil().long().sub(1).clamp(0, bins - 1)
    sums = torch.stack([torch.ones_like(confidence), long_float(correct), confidence])
    return torch.zeros(3, bins, dtype=confidence.dtype, device=confidence.device).index_add_(1, place, sums)


def gap(sums: Tensor) -> Tensor:
    """The error from the sums in the bins: a bin's share times its gap is |hits - confidence| / N."""
    count, right, confidence = sums
    return (right - confidence).abs().sum() / count.sum()


class ECE(Metric):
    """Expected calibration error: how far the confidence in the top class is from its accuracy, over bins of equal width.

    Shapes: prediction output (B, C, ...) logits with C at ``dim`` (``probabilities=True`` if they are that), or single logits (B, ...).
    Errors: ``ValueError`` for ``bins`` < 1, and for compute without any item.
    Paper: Guo et al., 2017, arXiv:1706.04599.
    Use when probabilities are shown to people or thresholds depend on them; beside ``LogLoss``, since an uninformed model can be calibrated.

    >>> metric = ECE()
    >>> metric.update({"output": torch.tensor([[100.0, 0.0], [100.0, 0.0]])}, {"target": torch.tensor([0, 1])})
    >>> metric.compute()
    0.5
    """

    direction = "min"
    differentiable = True

    def __init__(
        self, bins: int = 15, *, probabilities: bool = False, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask"
    ) -> None:
        super().__init__(output, target, mask)
        if bins < 1:
            raise ValueError(f"ECE needs at least one bin; got {bins}.")
        self.bins, self.probabilities, self.dim = bins, probabilities, dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        chances, right = probabilities_and_classes(output, target, keep, self.dim, probabilities=self.probabilities)
        confidence, guess = chances.max(1)
        return {"sums": binned(confidence, guess == right, self.bins)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if totals["sums"][0].sum() == 0:
            raise ValueError("ECE has seen only masked items, so there is nothing to compute.")
        return gap(totals["sums"])


def squared_surprise(chances: Float[Tensor, "n c"], right: Shaped[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Brier's score of each item: sum_c (p_c - [c is right])^2, halved for two classes, where it is the square of one probability's error.

    Shapes: chances (N, C) and right (N,) class indices -> (N,), in [0, 2], for two classes in [0, 1].

    >>> squared_surprise(torch.tensor([[0.25, 0.75]]), torch.tensor([1]))
    tensor([0.0625], dtype=torch.float64)
    """
    chances = long_float(chances)
    truth = torch.nn.functional.one_hot(right, chances.shape[1])
    score = (chances - truth).square().sum(1)
    return score / 2 if chances.shape[1] == 2 else score


class Brier(Metric):
    """Brier's score: the mean squared distance of the probabilities from what happened; see ``squared_surprise``.

    Shapes: prediction output (B, C, ...) logits with C at ``dim`` (``probabilities=True`` if they are that), or single logits (B, ...).
    Errors: ``ValueError`` for shapes that do not fit, and for compute without any item.
    Paper: Brier, 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    Use when probabilities themselves are used and a confident mistake shall cost a bounded amount; instead of it, ``LogLoss`` without bound.

    >>> metric = Brier(probabilities=True)
    >>> metric.update({"output": torch.tensor([0.5, 1.0])}, {"target": torch.tensor([0, 1])})
    >>> metric.compute()
    0.125
    """

    direction = "min"
    differentiable = True

    def __init__(self, *, probabilities: bool = False, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.probabilities, self.dim = probabilities, dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        score = squared_surprise(*probabilities_and_classes(output, target, keep, self.dim, probabilities=self.probabilities))
        return {"total": score.sum(), "count": counted(len(score), score)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)
