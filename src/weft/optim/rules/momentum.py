"""Momentum in the textbook's convention, with the rate inside the velocity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by


class ClassicalMomentum(Rule):
    """The rule of ``classical_momentum``."""

    slots = ("velocity",)
    elementwise = True

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        velocities, momentum, lr = column(states, "velocity"), group["momentum"], group["lr"]
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, gradients, alpha=lr)
        if group["nesterov"]:
            torch._foreach_add_(parameters, gradients, alpha=-lr)
            torch._foreach_add_(parameters, velocities, alpha=-momentum)
        else:
            torch._foreach_sub_(parameters, velocities)


def classical_momentum(lr: float = 0.1, momentum: float = 0.9, weight_decay: float = 0.0, nesterov: bool = False) -> Factory:
    """Gradient descent with the velocity of the textbooks: v <- momentum v + lr g, w <- w - v.

    With a constant rate it is ``sgd``; when the rate changes, here the old velocity keeps the old one, there the new one acts on all of it.
    Decay is coupled, on matrices and kernels only. Paper: Sutskever et al., 2013.
    Use to repeat a paper that is written this way; instead of it ``sgd``. Cost: one number of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); rule = classical_momentum(0.5)([("w", w)])
    >>> rule.step(); rule.step(); round(w.item(), 4)
    -1.45
    """
    return made_by(ClassicalMomentum, "classical_momentum", {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov})
