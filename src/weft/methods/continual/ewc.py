"""Elastic weight consolidation: learn the next task without letting go of what the last one needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from weft.engine import Method, as_batch
from weft.losses import Loss, cross_entropy


class EWC(Method):
    """Minimise loss(network(x), y) + strength / 2 sum_i F_i (w_i - w*_i)^2, w* the weights after the last task, F its Fisher diagonal.

    ``consolidate(data)`` at the end of a task adds E[(d log p(y | x) / dw)^2], y drawn from the network's own answer, to F, and sets w*; before the
    first call the penalty is zero. Both are buffers (flat vectors over the trainable parameters), so they are saved with the method.
    Shapes: ``input`` (B, ...), logits (B, C), ``target`` (B,); optional ``mask``. ``decay`` < 1 lets earlier tasks fade.
    Errors: ``ValueError`` for a negative strength; for a trainable part that appears or vanishes after ``EWC`` was made.
    Paper: Kirkpatrick et al., 2017, arXiv:1612.00796; one sum for all tasks and its decay, Schwarz et al., 2018, arXiv:1805.06370.
    Use when tasks come one after another and old data is gone; instead of it, rehearsal when some may be kept. Cost: two numbers a weight,
    and one pass over each task's data, per sample.

    >>> method = EWC(nn.Linear(2, 3))
    >>> method.consolidate([{"input": torch.ones(4, 2)}]); bool(method.fisher.sum() > 0)
    True
    """

    fisher: Tensor
    anchor: Tensor

    def __init__(self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy, *, strength: float = 1000.0, decay: float = 1.0):
        super().__init__()
        if strength < 0 or not 0 <= decay <= 1:
            raise ValueError(f"EWC(strength={strength}, decay={decay}): the strength is not negative, the decay between 0 and 1.")
        self.network, self.criterion, self.strength, self.decay = network, loss, strength, decay
        weights = self.weights()
        self.register_buffer("fisher", torch.zeros_like(weights))
        self.register_buffer("anchor", weights.detach().clone())

    def weights(self) -> Tensor:
        """Every trainable parameter in one flat vector."""
        return torch.cat([p.flatten() for p in self.network.parameters() if p.requires_grad])

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        per_item = self.criterion(self.network(batch["input"]), batch["target"])
        weights = self.weights()
        if weights.shape != self.fisher.shape:
            raise ValueError(f"EWC was made for {self.fisher.numel()} trainable numbers, not {weights.numel()}. Make a new EWC after surgery.")
        penalty = 0.5 * (self.fisher * (weights - self.anchor).square()).sum()
        return Loss.mean(per_item, batch.get("mask", batch.get("weight"))) + Loss.penalty(penalty, weight=self.strength)

    def consolidate(self, data: Iterable[Any], *, generator: torch.Generator | None = None) -> None:
        """Call it when a task is learned, with that task's data: the Fisher diagonal is added up and the weights are remembered."""
        trainable = {n: p.detach() for n, p in self.network.named_parameters() if p.requires_grad}
        fixed = {n: t.detach() for n, t in (*self.network.named_parameters(), *self.network.named_buffers()) if n not in trainable}
        was_training = self.training
        self.eval()

        def surprise(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            logits = functional_call(self.network, {**fixed, **weights}, (x[None],))
            return -logits.log_softmax(1).gather(1, y.view(1, 1)).sum()

        total, count = torch.zeros_like(self.fisher), 0
        for raw in data:
            x = as_batch(raw)["input"].to(self.fisher.device)
            with torch.no_grad():
                y = torch.multinomial(self.network(x).softmax(1), 1, generator=generator)[:, 0]
            slopes = vmap(grad(surprise), (None, 0, 0))(trainable, x, y)
            total += torch.cat([slopes[n].square().sum(0).flatten() for n in trainable])
            count += len(x)
        self.train(was_training)
        if not count:
            raise ValueError("consolidate got no data; give it the batches of the task that was just learned.")
        with torch.no_grad():
            self.fisher.mul_(self.decay).add_(total / count)
            self.anchor.copy_(self.weights())
