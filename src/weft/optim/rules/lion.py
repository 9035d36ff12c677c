"""Lion: the sign of a momentum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by, shrink


class Lion(Rule):
    """The rule of ``lion``."""

    slots = ("exp_avg",)
    elementwise = True

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second = group["betas"]
        averages = column(states, "exp_avg")
        shrink(group, parameters)
        moves = torch._foreach_lerp(averages, gradients, 1 - first)
        torch._foreach_sign_(moves)
        torch._foreach_lerp_(averages, gradients, 1 - second)
        torch._foreach_add_(parameters, moves, alpha=-group["lr"])


def lion(lr: float = 1e-4, weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.99)) -> Factory:
    """Lion: every entry moves by the learning rate, in the direction of a momentum's sign.

    w <- (1 - lr weight_decay) w - lr sign(b1 m + (1 - b1) g), then m <- b2 m + (1 - b2) g. Decay on matrices and kernels only.
    Paper: Chen et al., 2023, arXiv:2302.06675. Use for large batches where memory counts, with a rate 3 to 10 times smaller and a decay as
    much larger than AdamW's; instead of it ``adamw`` for small batches, whose signs are noise. Cost: one number of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.ones(2)); w.grad = torch.tensor([3.0, -0.1]); lion(0.5)([("w", w)]).step(); w.tolist()
    [0.5, 1.5]
    """
    return made_by(Lion, "lion", {"lr": lr, "betas": betas, "weight_decay": weight_decay})
