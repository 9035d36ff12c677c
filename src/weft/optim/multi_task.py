"""Several tasks, one network: estimators that take each task's gradient by itself and agree on a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.losses.loss import Loss, Mean, Term
from weft.optim.estimators import Objective, Update

Gradients = list[Tensor | None]


class TaskGradients:
    """The gradient of each term of an objective's ``Loss``, one evaluation a term; all see the same random state.

    >>> TaskGradients().parts
    {}
    """

    def __init__(self) -> None:
        self.parts: dict[Any, Callable[[Any], Loss]] = {}  # kept, so that a compiled objective is compiled once a task

    def __call__(self, update: Update, objective: Objective, batch: Any) -> tuple[Loss, dict[str, Gradients]]:
        names: list[str] = []
        whole: Loss | None = None
        found: dict[str, Gradients] = {}
        while whole is None or len(found) < len(names):
            for p in update.parameters:
                p.grad = None
            loss = update.gradient(self._part(objective, len(found), names), batch)
            ((name, _),) = loss.terms.items()
            found[name] = [p.grad for p in update.parameters]
            whole = loss if whole is None else Loss(whole.terms | loss.terms, whole.logs, whole.couples)
        return whole, found

    def _part(self, objective: Objective, index: int, names: list[str]) -> Objective:
        key = (getattr(objective, "__func__", objective), index)
        box = self.parts.setdefault(key, _Part(index))
        box.objective, box.names = objective, names  # type: ignore[attr-defined]
        return box


class _Part:
    """One term of an objective as an objective of its own."""

    def __init__(self, index: int):
        self.index = index
        self.objective: Objective | None = None
        self.names: list[str] = []

    def __call__(self, batch: Any) -> Loss:
        assert self.objective is not None
        loss = self.objective(batch)
        if not self.names:
            self.names.extend(loss.terms)
        name = self.names[self.index]
        return Loss({name: loss.terms[name]}, loss.logs if self.index == 0 else {}, loss.couples)


def shared_by_tasks(found: Sequence[Gradients]) -> list[int]:
    """Positions of the parameters that at least two tasks move; the others belong to one task, whose gradient they keep.

    >>> one = torch.ones(1)
    >>> shared_by_tasks([[one, one, None], [one, None, one]])
    [0]
    """
    return [i for i, column in enumerate(zip(*found, strict=True)) if sum(g is not None for g in column) > 1]


def _rows(found: Sequence[Gradients], shared: Sequence[int]) -> Tensor:
    """The tasks' gradients of shared parameters, one flat row a task."""
    columns = [torch.stack([torch.zeros_like(_some(found, i)) if row[i] is None else row[i] for row in found]) for i in shared]  # type: ignore[misc]
    return torch.cat([c.flatten(1) for c in columns], 1)


def _some(found: Sequence[Gradients], position: int) -> Tensor:
    return next(g for row in found if (g := row[position]) is not None)


def _fill(update: Update, found: Sequence[Gradients], shared: Sequence[int], agreed: Tensor | None, weights: Sequence[float] | None = None) -> None:
    """Write the agreed gradient into shared parameters, and the (weighed) sum into the others."""
    factors = [1.0] * len(found) if weights is None else weights
    offset = 0
    for i, p in enumerate(update.parameters):
        if agreed is not None and i in set(shared):
            p.grad = agreed[offset : offset + p.numel()].view_as(p).clone()
            offset += p.numel()
            continue
        given = [f * g for f, row in zip(factors, found, strict=True) if (g := row[i]) is not None]
        p.grad = torch.stack(given).sum(0) if given else None


class ProjectConflicts:
    """Where two tasks pull apart, each gives up what hurts the other: g_i <- g_i - (g_i . g_j / |g_j|^2) g_j if g_i . g_j < 0.

    Every term of the objective's ``Loss`` is a task; each goes through the others in random order, then all are added. Parameters of one task
    alone keep its gradient. Logs ``conflicts``, the share of pairs that pull apart.
    Paper: Yu et al., 2020 (PCGrad), arXiv:2001.06782. Use when one task's progress undoes another's; instead of it, ``CommonDescent``, which no task
    loses by. Cost: a forward and a backward pass a task.

    >>> ProjectConflicts().generator.initial_seed()
    0
    """

    def __init__(self, seed: int = 0):
        self.generator, self.tasks = torch.Generator().manual_seed(seed), TaskGradients()

    @torch.no_grad()
    def project(self, rows: Tensor) -> tuple[Tensor, float]:
        """Each row without what opposes another, and the share of pairs that oppose each other."""
        products = rows @ rows.T
        count = len(rows)
        conflicts = float((products < 0).sum()) / max(count * (count - 1), 1)
        mended = rows.clone()
        for i in range(count):
            for j in torch.randperm(count, generator=self.generator).tolist():
                if i != j and (against := mended[i] @ rows[j]) < 0:
                    mended[i] -= against / products[j, j] * rows[j]
        return mended, conflicts

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        loss, by_task = self.tasks(update, objective, batch)
        found = list(by_task.values())
        shared = shared_by_tasks(found)
        if not shared:
            _fill(update, found, shared, None)
            return loss
        mended, conflicts = self.project(_rows(found, shared))
        _fill(update, found, shared, mended.sum(0))
        return Loss(loss.terms, {**loss.logs, "conflicts": Mean(torch.tensor(conflicts))}, loss.couples)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"])


