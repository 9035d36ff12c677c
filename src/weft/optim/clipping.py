"""Clipping by rules that adapt: each parameter by itself, by past norms, by the size of weights; and normalising."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from weft.optim.groups import Choice, matches


def _gradients(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def _scale(gradients: list[Tensor], norm: float, limit: float) -> None:
    """Make the norm of all gradients together ``limit`` where it is larger."""
    if norm > limit:
        torch._foreach_mul_(gradients, limit / norm)


def _positive(name: str, **values: float) -> None:
    for option, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name}({option}={value}): expected a positive number.")


class ClipEach:
    """Clip the gradients of each parameter, or of each module, to a norm of their own: g <- g min(1, limit / |g|).

    ``limit`` is one number, or a dict of limits by pattern of names (``{"encoder": 0.5, "*.bias": 0.1}``; what none means is not clipped).
    ``by`` is "parameter" or "module": the weight and the bias of one layer together. A part whose gradient is not finite is left as it is.
    Logs the number of ``clipped`` parts. Errors: names are asked for outside an update.
    Use when one layer explodes and the others should not pay; instead of it ``ClipNorm``, which keeps the direction of the whole. Cost: a norm each.

    >>> a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1)); a.grad, b.grad = torch.tensor([8.0]), torch.tensor([0.5])
    >>> _ = ClipEach(1.0)([a, b]); a.grad.item(), b.grad.item()
    (1.0, 0.5)
    """

    def __init__(self, limit: float | Mapping[str, float], by: str = "parameter"):
        if by not in ("parameter", "module"):
            raise ValueError(f"ClipEach(by={by!r}): expected 'parameter' or 'module'.")
        for value in limit.values() if isinstance(limit, Mapping) else [limit]:
            _positive("ClipEach", limit=value)
        self.limit, self.by = limit, by
        self.names: dict[int, str] = {}

    def bind(self, method: nn.Module) -> None:
        self.names = {id(p): n for n, p in method.named_parameters()}

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, Tensor]:
        moved = [p for p in parameters if p.grad is not None]
        if not moved:
            return {}
        parts: dict[str, list[nn.Parameter]] = {}
        for number, p in enumerate(moved):
            name = self.names.get(id(p), str(number))
            if id(p) not in self.names and (self.by == "module" or isinstance(self.limit, Mapping)):
                raise TypeError("ClipEach by module or by name works inside an update, which tells it the names; by itself give it one number.")
            parts.setdefault(name.rpartition(".")[0] if self.by == "module" else name, []).append(p)
        clipped = torch.zeros((), device=moved[0].device)
        for name, group in parts.items():
            limit = self._limit(name, group)
            if limit is None:
                continue
            gradients = _gradients(group)
            norm = torch.stack([n.float() for n in torch._foreach_norm(gradients)]).norm()
            factor = torch.where(norm.isfinite(), (limit / norm.clamp_min(1e-30)).clamp(max=1.0), 1.0)
            torch._foreach_mul_(gradients, factor.to(gradients[0].dtype))
            clipped += factor < 1
        return {"clipped": clipped}

    def _limit(self, name: str, group: list[nn.Parameter]) -> float | None:
        if not isinstance(self.limit, Mapping):
            return self.limit
        return next((limit for pattern, limit in self.limit.items() if matches(pattern, name, group[0]) or name == pattern), None)


class PercentileClip:
    """Clip the norm of all gradients to the ``quantile`` of the norms of past steps; the first ``min_history`` steps are only watched.

    The present norm enters the history after it was judged, unclipped; one that is not finite neither clips nor enters. Logs ``grad_norm`` and
    ``grad_limit``. The history of at most ``history`` norms is saved with the update. Errors: a quantile outside 0 to 1.
    Paper: Seetharaman et al., 2020, arXiv:2007.14469 (AutoClip). Use when no norm is known beforehand; instead of it ``ClipNorm``, or ``ZClip`` for
    spikes alone. Cost: one norm and one read-back a step.

    >>> p = nn.Parameter(torch.zeros(1)); clip = PercentileClip(0.5, min_history=2)
    >>> for size in (1.0, 3.0, 100.0):
    ...     p.grad = torch.tensor([size]); _ = clip([p])
    >>> p.grad.item()
    2.0
    """

    def __init__(self, quantile: float = 0.9, history: int = 1000, min_history: int = 10):
        if not 0 <= quantile <= 1:
            raise ValueError(f"PercentileClip(quantile={quantile}): expected a part of the past norms, 0 to 1.")
        if not 1 <= min_history <= history:
            raise ValueError(f"PercentileClip(history={history}, min_history={min_history}): expected 1 <= min_history <= history.")
        self.quantile, self.min_history = quantile, min_history
        self.history: deque[float] = deque(maxlen=history)

    def bind(self, method: nn.Module) -> None:
        self.history.clear()

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, float]:
        gradients = _gradients(parameters)
        if not gradients:
            return {}
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            return {"grad_norm": norm}
        logs = {"grad_norm": norm}
        if len(self.history) >= self.min_history:
            past = torch.tensor(list(self.history), dtype=torch.float64)
            logs["grad_limit"] = float(torch.quantile(past, self.quantile))
            _scale(gradients, norm, logs["grad_limit"])
        self.history.append(norm)
        return logs

    def state_dict(self) -> dict[str, Any]:
        return {"history": list(self.history)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.history.clear()
        self.history.extend(state["history"])


class ZClip:
    """Cut spikes: a norm more than ``z`` deviations above the running mean is brought down to mean + z^2 / z_now deviations.

    The farther a spike, the nearer to the mean it ends. Mean and variance average the norms of past steps with ``decay``, spikes as they were
    cut; the first ``warm`` steps only fill them. A norm that is not finite is left alone and forgotten. Logs ``grad_norm``; saved with the update.
    Paper: Kumar et al., 2025, arXiv:2504.02507. Use against loss spikes of language models; instead of it ``PercentileClip``.
    Cost: one norm and one read-back a step. Errors: numbers that are not positive.

    >>> p = nn.Parameter(torch.zeros(1)); clip = ZClip(warm=2)
    >>> for size in (1.0, 3.0, 100.0):
    ...     p.grad = torch.tensor([size]); _ = clip([p])
    >>> round(p.grad.item(), 3)
    2.064
    """

    def __init__(self, z: float = 2.5, decay: float = 0.97, warm: int = 25):
        _positive("ZClip", z=z, warm=warm)
        if not 0 <= decay < 1:
            raise ValueError(f"ZClip(decay={decay}): expected 0 or more and less than 1.")
        self.z, self.decay, self.warm = z, decay, warm
        self.bind(nn.Module())

    def bind(self, method: nn.Module) -> None:
        self.seen: list[float] = []
        self.mean, self.variance = 0.0, 0.0

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, float]:
        gradients = _gradients(parameters)
        if not gradients:
            return {}
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            return {"grad_norm": norm}
        if len(self.seen) < self.warm:
            self.seen.append(norm)
            self.mean = sum(self.seen) / len(self.seen)
            self.variance = sum((n - self.mean) ** 2 for n in self.seen) / len(self.seen)
            return {"grad_norm": norm}
        deviation = math.sqrt(self.variance)
        away = (norm - self.mean) / deviation if deviation > 0 else 0.0
        kept = self.mean + self.z**2 / away * deviation if away > self.z else norm
        _scale(gradients, norm, kept)
        self.mean = self.decay * self.mean + (1 - self.decay) * kept
        self.variance = self.decay * self.variance + (1 - self.decay) * (kept - self.mean) ** 2
        return {"grad_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "mean": self.mean, "variance": self.variance}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen, self.mean, self.variance = list(state["seen"]), state["mean"], state["variance"]


class RunningClip:
    """Clip the norm to ``scale`` times the running mean of past norms, which begins at ``base`` and learns of each norm as it was clipped.

    So the limit can at most grow by the factor 1 + (1 - decay) (scale - 1) a step, whatever comes. A norm that is not finite is left alone and
    forgotten. Logs ``grad_norm`` and ``grad_limit``; the mean is saved with the update. Errors: a scale of 1 or less, a decay outside 0 to 1.
    Use as a plain adaptive limit; instead of it ``PercentileClip``, whose limit is a past norm. Cost: one norm and one read-back a step.

    >>> p = nn.Parameter(torch.zeros(1)); p.grad = torch.tensor([1000.0]); _ = RunningClip()([p]); p.grad.item()
    2.0
    """

    def __init__(self, base: float = 1.0, scale: float = 2.0, decay: float = 0.99):
        _positive("RunningClip", base=base)
        if scale <= 1 or not 0 <= decay < 1:
            raise ValueError(f"RunningClip(scale={scale}, decay={decay}): expected a scale above 1, and a decay of 0 or more and less than 1.")
        self.base, self.scale, self.decay, self.mean = base, scale, decay, base

    def bind(self, method: nn.Module) -> None:
        self.mean = self.base

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, float]:
        gradients = _gradients(parameters)
        if not gradients:
            return {}
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            return {"grad_norm": norm}
        limit = self.scale * self.mean
        _scale(gradients, norm, limit)
        self.mean = self.decay * self.mean + (1 - self.decay) * min(norm, limit)
        return {"grad_norm": norm, "grad_limit": limit}

    def state_dict(self) -> dict[str, float]:
        return {"mean": self.mean}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        self.mean = state["mean"]


class AdaptiveClip:
    """Clip each unit's gradient to ``limit`` times the norm of its weights: g_i <- g_i min(1, limit max(|w_i|, eps) / |g_i|).

    A unit is a row of a matrix or a filter of a kernel; a bias or norm is one unit. ``skip`` names parameters to leave alone (the paper leaves
    out the last layer). A unit whose gradient is not finite is left as it is. Errors: names are asked for outside an update.
    Paper: Brock et al., 2021, arXiv:2102.06171. Use for networks without normalisation and large batches; instead of it ``ClipNorm``.
    Cost: two norms of each unit.

    >>> p = nn.Parameter(torch.tensor([[3.0, 4.0]])); p.grad = torch.tensor([[0.0, 10.0]]); AdaptiveClip(0.1)([p]); p.grad.tolist()
    [[0.0, 0.5]]
    """

    def __init__(self, limit: float = 0.01, eps: float = 1e-3, skip: Choice | None = None):
        _positive("AdaptiveClip", limit=limit, eps=eps)
        self.limit, self.eps, self.skip = limit, eps, skip
        self.names: dict[int, str] = {}

    def bind(self, method: nn.Module) -> None:
        self.names = {id(p): n for n, p in method.named_parameters()}

    @torch.no_grad()
    def __call__(self, parameters: Sequence[nn.Parameter]) -> None:
        if self.skip is not None and not self.names:
            raise TypeError("AdaptiveClip(skip=...) works inside an update, which tells it the names.")
        for p in parameters:
            if p.grad is None or (self.skip is not None and matches(self.skip, self.names[id(p)], p)):
                continue
            most = unit_norm(p).clamp_min(self.eps) * self.limit
            norm = unit_norm(p.grad)
            p.grad.mul_(torch.where((norm > most) & norm.isfinite(), most / norm.clamp_min(1e-6), torch.ones_like(norm)))


def unit_norm(tensor: Tensor) -> Tensor:
    """The norm of each row or filter, kept for broadcasting; of a vector, its norm.

    >>> unit_norm(torch.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[5.0], [1.0]]
    """
    return torch.linalg.vector_norm(tensor, dim=tuple(range(1, tensor.ndim)) if tensor.ndim > 1 else None, keepdim=tensor.ndim > 1)


class Normalise:
    """Give the gradient a fixed length: g <- length g / |g|, all together, or each parameter by itself; a zero gradient stays zero.

    ``by`` is "all" or "parameter". A gradient that is not finite is left as it is. Logs ``grad_norm`` when all are taken together.
    Paper: Hazan et al., 2015, arXiv:1507.02030; You et al., 2017, arXiv:1708.02188. Use when the slope's size says nothing (plateaus, cliffs);
    instead of it ``ClipNorm``, which leaves small gradients. Cost: one norm. Errors: a length that is not positive.

    >>> p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([0.03, 0.04]); _ = Normalise()([p]); [round(g, 4) for g in p.grad.tolist()]
    [0.6, 0.8]
    """

    traceable = True

    def __init__(self, length: float = 1.0, by: str = "all"):
        if by not in ("all", "parameter"):
            raise ValueError(f"Normalise(by={by!r}): expected 'all' or 'parameter'.")
        _positive("Normalise", length=length)
        self.length, self.by = length, by

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, Tensor]:
        gradients = _gradients(parameters)
        if not gradients:
            return {}
        if self.by == "all":
            norm = torch.nn.utils.get_total_norm(gradients)
            torch._foreach_mul_(gradients, self._factor(norm).to(gradients[0].dtype))
            return {"grad_norm": norm}
        torch._foreach_mul_(gradients, [self._factor(norm) for norm in torch._foreach_norm(gradients)])
        return {}

    def _factor(self, norm: Tensor) -> Tensor:
        return torch.where(norm.isfinite() & (norm > 0), self.length / norm, torch.ones_like(norm))
