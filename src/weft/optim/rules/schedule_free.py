"""Schedule-free learning: an average of the weights takes the place of a falling rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from weft.optim.averages import submodule
from weft.optim.optimizers import Factory, Named
from weft.optim.rules.rule import Rule, States, column, made_by
from weft.optim.schedules import Progress


class ScheduleFree(Rule):
    """The rule of ``schedule_free_sgd`` and ``schedule_free_adamw``: the parameters are y, the state keeps z."""

    elementwise = True

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        state = {"z": parameter.detach().clone()}
        return state | {"exp_avg_sq": torch.zeros_like(parameter)} if group["squares"] else state

    def before(self) -> None:
        for group in self.param_groups:
            age = group["age"] = group.get("age", 0) + 1  # what is no option stays in the group when it is saved
            warm = group["lr"] * min(1.0, age / max(1, group["warmup"]))
            largest = group["largest"] = max(warm, group.get("largest", 0.0))
            group["weights"] = group.get("weights", 0.0) + largest**2
            group["share"] = largest**2 / group["weights"] if group["weights"] else 0.0

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        z, beta, share = column(states, "z"), group["beta"], group["share"]
        lr = group["lr"] * min(1.0, group["age"] / max(1, group["warmup"]))
        moves = gradients
        if group["squares"]:
            second, squares = group["beta2"], column(states, "exp_avg_sq")
            torch._foreach_mul_(squares, second)
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - second)
            below = torch._foreach_div(squares, 1 - second**step)
            torch._foreach_sqrt_(below)
            torch._foreach_add_(below, group["eps"])
            moves = torch._foreach_div(gradients, below)
        if group["weight_decay"]:
            moves = torch._foreach_add(moves, parameters, alpha=group["weight_decay"])
        torch._foreach_lerp_(parameters, z, share)
        torch._foreach_add_(parameters, list(moves), alpha=-lr * (1 - beta * (1 - share)))
        torch._foreach_sub_(z, list(torch._foreach_mul(moves, lr)))


class schedule_free:
    """A factory that remembers the optimizer it made, so that ``average`` can read the averaged weights from it."""

    def __init__(self, make: Factory):
        self.make = make
        self.optimizer: ScheduleFree | None = None

    def __call__(self, named: Named) -> torch.optim.Optimizer:
        optimizer = self.make(named)
        assert isinstance(optimizer, ScheduleFree)
        self.optimizer = optimizer
        return optimizer

    def average(self, target: str = "average", source: str = "network") -> ScheduleFreeAverage:
        """The follow-up that writes the averaged weights into ``method.average``, which evaluation, prediction and bundles then use."""
        return ScheduleFreeAverage(self, target, source)


class ScheduleFreeAverage:
    """Follow-up of a schedule-free optimizer: target <- its averaged weights, after every step; buffers are copied.

    ``target`` and ``source`` name submodules of the method; ``factory`` is the one of the same update. Batch norm's statistics
    belong to the training point; ``refresh_statistics`` takes them anew for the average.
    """

    def __init__(self, factory: schedule_free, target: str = "average", source: str = "network"):
        self.factory, self.target, self.source = factory, target, source
        self.pairs: list[tuple[Tensor, nn.Parameter]] = []
        self.buffers: list[tuple[Tensor, Tensor]] = []

    def bind(self, method: nn.Module) -> None:
        target, source = submodule(method, self.target, "target"), submodule(method, self.source, "source")
        self.pairs = list(zip(target.parameters(), source.parameters(), strict=True))
        self.buffers = list(zip(target.buffers(), source.buffers(), strict=True))

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        optimizer = self.factory.optimizer
        if optimizer is None or not self.pairs:
            raise TypeError(
                "The average of a schedule-free optimizer works inside its own update:"
                " rule = schedule_free_adamw(); Update(rule, after=[rule.average()])."
            )
        moved = {id(p): group["beta"] for group in optimizer.param_groups for p in group["params"] if optimizer.state.get(p)}
        for average, p in self.pairs:
            average.copy_(torch.lerp(optimizer.state[p]["z"], p, 1 / moved[id(p)]) if id(p) in moved else p)
        for average, now in self.buffers:
            average.copy_(now)


def schedule_free_sgd(lr: float = 1.0, beta: float = 0.9, weight_decay: float = 0.0, warmup: int = 0) -> schedule_free:
    """Schedule-free gradient descent: gradients at y, between a plain descent z and its average x, which is what one evaluates.

    y = (1 - beta) z + beta x, z <- z - lr (g(y) + weight_decay y), x <- (1 - c) x + c z with c = lr^2 / sum of lr^2, over ``warmup`` steps
    of a rising rate. Decay on matrices and kernels only.
    Paper: Defazio et al., 2024, arXiv:2405.15682. Use when the length of training is not known, with a rate larger than SGD's and no schedule;
    instead of it ``sgd`` with ``cosine``. Cost: one number of state per parameter, and the average where it is wanted:
    ``rule = schedule_free_sgd(); Update(rule, after=[rule.average()])`` with ``method.average = average_of(method.network)``.

    >>> w = nn.Parameter(torch.ones(1)); w.grad = torch.ones(1); schedule_free_sgd(0.5)([("w", w)]).step(); w.item()
    0.5
    """
    options = {"lr": lr, "beta": _interior("schedule_free_sgd", beta), "weight_decay": weight_decay, "warmup": warmup, "squares": False}
    return schedule_free(made_by(ScheduleFree, "schedule_free_sgd", options))


def schedule_free_adamw(
    lr: float = 2.5e-3, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.0, eps: float = 1e-8, warmup: int = 0
) -> schedule_free:
    """Schedule-free AdamW: as ``schedule_free_sgd``, with each entry's gradient divided by sqrt(v^) + eps; ``betas[0]`` places y.

    Paper: Defazio et al., 2024, arXiv:2405.15682. Use in place of ``adamw`` with ``cosine`` when the length of training is not known.
    Cost: two numbers of state per parameter, and the average where it is wanted. Differs: decay is taken at y, as in the authors' default.

    >>> w = nn.Parameter(torch.ones(1)); w.grad = torch.ones(1); schedule_free_adamw(0.5)([("w", w)]).step(); round(w.item(), 4)
    0.5
    """
    beta = _interior("schedule_free_adamw", betas[0])
    options = {"lr": lr, "beta": beta, "beta2": betas[1], "weight_decay": weight_decay, "eps": eps, "warmup": warmup, "squares": True}
    return schedule_free(made_by(ScheduleFree, "schedule_free_adamw", options))


def _interior(name: str, beta: float) -> float:
    if not 0 < beta < 1:
        raise ValueError(f"{name}: beta={beta}; expected more than 0 and less than 1: y lies between the descent and its average.")
    return beta
