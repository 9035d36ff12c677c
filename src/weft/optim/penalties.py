"""Regularisers: penalties for a loss, one estimator that adds them all, and the proximal steps that make exact zeros."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import unknown
from weft.losses.loss import Loss
from weft.optim.averages import submodule
from weft.optim.estimators import Objective
from weft.optim.groups import Choice, matches
from weft.optim.schedules import Progress, Schedule

Weights = nn.Module | Iterable[Tensor]
Scalar = Float[Tensor, ""]


def weights_of(weights: Weights, skip: Choice | None = None) -> list[Tensor]:
    """What a penalty is taken of: a module's trainable matrices and kernels, without those that ``skip`` names; or the given tensors, all of them.

    >>> len(weights_of(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), skip="0"))
    1
    """
    if not isinstance(weights, nn.Module):
        return list(weights)
    found = [(n, p) for n, p in weights.named_parameters() if p.requires_grad and p.ndim > 1]
    return [p for n, p in found if skip is None or not matches(skip, n, p)]


def _sum(parts: list[Tensor]) -> Tensor:
    return (
        torch.stack([part.float() if part.dtype in (torch.float16, torch.bfloat16) else part for part in parts]).sum() if parts else torch.zeros(())
    )


def l1(weights: Weights, skip: Choice | None = None) -> Scalar:
    """Sum of |w|, with slope 0 at 0.

    Shapes: any -> (). Paper: Tibshirani, 1996. Use for few non-zero weights, with ``Proximal`` for exact zeros; instead of it ``l2``.
    Cost: one pass.

    >>> l1([torch.tensor([3.0, -4.0])]).item()
    7.0
    """
    return _sum([w.abs().sum() for w in weights_of(weights, skip)])


def l2(weights: Weights, skip: Choice | None = None, form: str = "squared") -> Scalar:
    """Sum of w^2; ``form`` "half" is half of it, "norm" sums each tensor's |w|, unsquared.

    With a weight of lambda, "half" is SGD's weight_decay lambda. The slopes are 2 w, w and w / |w|, which is 0 for a tensor of zeros.
    Shapes: any -> (). Errors: an unknown form. Paper: Krogh and Hertz, 1992.
    Use where the loss itself should carry it; instead of it an optimizer's ``weight_decay``, which is free and decoupled in ``adamw``; never both.
    Cost: one pass.

    >>> w = [torch.tensor([3.0, -4.0])]; [l2(w, form=form).item() for form in ("squared", "half", "norm")]
    [25.0, 12.5, 5.0]
    """
    if form not in ("squared", "half", "norm"):
        raise unknown("form of l2", form, ("squared", "half", "norm"))
    found = weights_of(weights, skip)
    if form == "norm":
        return _sum([_safe_norm(w.reshape(1, -1)).sum() for w in found])
    return _sum([w.square().sum() for w in found]) * (0.5 if form == "half" else 1.0)


def elastic_net(weights: Weights, skip: Choice | None = None, share: float = 0.5) -> Scalar:
    """share sum |w| + (1 - share) / 2 sum w^2: with a weight of alpha, scikit-learn's ElasticNet with l1_ratio ``share``.

    Shapes: any -> (). Errors: a share outside 0 to 1. Paper: Zou and Hastie, 2005. Use when features come in correlated groups; instead of it
    ``l1``, which takes one of each. Cost: one pass.

    >>> elastic_net([torch.tensor([2.0])], share=0.5).item()
    2.0
    """
    if not 0 <= share <= 1:
        raise ValueError(f"elastic_net(share={share}): expected the part of l1, 0 to 1.")
    return share * l1(weights, skip) + (1 - share) * l2(weights, skip, "half")


def group_lasso(weights: Weights, skip: Choice | None = None, by: str = "rows") -> Scalar:
    """Sum over groups of sqrt(size) |w_g|: whole rows (outputs, filters), columns (inputs, channels), or tensors together go to zero.

    The slope of a group of zeros is 0. Shapes: any -> (). Errors: an unknown kind of group. Paper: Yuan and Lin, 2006; Wen et al., 2016,
    arXiv:1608.03665. Use to remove units or filters, with ``Proximal`` for exact zeros; instead of it ``l1`` for single weights. Cost: one pass.

    >>> round(group_lasso([torch.tensor([[3.0, 4.0], [0.0, 0.0]])]).item() / 2**0.5, 4)
    5.0
    """
    return _sum([_safe_norm(rows).sum() * math.sqrt(rows.shape[1]) for rows in (as_groups(w, by) for w in weights_of(weights, skip))])


def as_groups(weight: Tensor, by: str) -> Tensor:
    """A tensor as a matrix with a group in each row: ``by`` "rows", "columns" or "tensor".

    >>> as_groups(torch.zeros(4, 3, 2, 2), "columns").shape
    torch.Size([3, 16])
    """
    if by not in ("rows", "columns", "tensor"):
        raise unknown("kind of group", by, ("rows", "columns", "tensor"))
    if by == "tensor" or weight.ndim < 2:
        return weight.reshape(1, -1)
    return (weight if by == "rows" else weight.transpose(0, 1)).flatten(1)


def _safe_norm(rows: Tensor) -> Tensor:
    """Norms of rows whose slope at zero is zero, not NaN."""
    squares = rows.square().sum(1)
    return torch.where(squares > 0, squares.clamp_min(torch.finfo(squares.dtype).tiny).sqrt(), torch.zeros_like(squares))


def orthogonality(weights: Weights, skip: Choice | None = None) -> Scalar:
    """Sum of |W W' - I|^2 over matrices and flattened kernels, on their shorter side; 0 exactly when rows (or columns) are orthonormal.

    Shapes: any of two or more dimensions -> (). Paper: Brock et al., 2017, arXiv:1609.07093; Bansal et al., 2018, arXiv:1810.09102.
    Use against vanishing and correlated features; instead of it ``weft.nn.constrain(..., "orthogonal")``, which holds exactly.
    Cost: a product of each.

    >>> orthogonality([torch.eye(3)]).item()
    0.0
    """
    parts = []
    for w in weights_of(weights, skip):
        flat = w.flatten(1)
        flat = flat if flat.shape[0] <= flat.shape[1] else flat.T
        parts.append((flat @ flat.T - torch.eye(len(flat), dtype=flat.dtype, device=flat.device)).square().sum())
    return _sum(parts)


def spectral(weights: Weights, skip: Choice | None = None) -> Scalar:
    """Sum of the squared largest singular values of matrices and flattened kernels.

    Shapes: any of two or more dimensions -> (). Paper: Yoshida and Miyato, 2017, arXiv:1705.10941. Use to keep a network's slope small; instead
    of it ``weft.nn.constrain(..., "spectral")``, which fixes it. Cost: the singular values of each matrix. Differs: exact, not by power iteration.

    >>> round(spectral([torch.diag(torch.tensor([3.0, 1.0]))]).item(), 4)
    9.0
    """
    return _sum(
        [torch.linalg.matrix_norm(w.flatten(1).float() if w.dtype != torch.float64 else w.flatten(1), 2).square() for w in weights_of(weights, skip)]
    )


def confidence(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch"]:
    """Negative entropy of each prediction, sum p log p, one value an item: added to the loss it keeps the network from being too sure.

    Paper: Pereyra et al., 2017, arXiv:1701.06548. Use when probabilities are overconfident: ``loss + 0.1 * Loss.mean(confidence(logits))``;
    instead of it label smoothing. Cost: one softmax.

    >>> round(confidence(torch.zeros(1, 4)).item(), 4)
    -1.3863
    """
    logs = logits.float().log_softmax(-1) if logits.dtype != torch.float64 else logits.log_softmax(-1)
    return torch.xlogy(logs.exp(), logs.exp()).sum(-1)


PENALTIES: dict[str, Callable[..., Tensor]] = {
    "l1": l1, "l2": l2, "elastic_net": elastic_net, "group_lasso": group_lasso, "orthogonality": orthogonality, "spectral": spectral,
}  # fmt: skip


class Penalised:
    """Estimator: the objective plus penalties on the update's own matrices and kernels, each with its weight, as one block.

    ``Penalised({"l1": 1e-4, "orthogonality": 1e-3}, skip="*embed*")``. ``inner`` is another estimator that works on the sum (SAM). Logs each penalty
    by its name. Warns when an L2 penalty meets an optimizer with weight decay, since that shrinks twice. Errors: an unknown penalty.
    Use for whole recipes of regularisation; instead of it the functions in a method's own loss. Cost: that of its penalties.

    >>> sorted(Penalised({"l1": 1e-4, "spectral": 1e-3}).weights)
    ['l1', 'spectral']
    """

    def __init__(self, weights: Mapping[str, float], skip: Choice | None = None, inner: Callable[..., Loss] | None = None):
        for name, weight in weights.items():
            if name not in PENALTIES:
                raise unknown("penalty", name, PENALTIES)
            if not 0 <= weight < math.inf:
                raise ValueError(f"Penalised: {name}={weight}; expected 0 or more.")
        self.weights, self.skip, self.inner = dict(weights), skip, inner
        self.wrapped: dict[Any, Objective] = {}  # kept, so that a compiled objective is compiled once
        self.warned = False

    def bind(self, method: nn.Module) -> None:
        self.wrapped, self.warned = {}, False
        if hasattr(self.inner, "bind"):
            self.inner.bind(method)  # type: ignore[union-attr]

    def __call__(self, update: Any, objective: Objective, batch: Any) -> Loss:
        if not self.warned:
            self._warn(update)
        key = getattr(objective, "__func__", objective)
        if key not in self.wrapped:
            named = [(n, p) for n, p in update.named if p.ndim > 1 and (self.skip is None or not matches(self.skip, n, p))]
            self.wrapped[key] = self._with_penalties(objective, [p for _, p in named])
        total = self.wrapped[key]
        return update.gradient(total, batch) if self.inner is None else self.inner(update, total, batch)

    def _with_penalties(self, objective: Objective, weights: list[nn.Parameter]) -> Objective:
        def total(batch: Any) -> Loss:
            loss = objective(batch)
            for name, weight in self.weights.items():
                loss = loss + Loss.penalty(PENALTIES[name](weights), weight=weight, name=name)
            return loss

        return total

    def _warn(self, update: Any) -> None:
        self.warned = True
        decays = [g["weight_decay"] for g in update.optimizer.param_groups if g.get("weight_decay")]
        twice = [name for name in ("l2", "elastic_net") if self.weights.get(name)]
        if decays and twice:
            warnings.warn(
                f"Update {update.key!r} shrinks its weights twice: by the penalty {twice[0]!r} ({self.weights[twice[0]]}) and by the optimizer's"
                f" weight_decay ({decays[0]}). Keep one; an l2 penalty of lambda is a coupled weight_decay of 2 lambda.",
                stacklevel=2,
            )

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self.inner.state_dict()} if hasattr(self.inner, "state_dict") else {}  # type: ignore[union-attr]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if "inner" in state:
            self.inner.load_state_dict(state["inner"])  # type: ignore[union-attr]


class Proximal:
    """Follow-up: the proximal step of a penalty after each step of the optimizer, which makes weights or groups exactly zero.

    With t = ``rate`` strength: "l1" w <- sign(w) max(|w| - t, 0); "l2" w <- w / (1 + 2 t); "rows", "columns", "tensor" (group lasso)
    w_g <- w_g max(0, 1 - t sqrt(size) / |w_g|). ``rate`` is the optimizer's learning rate, with its ``schedule`` where it has one; for plain SGD
    the two together are proximal gradient descent on loss + strength penalty. Trainable matrices and kernels of ``module``, without ``skip``.
    Errors: an unknown penalty, a rate or strength that is no number. Paper: Beck and Teboulle, 2009; Parikh and Boyd, 2014.
    Use for sparse or structured networks; instead of it the penalty in the loss, whose weights only come near zero. Cost: one pass.

    >>> net = nn.Linear(2, 1, bias=False); _ = nn.init.constant_(net.weight, 0.3)
    >>> Proximal(net, {"l1": 1.0}, rate=0.5)(Progress()); net.weight.tolist()
    [[0.0, 0.0]]
    """

    def __init__(
        self, module: str | nn.Module, strengths: Mapping[str, float], *, rate: float, schedule: Schedule | None = None, skip: Choice | None = None
    ):
        for name, strength in strengths.items():
            if name not in ("l1", "l2", "rows", "columns", "tensor"):
                raise unknown("proximal step", name, ("l1", "l2", "rows", "columns", "tensor"))
            if not (0 <= strength < math.inf and 0 < rate < math.inf):
                raise ValueError(f"Proximal({name}={strength}, rate={rate}): expected a strength of 0 or more and a positive rate.")
        self.given, self.module, self.strengths = module, module, dict(strengths)
        self.rate, self.schedule, self.skip = rate, schedule, skip

    def bind(self, method: nn.Module) -> None:
        self.module = submodule(method, self.given, "module")

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        if isinstance(self.module, str):
            raise TypeError("Proximal by name works inside an update, which binds it to a method; by itself give it a module.")
        rate = self.rate * (self.schedule(progress) if self.schedule is not None else 1.0)
        for w in weights_of(self.module, self.skip):
            for name, strength in self.strengths.items():
                w.copy_(proximal(w, name, rate * strength))


def proximal(weight: Tensor, name: str, length: float) -> Tensor:
    """argmin_u |u - weight|^2 / 2 + length penalty(u), for the penalties of ``Proximal``.

    >>> proximal(torch.tensor([3.0, 0.5]), "l1", 1.0).tolist()
    [2.0, 0.0]
    """
    if name == "l1":
        return weight.sign() * (weight.abs() - length).clamp_min(0)
    if name == "l2":
        return weight / (1 + 2 * length)
    rows = as_groups(weight, name)
    norms = rows.norm(dim=1, keepdim=True)
    kept = rows * (1 - length * math.sqrt(rows.shape[1]) / norms.clamp_min(torch.finfo(rows.dtype).tiny)).clamp_min(0)
    if name == "columns" and weight.ndim > 1:
        return kept.reshape(weight.transpose(0, 1).shape).transpose(0, 1)
    return kept.reshape(weight.shape)