class CommonDescent:
    """The shortest mixture of the tasks' gradients, along which no task's loss rises: min |sum w_i g_i| with w on the simplex.

    Where it is zero no step helps all: the point is Pareto-stationary. ``aversion`` instead finds a step near the mean gradient g0 that is best for
    the task that gains least: g0 + c |g0| g_w / |g_w|, w minimising g_w . g0 + c |g0| |g_w| (c in [0, 1): 0 is the plain mean).
    Every term of the objective's ``Loss`` is a task; parameters of one task alone keep its gradient. Logs ``weight/TASK``.
    Paper: Désidéri, 2012 (MGDA), doi:10.1016/j.crma.2012.03.014; Sener and Koltun, 2018, arXiv:1810.04650; ``aversion``, Liu et al., 2021 (CAGrad),
    arXiv:2110.14048. Use when no task may pay for another; instead of it, ``ProjectConflicts``, a milder cure. Cost: a forward and a backward pass
    a task.

    >>> CommonDescent(aversion=0.4).aversion
    0.4
    """

    def __init__(self, *, aversion: float | None = None):
        if aversion is not None and not 0 <= aversion < 1:
            raise ValueError(f"CommonDescent(aversion={aversion}): a share of the mean gradient's length, 0 or more and below 1.")
        self.aversion, self.tasks = aversion, TaskGradients()

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        loss, by_task = self.tasks(update, objective, batch)
        found = list(by_task.values())
        shared = shared_by_tasks(found)
        if not shared:
            _fill(update, found, shared, None)
            return loss
        rows = _rows(found, shared)
        gram = (rows.double() @ rows.double().T).cpu().numpy()
        if self.aversion is None:
            weights = least_norm(gram)
            agreed = torch.as_tensor(weights).to(rows) @ rows
        else:
            weights, agreed = self._averse(gram, rows)
        _fill(update, found, shared, agreed)
        return Loss(loss.terms, {**loss.logs, **_told(by_task, weights)}, loss.couples)

    def _averse(self, gram: np.ndarray, rows: Tensor) -> tuple[np.ndarray, Tensor]:
        mean = np.full(len(gram), 1 / len(gram))
        reach = float(self.aversion or 0.0) * float(np.sqrt(max(mean @ gram @ mean, 0.0)))

        def gain(w: np.ndarray) -> float:
            return float(w @ gram @ mean + reach * np.sqrt(max(w @ gram @ w, 0.0)))

        weights = on_simplex(gain, len(gram))
        length = float(np.sqrt(max(weights @ gram @ weights, 1e-24)))
        return weights, torch.as_tensor(mean + reach / length * weights).to(rows) @ rows


def _told(names: Any, weights: np.ndarray | Sequence[float]) -> dict[str, Mean]:
    return {f"weight/{name}": Mean(torch.tensor(float(w))) for name, w in zip(names, weights, strict=True)}


def least_norm(gram: np.ndarray, sweeps: int = 200) -> np.ndarray:
    """The weights on the simplex for which w^T G w is least, moving mass between pairs, each move exact.

    >>> least_norm(np.array([[1.0, 0.0], [0.0, 3.0]])).round(3).tolist()
    [0.75, 0.25]
    """
    count = len(gram)
    w = np.full(count, 1 / count)
    for _ in range(sweeps):
        before = w.copy()
        for i in range(count):
            for j in range(i):
                bend = gram[i, i] + gram[j, j] - 2 * gram[i, j]
                if bend > 0:
                    move = np.clip(-(gram[i] @ w - gram[j] @ w) / bend, -w[i], w[j])
                    w[i], w[j] = w[i] + move, w[j] - move
        if np.abs(w - before).max() < 1e-10:
            break
    return w


