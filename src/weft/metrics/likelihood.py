"""How likely the model found what happened."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, kept, long_float, pick, probabilities_and_classes, scores_and_classes


def negative_log_likelihood(
    output: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    mask: Bool[Tensor, " ..."] | None = None,
    *,
    probabilities: bool = False,
    dim: int = 1,
) -> Float[Tensor, " n"]:
    """Minus the logarithm of the probability that each kept item's class was given.

    Shapes: output (B, C, ...) logits with C at ``dim``, or single logits; or probabilities, which are divided by their sum and kept off 0 by the
    dtype's epsilon -> (N,) nats.
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.

    >>> negative_log_likelihood(torch.zeros(1, 2), torch.tensor([0]))
    tensor([0.6931], dtype=torch.float64)
    """
    if not probabilities:
        scores, right = scores_and_classes(output, target, mask, dim)
        return -long_float(scores).log_softmax(1).gather(1, right[:, None])[:, 0]
    chances, right = probabilities_and_classes(output, target, mask, dim, probabilities=True)
    epsilon = torch.finfo(chances.dtype).eps
    chances = long_float(chances)
    return -(chances / chances.sum(1, keepdim=True)).gather(1, right[:, None])[:, 0].clamp(epsilon, 1 - epsilon).log()


class Likelihood(Metric):
    """What the means over items share: nats, and how many items they are of."""

    direction = "min"
    differentiable = True

    def __init__(self, *, probabilities: bool = False, dim: int = 1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.probabilities, self.dim = probabilities, dim

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        nats = negative_log_likelihood(output, target, keep, probabilities=self.probabilities, dim=self.dim)
        return {"nats": nats.sum(), "count": long_float(torch.tensor(nats.numel(), device=nats.device))}

    def mean(self, totals: dict[str, Tensor]) -> Tensor:
        """Nats an item."""
        if totals["count"] == 0:
            raise ValueError(f"{type(self).__name__} has seen only masked items, so there is nothing to compute.")
        return totals["nats"] / totals["count"]


class LogLoss(Likelihood):
    """The mean negative log-likelihood of the right class, in nats: cross-entropy over a data set.

    Shapes: prediction output (B, C, ...) logits with C at ``dim`` (``probabilities=True`` if they are that), or single logits (B, ...).
    Use when probabilities themselves are used; it punishes a confident mistake without bound.

    >>> metric = LogLoss()
    >>> metric.update({"output": torch.zeros(3, 2)}, {"target": torch.tensor([0, 1, 1])})
    >>> round(metric.compute(), 4)
    0.6931
    """

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return self.mean(totals)


class Perplexity(Likelihood):
    """How many equally likely tokens the model hesitates between: exp(mean negative log-likelihood).

    Shapes: prediction output (B, T, V) logits, target (B, T) (``dim=1`` for channels first).
    Use when comparing models over one vocabulary; instead of it, ``BitsPerByte`` across tokenizers.

    >>> metric = Perplexity()
    >>> metric.update({"output": torch.zeros(2, 3, 5)}, {"target": torch.zeros(2, 3, dtype=torch.long)})
    >>> round(metric.compute(), 4)
    5.0
    """

    def __init__(self, *, dim: int = -1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(dim=dim, output=output, target=target, mask=mask)

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return self.mean(totals).exp()


class BitsPerByte(Metric):
    """Bits needed for each byte of the text: sum of -log2 p over tokens, divided by the bytes they stand for.

    The batch entry ``bytes`` holds each target token's number of bytes (B, T); without it each token is taken for one byte, which
    is right for byte tokens and ASCII characters.

    Shapes: prediction output (B, T, V) logits, target (B, T).
    Errors: ``ValueError`` when ``bytes`` has another shape than the target.
    Use when comparing models with different tokenizers.

    >>> metric = BitsPerByte()
    >>> metric.update({"output": torch.zeros(1, 3, 4)}, {"target": torch.zeros(1, 3, dtype=torch.long)})
    >>> round(metric.compute(), 4)
    2.0
    """

    direction = "min"
    differentiable = True

    def __init__(self, *, bytes: str = "bytes", dim: int = -1, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.bytes, self.dim = bytes, dim

    @torch.no_grad()
    def update(self, prediction, batch) -> None:
        output = pick(prediction, self.output, "prediction", "BitsPerByte").detach()
        target = pick(batch, self.target, "batch", "BitsPerByte").to(output.device)
        keep = batch[self.mask].to(output.device) if self.mask in batch else None
        size = batch[self.bytes].to(output.device) if self.bytes in batch else torch.ones_like(target)
        if size.shape != target.shape:
            raise ValueError(f"{self.bytes!r} holds each token's bytes, in the target's shape {tuple(target.shape)}; got {tuple(size.shape)}.")
        self.merge(self.sized(output, target, keep, size))

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        return self.sized(output, target, keep, torch.ones_like(target))

    def sized(self, output: Tensor, target: Tensor, keep: Tensor | None, size: Tensor) -> dict[str, Tensor]:
        """What tokens of these sizes add."""
        nats = negative_log_likelihood(output, target, keep, dim=self.dim)
        return {"nats": nats.sum(), "bytes": long_float(kept(size, keep)).sum()}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        if totals["bytes"] == 0:
            raise ValueError("BitsPerByte has seen no byte of text, so there is nothing to compute.")
        return totals["nats"] / (totals["bytes"] * math.log(2))
