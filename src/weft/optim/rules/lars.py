"""LARS: momentum with a rate for each layer, for very large batches of pictures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by


class Lars(Rule):
    """The rule of ``lars``."""

    slots = ("momentum_buffer",)

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        moves = list(gradients)
        layers = [i for i, p in enumerate(parameters) if p.ndim > 1]
        if layers:
            weights, grads = [parameters[i] for i in layers], [gradients[i] for i in layers]
            decay = group["weight_decay"]
            w, g = torch.stack(torch._foreach_norm(weights)), torch.stack(torch._foreach_norm(grads))
            below = g + decay * w
            rates = torch.where((w > 0) & (below > 0), group["trust"] * w / below, torch.ones_like(w))
            decayed = torch._foreach_add(grads, weights, alpha=decay)
            torch._foreach_mul_(decayed, list(rates.unbind()))
            for i, move in zip(layers, decayed, strict=True):
                moves[i] = move
        buffers = column(states, "momentum_buffer")
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, moves)
        if group["nesterov"]:
            buffers = torch._foreach_add(moves, buffers, alpha=group["momentum"])
        torch._foreach_add_(parameters, buffers, alpha=-group["lr"])


def lars(lr: float = 1.0, momentum: float = 0.9, weight_decay: float = 1e-4, trust: float = 1e-3, nesterov: bool = False) -> Factory:
    """LARS: stochastic gradient descent in which each matrix has the rate trust |w| / (|g| + weight_decay |w|).

    v <- momentum v + rate (g + weight_decay w), w <- w - lr v; biases and norms take the plain step and do not decay.
    Paper: You et al., 2017, arXiv:1708.03888. Use for convolutional nets with batches of thousands and for SimCLR and BYOL; instead of it
    ``sgd``, or ``lamb`` for transformers. Cost: one number of state per parameter, two norms a layer.
    Differs: the rate multiplies v when it is used, as torch does, so that a schedule acts at once.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.full((2, 2), 3.0)); w.grad = torch.ones(2, 2); lars(1.0, 0.0, 0.0, 0.1)([("w", w)]).step(); round(w[0, 0].item(), 4)
    2.7
    """
    return made_by(Lars, "lars", {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "nesterov": nesterov})