GOLDEN = (5**0.5 - 1) / 2


def on_simplex(function: Callable[[np.ndarray], float], count: int, sweeps: int = 20) -> np.ndarray:
    """The weights on the simplex where a convex function is least, by golden sections between pairs.

    >>> on_simplex(lambda w: float((w[0] - 0.7) ** 2), 2).round(3).tolist()
    [0.7, 0.3]
    """
    w = np.full(count, 1 / count)
    for _ in range(sweeps):
        before = w.copy()
        for i in range(count):
            for j in range(i):
                low, high = -w[i], w[j]
                pair = np.zeros(count)
                pair[i], pair[j] = 1.0, -1.0
                while high - low > 1e-6:
                    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
                    low, high = (low, b) if function(w + a * pair) < function(w + b * pair) else (a, high)
                w = w + (low + high) / 2 * pair
        if np.abs(w - before).max() < 1e-5:
            break
    return w


class GradientBalance:
    """Tasks kept at one pace: each weight moves until w_i |grad L_i| is the mean of these times r_i^alpha.

    r_i is how much of its first loss a task still has, L_i / L_i(0), over the mean of all tasks: who lags gets more. The weights take a step of
    ``lr`` against sign(w_i n_i - target_i) n_i, stay above ``least`` and are scaled to add up to the number of tasks. ``layer`` names the
    parameters whose gradients are measured (a prefix of their names); without it, all that at least two tasks move. Logs ``weight/TASK``.
    Errors: ``ValueError`` for an unknown layer, or values out of range.
    Paper: Chen et al., 2017 (GradNorm), arXiv:1711.02257. Use when losses of different size and speed share a trunk; instead of it,
    ``UncertaintyWeights``, without a gradient a task. Cost: a forward and a backward pass a task.

    >>> GradientBalance(alpha=1.5).alpha
    1.5
    """

    def __init__(self, alpha: float = 1.5, *, lr: float = 0.025, layer: str = "", least: float = 0.01):
        if lr <= 0 or not 0 < least < 1:
            raise ValueError(f"GradientBalance(lr={lr}, least={least}): lr must be positive and least between 0 and 1.")
        self.alpha, self.lr, self.layer, self.least = alpha, lr, layer, least
        self.weights: dict[str, float] = {}
        self.first: dict[str, float] = {}
        self.tasks = TaskGradients()

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        loss, by_task = self.tasks(update, objective, batch)
        names, found = list(by_task), list(by_task.values())
        values = {name: float(Loss({name: loss.terms[name]}).value.detach()) for name in names}
        if set(self.weights) != set(names):
            self.weights, self.first = dict.fromkeys(names, 1.0), dict(values)
        used = [self.weights[name] for name in names]
        _fill(update, found, [], None, used)
        norms = [self._norm(update, row, shared_by_tasks(found)) for row in found]
        if all(np.isfinite([*norms, *values.values()])):
            self._move(names, values, norms)
        return Loss(
            {name: Term(t.total, t.count, t.weight * w) for (name, t), w in zip(loss.terms.items(), used, strict=True)},
            {**loss.logs, **_told(names, used)},
            loss.couples,
        )

    def _norm(self, update: Update, row: Gradients, shared: Sequence[int]) -> float:
        known = [name for name, _ in update.named]
        chosen = [i for i, name in enumerate(known) if name.startswith(self.layer)] if self.layer else shared or range(len(known))
        if not chosen:
            raise ValueError(f"GradientBalance finds no parameter whose name begins with {self.layer!r}; there are {', '.join(known)}.")
        parts = [g.norm() for i in chosen if (g := row[i]) is not None]
        return float(torch.stack(parts).norm()) if parts else 0.0

    def _move(self, names: Sequence[str], values: dict[str, float], norms: Sequence[float]) -> None:
        left = np.array([values[name] / self.first[name] if self.first[name] else 1.0 for name in names])
        pace = left / left.mean() if left.mean() else np.ones(len(names))
        w, n = np.array([self.weights[name] for name in names]), np.array(norms)
        target = (w * n).mean() * np.maximum(pace, 0.0) ** self.alpha
        w = np.maximum(w - self.lr * np.sign(w * n - target) * n, self.least)
        self.weights = dict(zip(names, (w * len(w) / w.sum()).tolist(), strict=True))

    def state_dict(self) -> dict[str, Any]:
        return {"weights": dict(self.weights), "first": dict(self.first)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weights, self.first = dict(state["weights"]), dict(state["first"])
