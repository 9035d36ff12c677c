"""LAMB: Adam with a rate for each layer, for very large batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by, ratio_of_norms


class Lamb(Rule):
    """The rule of ``lamb``."""

    slots = ("exp_avg", "exp_avg_sq")

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second = group["betas"]
        means, squares = column(states, "exp_avg"), column(states, "exp_avg_sq")
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - second)
        moves = torch._foreach_sqrt(squares)
        torch._foreach_div_(moves, (1 - second**step) ** 0.5)
        torch._foreach_add_(moves, group["eps"])
        torch._foreach_reciprocal_(moves)
        torch._foreach_mul_(moves, means)
        torch._foreach_div_(moves, 1 - first**step)
        if group["weight_decay"]:
            torch._foreach_add_(moves, parameters, alpha=group["weight_decay"])
        layers = [i for i, p in enumerate(parameters) if p.ndim > 1]
        if layers:
            among = [moves[i] for i in layers]
            torch._foreach_mul_(among, ratio_of_norms([parameters[i] for i in layers], among))
        torch._foreach_add_(parameters, moves, alpha=-group["lr"])


def lamb(lr: float = 1e-3, weight_decay: float = 0.01, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6) -> Factory:
    """LAMB: each matrix moves by lr times its own length, in the direction that AdamW takes.

    r = m^ / (sqrt(v^) + eps) + weight_decay w, w <- w - lr (|w| / |r|) r; biases and norms neither decay nor are scaled.
    Paper: You et al., 2020, arXiv:1904.00962. Use for batches of thousands, with a warm-up and the rate scaled by the root of the batch;
    instead of it ``adamw`` for ordinary ones. Cost: two numbers of state per parameter, two norms a layer. Differs: no clip of the ratio.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.full((2, 2), 3.0)); w.grad = torch.ones(2, 2); lamb(0.1, 0.0)([("w", w)]).step(); round(w[0, 0].item(), 4)
    2.7
    """
    return made_by(Lamb, "lamb", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps})
