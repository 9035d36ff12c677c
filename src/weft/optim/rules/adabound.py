"""AdaBound and AMSBound: Adam whose steps are held between bounds that close to those of SGD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by, shrink


class AdaBound(Rule):
    """The rule of ``adabound``."""

    slots = ("exp_avg", "exp_avg_sq")
    elementwise = True

    def __init__(self, groups: list[dict[str, Any]], options: Mapping[str, Any]):
        super().__init__(groups, options)
        self.base_rate = float(options["lr"])  # a schedule changes the group's rate; the final one follows it in proportion

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        state = super().begin(group, parameter)
        return state | {"max_exp_avg_sq": torch.zeros_like(parameter)} if group["amsbound"] else state

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second = group["betas"]
        means, squares = column(states, "exp_avg"), column(states, "exp_avg_sq")
        shrink(group, parameters)
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - second)
        if group["amsbound"]:
            largest = column(states, "max_exp_avg_sq")
            torch._foreach_maximum_(largest, squares)
            squares = largest
        final = group["final_lr"] * group["lr"] / self.base_rate if self.base_rate else 0.0
        rates = torch._foreach_sqrt(squares)
        torch._foreach_add_(rates, group["eps"])
        torch._foreach_reciprocal_(rates)
        torch._foreach_mul_(rates, group["lr"] * (1 - second**step) ** 0.5 / (1 - first**step))
        torch._foreach_clamp_min_(rates, final * (1 - 1 / (group["gamma"] * step + 1)))
        torch._foreach_clamp_max_(rates, final * (1 + 1 / (group["gamma"] * step)))
        torch._foreach_addcmul_(parameters, rates, means, value=-1)


def adabound(
    lr: float = 1e-3,
    final_lr: float = 0.1,
    gamma: float = 1e-3,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    amsbound: bool = False,
) -> Factory:
    """AdaBound: Adam's rate of each entry, clipped to bounds that close on ``final_lr``; ``amsbound`` divides by the largest second moment.

    w <- w - clip(lr sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + eps), f (1 - 1 / (gamma t + 1)), f (1 + 1 / (gamma t))) m, where f is
    ``final_lr`` and follows the schedule of ``lr``. Decoupled decay on matrices and kernels only.
    Paper: Luo et al., 2019, arXiv:1902.09843. Use when Adam starts well and SGD ends better; instead of it ``swats``, which changes at once.
    Cost: two numbers of state per parameter, three with ``amsbound``. Differs: the paper's pseudo-code leaves Adam's correction out.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); adabound(1e-3)([("w", w)]).step(); round(w.item(), 6)
    -0.001
    """
    if final_lr <= 0 or gamma <= 0:
        raise ValueError(f"adabound: final_lr={final_lr}, gamma={gamma}; expected positive numbers: the bounds close on final_lr at the pace gamma.")
    options = {"lr": lr, "final_lr": final_lr, "gamma": gamma, "weight_decay": weight_decay, "betas": betas, "eps": eps, "amsbound": amsbound}
    return made_by(AdaBound, "adabound", options)
