"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, made_by, shrink
from weft.optim.rules.shampoo import eigen


class Soap(Rule):
    """The rule of ``soap``."""

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        fine = parameter.dtype if parameter.dtype == torch.float64 else torch.float32
        state: dict[str, Any] = {name: torch.zeros_like(parameter, dtype=fine) for name in ("exp_avg", "exp_avg_sq")}
        if parameter.ndim > 1:
            for i, size in enumerate(parameter.shape):
                if size <= group["largest"]:
                    state[f"gram_{i}"] = torch.zeros(size, size, dtype=fine, device=parameter.device)
                    state[f"basis_{i}"] = torch.eye(size, dtype=fine, device=parameter.device)
        return state

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        first, second = group["betas"]
        shrunk = False
        for p, gradient, state in zip(parameters, gradients, states, strict=True):
            g = gradient.to(state["exp_avg"].dtype)
            if step == 1:  # the first gradient only says how the basis lies; a step in it would be Adam's sign of every direction
                self._learn(group, 0, g, state)
                continue
            shrunk = True
            mean, squares = state["exp_avg"].lerp_(g, 1 - first), state["exp_avg_sq"]
            turned = rotate(g, state, back=False)
            squares.lerp_(turned.square(), 1 - second)
            move = rotate(rotate(mean, state, back=False) / squares.sqrt().add_(group["eps"]), state, back=True)
            rate = group["lr"] * math.sqrt(1 - second ** (step - 1)) / (1 - first ** (step - 1))
            p.add_(move.to(p.dtype), alpha=-rate)
            self._learn(group, step - 1, g, state)
        if shrunk:
            shrink(group, parameters)

    def _learn(self, group: dict[str, Any], step: int, gradient: Tensor, state: dict[str, Any]) -> None:
        for i in sides(state, gradient.ndim):
            others = [d for d in range(gradient.ndim) if d != i]
            outer = torch.tensordot(gradient, gradient, dims=(others, others))  # type: ignore[arg-type]
            state[f"gram_{i}"].lerp_(outer, 1 - group["betas"][1])
            if step == 0:
                state[f"basis_{i}"].copy_(eigen(state[f"gram_{i}"])[1].flip(1))
            elif step % group["every"] == 0:
                self._turn(state, i)

    def _turn(self, state: dict[str, Any], i: int) -> None:
        """One round of orthogonal iteration, largest directions first; the second moments move with their directions."""
        gram, basis = state[f"gram_{i}"], state[f"basis_{i}"]
        product = gram @ basis
        order = (basis * product).sum(0).argsort(descending=True)
        state["exp_avg_sq"].copy_(state["exp_avg_sq"].index_select(i, order))
        basis.copy_(torch.linalg.qr(product[:, order])[0])


def sides(state: dict[str, Any], ndim: int) -> list[int]:
    """The dimensions that have a basis."""
    return [i for i in range(ndim) if f"basis_{i}" in state]


def rotate(tensor: Tensor, state: dict[str, Any], *, back: bool) -> Tensor:
    """Into the eigenbasis of each dimension, or back."""
    for i in sides(state, tensor.ndim):
        tensor = torch.tensordot(state[f"basis_{i}"], tensor, dims=([1 if back else 0], [i])).movedim(0, i)  # type: ignore[arg-type]
    return tensor


def soap(
    lr: float = 3e-3,
    weight_decay: float = 0.01,
    betas: tuple[float, float] = (0.95, 0.95),
    eps: float = 1e-8,
    every: int = 10,
    largest: int = 1024,
) -> Factory:
    """SOAP: Adam on gradients turned into the eigenvectors of the averages of G G^T and G^T G, and turned back.

    The bases follow by one QR step every ``every`` steps; dimensions longer than ``largest`` are not turned; biases and norms take Adam's
    step. The first step only measures. Decoupled decay on matrices and kernels only.
    Paper: Vyas et al., 2024, arXiv:2409.11321. Use for transformers when fewer steps matter; instead of it ``adamw``, cheaper by step, or ``muon``.
    Cost: for an (m, n) matrix 2 (m n + m^2 + n^2) numbers of state, four products a step, O(m^3 + n^3) every ``every`` steps.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(2, 2)); w.grad = torch.eye(2); rule = soap(0.5)([("w", w)]); rule.step(); w[0, 0].item()
    0.0
    """
    if every < 1 or largest < 1:
        raise ValueError(f"soap: every={every}, largest={largest}; expected whole numbers of at least 1.")
    return made_by(Soap, "soap", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps, "every": every, "largest": largest})
