"""Sophia: momentum divided by an estimate of the Hessian's diagonal, entry by entry and clipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from weft.losses.loss import Loss
from weft.optim.estimators import Objective
from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, column, made_by, shrink


class Sophia(Rule):
    """The rule of ``sophia``; ``observe`` gives it a new estimate of the diagonal."""

    slots = ("exp_avg", "hessian")
    elementwise = True

    def observe(self, diagonals: Mapping[nn.Parameter, Tensor]) -> None:
        """h <- b2 h + (1 - b2) new, for each parameter."""
        for group in self.param_groups:
            for p in group["params"]:
                if p in diagonals:
                    if not self.state[p]:
                        self.state[p] = {"step": 0, **self.begin(group, p)}
                    self.state[p]["hessian"].lerp_(diagonals[p].to(p.dtype), 1 - group["betas"][1])

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        means = column(states, "exp_avg")
        shrink(group, parameters)
        torch._foreach_lerp_(means, gradients, 1 - group["betas"][0])
        below = torch._foreach_mul(column(states, "hessian"), group["gamma"])
        torch._foreach_clamp_min_(below, group["eps"])
        moves = torch._foreach_div(means, below)
        torch._foreach_clamp_min_(moves, -1.0)
        torch._foreach_clamp_max_(moves, 1.0)
        torch._foreach_add_(parameters, moves, alpha=-group["lr"])


def sophia(
    lr: float = 6e-4, weight_decay: float = 0.1, betas: tuple[float, float] = (0.96, 0.99), gamma: float = 0.01, eps: float = 1e-12
) -> Factory:
    """Sophia: each entry moves by lr clip(m / max(gamma h, eps), 1), where h estimates the Hessian's diagonal.

    Its update needs an estimator that measures h now and then: ``HutchinsonDiagonal()`` or ``GaussNewtonDiagonal(resample)``. Where nothing
    was measured, or curvature is negative, it moves like the sign of a momentum. Decoupled decay on matrices and kernels only.
    Paper: Liu et al., 2023, arXiv:2305.14342. Use for language models; instead of it ``adamw``. Cost: two numbers of state per parameter,
    and what the estimator takes.

    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); rule = sophia(0.5)([("w", w)])
    >>> rule.observe({w: torch.full((1,), 1000.0)}); rule.step(); round(w.item(), 4)
    -0.2
    """
    if gamma <= 0:
        raise ValueError(f"sophia: gamma={gamma}; expected a positive number, such as 0.01: it says how often a step is clipped.")
    return made_by(Sophia, "sophia", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "gamma": gamma, "eps": eps})


class CurvatureUpdate(Protocol):
    """What the diagonal estimators use of an update."""

    named: list[tuple[str, nn.Parameter]]
    parameters: list[nn.Parameter]
    optimizer: torch.optim.Optimizer
    world: int

    def gradient(self, objective: Objective, batch: Any, *, part: bool = False) -> Loss: ...


class HutchinsonDiagonal:
    """Estimator for ``sophia``: every ``every`` steps u * H u with random signs u, H u from two gradients at w + e u and w - e u.

    The gradients are those of the update, so precision, microbatches and ranks are as everywhere. Exact up to rounding where the loss is
    quadratic along u. Paper: Hutchinson, 1989; Liu et al., 2023, arXiv:2305.14342. Use when labels cannot be sampled from the network;
    instead of it ``GaussNewtonDiagonal``, whose estimate is never negative. Cost: two further gradients every ``every`` steps.
    Errors: an optimizer other than Sophia. Differs: finite differences of length ``scale`` per entry instead of a second derivative.

    >>> HutchinsonDiagonal(every=5).every
    5
    """

    def __init__(self, every: int = 10, scale: float = 1e-3, seed: int = 0):
        if every < 1 or scale <= 0:
            raise ValueError(f"HutchinsonDiagonal(every={every}, scale={scale}): expected at least 1 step and a positive length.")
        self.every, self.scale, self.seed, self.steps = every, scale, seed, 0
        self.generator = torch.Generator().manual_seed(seed)

    def bind(self, method: nn.Module) -> None:
        self.steps = 0
        self.generator.manual_seed(self.seed)

    def __call__(self, update: CurvatureUpdate, objective: Objective, batch: Any) -> Loss:
        loss = update.gradient(objective, batch)
        due = self.steps % self.every == 0
        self.steps += 1
        if not due:
            return loss
        kept = [None if p.grad is None else p.grad.clone() for p in update.parameters]
        before = [p.detach().clone() for p in update.parameters]
        signs = [torch.randint(0, 2, p.shape, generator=self.generator).to(p).mul_(2).sub_(1) for p in update.parameters]
        looks: list[list[Tensor]] = []
        try:
            for side in (self.scale, -self.scale):
                with torch.no_grad():
                    for p, old, u in zip(update.parameters, before, signs, strict=True):
                        p.copy_(old + side * u)
                        p.grad = None
                update.gradient(objective, batch)
                looks.append([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in update.parameters])
        finally:
            with torch.no_grad():
                for p, old, g in zip(update.parameters, before, kept, strict=True):
                    p.copy_(old)
                    p.grad = g
        rows = zip(update.parameters, signs, *looks, strict=True)
        found = {p: u * (plus - minus) / (2 * self.scale) for p, u, plus, minus in rows}
        if all(bool(torch.isfinite(h).all()) for h in found.values()):
            _observer(update, "HutchinsonDiagonal").observe(found)
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.generator.set_state(state["generator"])


class GaussNewtonDiagonal:
    """Estimator for ``sophia``: every ``every`` steps B g * g, where g is the mean gradient over a batch of B whose targets the network drew.

    ``resample(batch) -> batch`` replaces the targets by samples of the network's own prediction (for a classifier:
    ``batch | {"target": torch.distributions.Categorical(logits=network(batch["input"])).sample()}``). With the cross-entropy of those
    targets the estimate is the diagonal of the Gauss-Newton matrix in the mean.
    Paper: Liu et al., 2023, arXiv:2305.14342. Use for classifiers and language models; instead of it ``HutchinsonDiagonal`` for any loss.
    Cost: one forward pass and one gradient every ``every`` steps. Errors: an optimizer other than Sophia.

    >>> GaussNewtonDiagonal(lambda batch: batch, every=5).every
    5
    """

    def __init__(self, resample: Callable[[Any], Any], every: int = 10):
        if every < 1:
            raise ValueError(f"GaussNewtonDiagonal(every={every}): expected at least 1 step.")
        self.resample, self.every, self.steps = resample, every, 0

    def bind(self, method: nn.Module) -> None:
        self.steps = 0

    def __call__(self, update: CurvatureUpdate, objective: Objective, batch: Any) -> Loss:
        due = self.steps % self.every == 0
        self.steps += 1
        if due:
            with torch.no_grad():
                drawn = self.resample(batch)
            sampled = update.gradient(objective, drawn)
            counts = [float(t.count) for t in sampled.terms.values() if t.count is not None]
            found = {p: p.grad.square() * counts[0] for p in update.parameters if p.grad is not None} if counts else {}
            if all(bool(torch.isfinite(h).all()) for h in found.values()):
                _observer(update, "GaussNewtonDiagonal").observe(found)
            for p in update.parameters:
                p.grad = None
        return update.gradient(objective, batch)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]


def _observer(update: CurvatureUpdate, name: str) -> Sophia:
    if not isinstance(update.optimizer, Sophia):
        raise ValueError(
            f"{name} measures curvature for sophia; this update's optimizer is {type(update.optimizer).__name__}. Use Update(sophia(...))."
        )
    return update.optimizer
