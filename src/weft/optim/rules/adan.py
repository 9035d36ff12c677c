"""Adan: Nesterov's momentum estimated from differences of gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by


class Adan(Rule):
    """The rule of ``adan``."""

    slots = ("exp_avg", "exp_avg_diff", "exp_avg_sq", "previous")
    elementwise = True

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second, third = group["betas"]
        means, differences, squares, previous = (column(states, name) for name in self.slots)
        change = torch._foreach_sub(gradients, previous if step > 1 else gradients)
        torch._foreach_copy_(previous, gradients)
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_lerp_(differences, change, 1 - second)
        torch._foreach_mul_(change, second)
        torch._foreach_add_(change, gradients)
        torch._foreach_mul_(squares, third)
        torch._foreach_addcmul_(squares, change, change, value=1 - third)
        below = torch._foreach_sqrt(squares)
        torch._foreach_div_(below, (1 - third**step) ** 0.5)
        torch._foreach_add_(below, group["eps"])
        torch._foreach_addcdiv_(parameters, means, below, value=-group["lr"] / (1 - first**step))
        torch._foreach_addcdiv_(parameters, differences, below, value=-group["lr"] * second / (1 - second**step))
        if group["weight_decay"]:
            torch._foreach_div_(parameters, 1 + group["lr"] * group["weight_decay"])


def adan(lr: float = 1e-3, weight_decay: float = 0.0, betas: tuple[float, float, float] = (0.98, 0.92, 0.99), eps: float = 1e-8) -> Factory:
    """Adan: Adam with Nesterov's look ahead, made of the gradient and of its change since the last step.

    m <- b1 m + (1 - b1) g, d <- b2 d + (1 - b2) (g - g'), n <- b3 n + (1 - b3) (g + b2 (g - g'))^2,
    w <- (w - lr (m^ + b2 d^) / (sqrt(n^) + eps)) / (1 + lr weight_decay). Decay on matrices and kernels only.
    Paper: Xie et al., 2022, arXiv:2208.06677. Use for vision transformers and large rates; instead of it ``adamw``, which keeps half as much.
    Cost: four numbers of state per parameter. Differs: betas are what is kept, not what is added, as elsewhere here.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); adan(0.5)([("w", w)]).step(); round(w.item(), 4)
    -0.5
    """
    return made_by(Adan, "adan", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps})
