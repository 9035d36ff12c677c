"""Estimators that put a curved step into ``.grad``: with ``sgd(lr)`` and no momentum, lr 1 is the whole step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from weft.losses.loss import Loss
from weft.optim.curvature.products import GaussNewtonProduct, HessianProduct, flat, unflat
from weft.optim.curvature.solve import conjugate_gradient
from weft.optim.estimators import Objective, Update

Direction = Callable[[Tensor, Any], Tensor]


def _looked(update: Update, objective: Objective, batch: Any, who: str, direction: Direction) -> tuple[Loss, Tensor]:
    """Evaluate once through the update, so that precision, buffers and random state are as always; inside, while the graph is there, find the
    direction."""
    if update.world > 1:
        raise ValueError(f"{who} runs on one rank; this fit has {update.world}.")
    found: list[Tensor] = []

    def spied(part: Any) -> Loss:
        loss = objective(part)
        found.append(direction(loss.value, part))
        return loss

    loss = update.gradient(spied, batch)
    if len(found) > 1:
        raise ValueError(f"{who} needs the whole batch at once; it came in {len(found)} microbatches. Use microbatches=1.")
    return loss, found[0]


def _set(update: Update, direction: Tensor) -> None:
    for p, piece in zip(update.parameters, unflat(direction, update.parameters), strict=True):
        p.grad = piece.to(p).clone()


class Newton:
    """The Newton step (|H| + damping)^-1 g with the whole Hessian; eigenvalues count by their size, so that a saddle is left and not sought.

    Errors: ``ValueError`` above ``most`` parameters, with the memory that it would take, with several ranks or microbatches.
    Paper: Dauphin et al., 2014, arXiv:1406.2572. Use for a few hundred parameters; instead of it, ``HessianFree``. Cost: P backward passes, P^2
    numbers, and an eigendecomposition a step.

    >>> Newton(damping=1e-3).most
    2000
    """

    def __init__(self, damping: float = 1e-4, most: int = 2000) -> None:
        if damping < 0:
            raise ValueError(f"Newton(damping={damping}): expected 0 or more.")
        self.damping, self.most = damping, most

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        size = sum(p.numel() for p in update.parameters)
        if size > self.most:
            raise ValueError(
                f"Newton: the Hessian of {size:,} parameters has {size**2 * 4 / 2**30:.2g} GiB; at most {self.most:,} are taken. Use HessianFree."
            )

        def direction(value: Tensor, part: Any) -> Tensor:
            product = HessianProduct(value, update.parameters)
            rows = torch.stack([product(row) for row in torch.eye(size, dtype=value.dtype, device=value.device)])
            values, vectors = torch.linalg.eigh((rows + rows.t()) / 2)
            gradient = product.gradient.detach()
            return vectors @ ((vectors.t() @ gradient) / (values.abs() + self.damping).clamp(min=torch.finfo(values.dtype).tiny))

        loss, step = _looked(update, objective, batch, "Newton", direction)
        _set(update, step)
        return loss


class HessianFree:
    """A truncated Newton step: conjugate gradients on (H + damping) d = g, never writing H down.

    ``outputs``: a function batch -> (outputs, scalar loss of them); then the Gauss-Newton matrix takes the place of the Hessian, which never
    curves downwards. Damping follows Levenberg and Marquardt: down by a third where the loss fell as foretold, up where it did not; a step that
    does not lower the loss on its batch is halved up to ``halvings`` times. The last direction, shrunk, starts the next search.

    Errors: ``ValueError`` for damping that is not positive, with several ranks or microbatches.
    Paper: Martens, 2010 (ICML). Use for deep autoencoders and other badly conditioned networks with large batches, dropout off; instead of it,
    ``lbfgs`` for the whole data. Cost: up to ``iterations`` products (two backward passes each) and a few evaluations a step.

    >>> HessianFree(damping=0.1).damping
    0.1
    """

    def __init__(
        self,
        damping: float = 1.0,
        iterations: int = 50,
        tolerance: float = 1e-3,
        *,
        outputs: Callable[[Any], tuple[Tensor, Tensor]] | None = None,
        halvings: int = 6,
    ) -> None:
        if damping <= 0 or iterations < 1:
            raise ValueError(f"HessianFree(damping={damping}, iterations={iterations}): expected positive damping and at least one iteration.")
        self.first, self.damping, self.iterations, self.tolerance = damping, damping, iterations, tolerance
        self.outputs, self.halvings = outputs, halvings
        self.last: Tensor | None = None

    def bind(self, method: torch.nn.Module) -> None:
        """A training begins: damping as at first."""
        self.damping, self.last = self.first, None

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        foretold: list[float] = []

        def direction(value: Tensor, part: Any) -> Tensor:
            hessian = HessianProduct(value, update.parameters)
            gradient = hessian.gradient.detach()
            product: Any = hessian if self.outputs is None else GaussNewtonProduct(*self.outputs(part), update.parameters)
            start = None if self.last is None or len(self.last) != len(gradient) else 0.95 * self.last.to(gradient)
            solution = conjugate_gradient(
                lambda v: product(v) + self.damping * v, gradient, start=start, tolerance=self.tolerance, most=self.iterations
            )
            found = solution.x if float(solution.x @ gradient) > 0 else gradient  # never uphill
            foretold.append(float(gradient @ found - 0.5 * found @ product(found)))
            return found

        loss, step = _looked(update, objective, batch, "HessianFree", direction)
        before = float(loss.value.detach())
        step, after = self._searched(update, objective, batch, step, before)
        share = (before - after) / foretold[0] if foretold[0] > 0 else 0.0
        self.damping = min(max(self.damping * (2 / 3 if share > 0.75 else 3 / 2 if share < 0.25 else 1.0), 1e-10), 1e10)
        self.last = step.detach()
        _set(update, step)
        return loss

    @torch.no_grad()
    def _searched(self, update: Update, objective: Objective, batch: Any, step: Tensor, before: float) -> tuple[Tensor, float]:
        """The step, halved until it lowers the loss; nothing if it never does."""
        kept = [p.clone() for p in update.parameters]
        after = before
        try:
            for _ in range(self.halvings + 1):
                for p, old, piece in zip(update.parameters, kept, unflat(step, update.parameters), strict=True):
                    p.copy_(old - piece)
                after = float(update.value(objective, batch).value)
                if after < before:
                    return step, after
                step = step / 2
        finally:
            for p, old in zip(update.parameters, kept, strict=True):
                p.copy_(old)
        return torch.zeros_like(step), before

    def state_dict(self) -> dict[str, Any]:
        return {"damping": self.damping, "last": self.last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.damping, self.last = state["damping"], state["last"]


class NaturalGradient:
    """(F + damping)^-1 g with the empirical Fisher matrix F = mean of g_i g_i^T over the samples of the batch.

    ``kind`` "exact" solves with all of F through the matrix of the samples' products (B x B), "diagonal" keeps only F's diagonal.

    Errors: ``ValueError`` for damping that is not positive, an objective that couples its samples, or several ranks.
    Paper: Amari, 1998, doi:10.1162/089976698300017746; the empirical Fisher is not the Fisher of the model's own draws (Kunstner et al., 2019,
    arXiv:1905.12558), which ``HessianFree`` with outputs has for softmax and squared errors. Use to study it on small problems; instead of it,
    ``KFAC``. Cost: one backward pass a sample, B P numbers.

    >>> NaturalGradient(1e-3).kind
    'exact'
    """

    def __init__(self, damping: float = 1e-3, kind: Literal["exact", "diagonal"] = "exact") -> None:
        if damping <= 0 or kind not in ("exact", "diagonal"):
            raise ValueError(f"NaturalGradient(damping={damping}, kind={kind!r}): expected positive damping and 'exact' or 'diagonal'.")
        self.damping, self.kind = damping, kind

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        if update.world > 1:
            raise ValueError(f"NaturalGradient runs on one rank; this fit has {update.world}.")
        size = len(next(iter(batch.values()))) if isinstance(batch, dict) else len(batch)
        samples = [{k: v[i : i + 1] for k, v in batch.items()} for i in range(size)] if isinstance(batch, dict) else batch.split(size)
        rows = []
        loss = update.gradient(objective, batch)
        if loss.couples:
            raise ValueError("NaturalGradient: this objective couples samples, so a sample's own gradient does not exist.")
        gradient = flat([p.grad for p in update.parameters], update.parameters).detach().clone()
        for sample in samples:
            for p in update.parameters:
                p.grad = None
            update.gradient(objective, sample, part=True)
            rows.append(flat([p.grad for p in update.parameters], update.parameters).detach().clone())
        each = torch.stack(rows)
        if self.kind == "diagonal":
            step = gradient / (each.square().mean(0) + self.damping)
        else:  # Woodbury: a matrix of samples instead of one of parameters
            inner = each @ each.t() + size * self.damping * torch.eye(size, dtype=each.dtype, device=each.device)
            step = (gradient - each.t() @ torch.linalg.solve(inner, each @ gradient)) / self.damping
        _set(update, step)
        return loss
