"""Shampoo: gradients preconditioned along each of a tensor's dimensions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import Rule, States, made_by, shrink


class Shampoo(Rule):
    """The rule of ``shampoo``."""

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = {"momentum_buffer": torch.zeros_like(parameter)} if group["momentum"] else {}
        fine = parameter.dtype if parameter.dtype == torch.float64 else torch.float32
        if parameter.ndim < 2:
            return state | {"squares": torch.full_like(parameter, group["eps"], dtype=fine)}
        for i, size in enumerate(parameter.shape):
            if size <= group["largest"]:
                state[f"gram_{i}"] = torch.eye(size, dtype=fine, device=parameter.device) * group["eps"]
                state[f"root_{i}"] = torch.zeros_like(state[f"gram_{i}"])
        return state

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        shrink(group, parameters)
        moves = [self._preconditioned(group, step, g, s) for g, s in zip(gradients, states, strict=True)]
        for p, move, state in zip(parameters, moves, states, strict=True):
            if group["momentum"]:
                move = state["momentum_buffer"].mul_(group["momentum"]).add_(move)
            p.add_(move, alpha=-group["lr"])

    def _preconditioned(self, group: dict[str, Any], step: int, gradient: Tensor, state: dict[str, Any]) -> Tensor:
        keep, add = (group["beta2"], 1 - group["beta2"]) if group["beta2"] < 1 else (1.0, 1.0)
        if "squares" in state:
            g = gradient.to(state["squares"].dtype)
            state["squares"].mul_(keep).addcmul_(g, g, value=add)
            return self._grafted(group, (g / state["squares"].sqrt()).to(gradient.dtype), gradient)
        sides = [i for i in range(gradient.ndim) if f"gram_{i}" in state]
        move = gradient if not sides else gradient.to(state[f"gram_{sides[0]}"].dtype)
        whole = move
        for i in sides:
            gram, root = state[f"gram_{i}"], state[f"root_{i}"]
            flat = whole.movedim(i, 0).reshape(gram.shape[0], -1)
            gram.mul_(keep).addmm_(flat, flat.T, alpha=add)
            if step == 1 or step % group["every"] == 0:
                root.copy_(inverse_root(gram, 2 * len(sides), group["eps"]))
            move = torch.tensordot(root, move, dims=([1], [i])).movedim(0, i)  # type: ignore[arg-type]
        return self._grafted(group, move.to(gradient.dtype), gradient)

    def _grafted(self, group: dict[str, Any], move: Tensor, gradient: Tensor) -> Tensor:
        return move * (gradient.norm() / move.norm().clamp_min(1e-30)) if group["graft"] else move


def eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of a symmetric matrix; in float64 where float32 does not suffice for LAPACK to converge.

    >>> eigen(torch.eye(2))[0].tolist()
    [1.0, 1.0]
    """
    try:
        values, vectors = torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError:
        if not torch.isfinite(matrix).all():
            raise ArithmeticError(
                "The preconditioner of a matrix is not finite: its gradients overflowed when squared. Clip them, or lower the learning rate."
            ) from None
        values, vectors = (found.to(matrix.dtype) for found in torch.linalg.eigh(matrix.double()))
    return values, vectors


def inverse_root(matrix: Tensor, order: int, floor: float) -> Tensor:
    """matrix^(-1 / order) of a symmetric positive matrix, by its eigenvalues; those that rounding made smaller than ``floor`` are lifted to it.

    >>> inverse_root(torch.diag(torch.tensor([16.0, 1.0])), 4, 1e-6).diagonal()
    tensor([0.5000, 1.0000])
    """
    values, vectors = eigen(matrix)
    return (vectors * values.clamp_min(max(floor, torch.finfo(values.dtype).tiny)).pow(-1 / order)) @ vectors.T


def shampoo(
    lr: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    eps: float = 1e-6,
    beta2: float = 1.0,
    every: int = 10,
    largest: int = 1024,
    graft: bool = False,
) -> Factory:
    """Shampoo: a matrix's gradient becomes L^(-1/4) G R^(-1/4), where L and R sum G G^T and G^T G.

    A tensor of k preconditioned dimensions takes the power -1 / 2k along each; dimensions longer than ``largest`` are left alone; biases and norms
    take Adagrad's step. ``beta2`` below 1 averages instead of summing, ``every`` steps the roots are taken anew, ``graft`` gives each tensor the
    length of its gradient. Decoupled decay on matrices and kernels only.
    Paper: Gupta et al., 2018, arXiv:1802.09568. Use when steps are dearer than eigenvalues; instead of it ``soap``, which forgives stale roots.
    Cost: for an (m, n) matrix 2 (m^2 + n^2) numbers of state, and O(m^3 + n^3) every ``every`` steps.
    Differs: momentum is the heavy ball of preconditioned gradients; one-dimensional parameters are diagonal.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(2, 2)); w.grad = torch.eye(2) * 9; shampoo(1.0)([("w", w)]).step(); w.detach().diagonal().mul(100).round()
    tensor([-100., -100.])
    """
    if every < 1 or largest < 1 or not 0 < beta2 <= 1:
        raise ValueError(f"shampoo: every={every}, largest={largest}, beta2={beta2}; expected whole numbers of at least 1 and 0 < beta2 <= 1.")
    options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "eps": eps, "beta2": beta2}
    return made_by(Shampoo, "shampoo", options | {"every": every, "largest": largest, "graft": graft})
