"""SWATS: begins as Adam and goes on as SGD, at a rate that it learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by


class Swats(Rule):
    """The rule of ``swats``; ``param_groups[i]["sgd_share"]`` is None until the switch."""

    slots = ("exp_avg", "exp_avg_sq")

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second = group["betas"]
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
        if group.get("sgd_share") is not None:
            self._as_sgd(group, parameters, gradients, states)
            return
        means, squares = column(states, "exp_avg"), column(states, "exp_avg_sq")
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - second)
        moves = torch._foreach_sqrt(squares)
        torch._foreach_add_(moves, group["eps"])
        torch._foreach_reciprocal_(moves)
        torch._foreach_mul_(moves, means)
        torch._foreach_mul_(moves, -group["lr"] * (1 - second**step) ** 0.5 / (1 - first**step))
        torch._foreach_add_(parameters, moves)
        self._watch(group, step, list(moves), gradients)

    def _watch(self, group: dict[str, Any], step: int, moves: list[Tensor], gradients: list[Tensor]) -> None:
        """The rate at which SGD's step, projected on this one, would be as long: its average settles, and SGD takes over."""
        if moves[0].is_meta:  # an estimate of memory has no numbers
            return
        along = float(torch.stack([(m * g).sum() for m, g in zip(moves, gradients, strict=True)]).sum())
        if along == 0 or not group["lr"]:
            return
        length = float(torch.stack([m.square().sum() for m in moves]).sum())
        rate, beta = -length / along, group["betas"][1]
        group["estimate"] = beta * group.get("estimate", 0.0) + (1 - beta) * rate
        settled = group["estimate"] / (1 - beta**step)
        if step > 1 and settled > 0 and abs(settled - rate) <= group["tolerance"] * abs(rate):
            group["sgd_share"] = settled / group["lr"]  # a share of lr, so that the schedule goes on

    def _as_sgd(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        for state in states:
            if "velocity" not in state:
                state["velocity"] = torch.zeros_like(state["exp_avg"])
        velocities, momentum = column(states, "velocity"), group["betas"][0]
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(parameters, velocities, alpha=-(1 - momentum) * group["lr"] * group["sgd_share"])


def swats(
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    tolerance: float = 1e-5,
) -> Factory:
    """SWATS: Adam until the rate of an SGD step of equal length has settled within ``tolerance`` of its average, then SGD at that rate.

    With p Adam's step, the rate is -p.p / p.g, averaged with b2; afterwards v <- b1 v + g, w <- w - (1 - b1) rate v. Each group switches by
    itself. Decay is coupled, on matrices and kernels only. Paper: Keskar and Socher, 2017, arXiv:1712.07628.
    Use when Adam starts well and SGD ends better; instead of it ``adabound``, which changes gradually, or two named stages with an optimizer each.
    Cost: two numbers of state per parameter, three after the switch; two sums over the gradients are read back each step.
    Differs: the tolerance is relative, the rate follows the schedule.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); swats(0.5)([("w", w)]).step(); round(w.item(), 4)
    -0.5
    """
    return made_by(Swats, "swats", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps, "tolerance": tolerance})
