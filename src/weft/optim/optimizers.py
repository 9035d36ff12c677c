"""Optimizer factories: functions of hyper-parameters that return a function of named parameters."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

Named = list[tuple[str, nn.Parameter]]
Factory = Callable[[Named], torch.optim.Optimizer]
FUSED = ("cpu", "cuda", "mps", "xpu")


def _fused(named: Named) -> bool:
    """One kernel for all parameters, where torch has it: dense floating-point tensors on a supported device."""
    return all(p.device.type in FUSED and p.is_floating_point() for _, p in named)


@functools.cache
def _bare_step(kind: type[torch.optim.Optimizer]) -> Callable[[torch.optim.Optimizer], object]:
    return inspect.unwrap(kind.step)


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """``optimizer.step()`` without the wrappers of torch's own optimizers when nobody listens to them (hooks, the profiler).

    The wrappers cost about 8 us a step, which a tiny network notices. Everything else is stepped as usual.

    >>> weight = nn.Parameter(torch.ones(1)); weight.grad = torch.ones(1); optimizer = torch.optim.SGD([weight], lr=0.5)
    >>> take_step(optimizer); weight.item()
    0.5
    """
    listened = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks or torch.autograd._profiler_enabled()
    own = type(optimizer).__module__.startswith("torch.optim.") and "step" not in optimizer.__dict__
    if listened or not own or _global_optimizer_pre_hooks or _global_optimizer_post_hooks or optimizer.defaults.get("differentiable"):
        optimizer.step()
    else:
        with torch.no_grad():
            _bare_step(type(optimizer))(optimizer)


def decay_groups(named: Named, weight_decay: float) -> list[dict]:
    """Two groups by name and shape: matrices and kernels decay; biases, norms and scalars do not.

    Paper: He et al., 2019, arXiv:1812.01187.
    """
    decays = [(n, p) for n, p in named if p.ndim >= 2]
    rest = [(n, p) for n, p in named if p.ndim < 2]
    groups = [{"name": "decay", "params": decays, "weight_decay": weight_decay}, {"name": "no_decay", "params": rest, "weight_decay": 0.0}]
    return [g for g in groups if g["params"]]


def check_rate(name: str, lr: float) -> None:
    """Raise ValueError for a learning rate that is no step forward; 0 stands still, which a test may want."""
    if not 0 <= lr < math.inf:
        raise ValueError(f"{name}: lr={lr}; expected a learning rate of 0 or more, such as lr=1e-3.")


def check_named(name: str, named: Named) -> Named:
    """The named parameters as a list: a generator is used up once, so it is not kept. Errors: none, unnamed ones, one that comes twice."""
    named = list(named)
    if not named:
        raise ValueError(f"{name} got no parameters; give list(network.named_parameters()), and look whether all of them are frozen.")
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in named):
        raise TypeError(f"{name} takes (name, parameter) pairs, not {type(named[0]).__name__}; give list(network.named_parameters()).")
    seen: dict[int, str] = {}
    for n, p in named:
        if id(p) in seen:
            raise ValueError(f"{name}: {n!r} and {seen[id(p)]!r} are the same parameter; give it once, or it would move twice a step.")
        seen[id(p)] = n
    return named


def adamw(
    lr: float = 1e-3, weight_decay: float = 0.01, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, amsgrad: bool = False
) -> Factory:
    """AdamW, fused, with weight decay on matrices and kernels only.

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - lr (m^ / (sqrt(v^) + eps) + weight_decay w).
    Paper: Loshchilov and Hutter, 2019, arXiv:1711.05101. Differs: biases and norms do not decay.
    ``amsgrad`` divides by the largest v so far (Reddi et al., 2018, arXiv:1904.09237).
    Use when in doubt. Cost: two numbers of state per parameter, three with ``amsgrad``.

    >>> adamw(3e-4)([("w", nn.Parameter(torch.ones(2, 2)))]).param_groups[0]["weight_decay"]
    0.01
    """
    return partial(_adamw, lr=lr, weight_decay=weight_decay, betas=betas, eps=eps, amsgrad=amsgrad)


def _adamw(named: Named, lr: float, weight_decay: float, betas: tuple[float, float], eps: float, amsgrad: bool) -> torch.optim.Optimizer:
    check_rate("adamw", lr)
    named = check_named("adamw", named)
    groups = decay_groups(named, weight_decay) if weight_decay else named
    return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, fused=_fused(named))


def adam(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False) -> Factory:
    """Adam, fused; ``weight_decay`` is the coupled one, g + weight_decay w, on matrices and kernels only.

    ``amsgrad`` divides by the largest v so far, so that rare large gradients are not forgotten (Reddi et al., 2018, arXiv:1904.09237).
    Paper: Kingma and Ba, 2015, arXiv:1412.6980. Use for GANs, reinforcement learning and small nets; instead of it ``adamw`` with decay.
    Cost: two numbers of state per parameter, three with ``amsgrad``.

    >>> type(adam()([("w", nn.Parameter(torch.ones(1)))])).__name__
    'Adam'
    """
    return partial(_adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


def _adam(named: Named, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool) -> torch.optim.Optimizer:
    check_rate("adam", lr)
    named = check_named("adam", named)
    groups = decay_groups(named, weight_decay) if weight_decay else named
    return torch.optim.Adam(groups, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad, fused=_fused(named))


def sgd(lr: float = 0.1, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False, dampening: float = 0.0) -> Factory:
    """Stochastic gradient descent: v <- momentum v + (1 - dampening) g, w <- w - lr v.

    The convention is torch's; ``classical_momentum`` has the rate inside v.
    Paper: Sutskever et al., 2013. Use for convolutional nets with momentum 0.9 and a schedule. Cost: one number of state per parameter.

    >>> sgd(0.5)([("w", nn.Parameter(torch.ones(1)))]).param_groups[0]["lr"]
    0.5
    """
    options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov, "dampening": dampening}
    return partial(_sgd, options=options)


def _sgd(named: Named, options: dict[str, Any]) -> torch.optim.Optimizer:
    check_rate("sgd", options["lr"])
    named = check_named("sgd", named)
    groups: Any = decay_groups(named, options["weight_decay"]) if options["weight_decay"] else named
    return torch.optim.SGD(groups, **options, fused=_fused(named))


class Lbfgs(torch.optim.LBFGS):
    """Torch's L-BFGS, which also notices that its objective changes between steps: one evaluation more, once."""

    end: float | None = None
    watched = False

    def step(self, closure: Callable[[], float]) -> Any:  # type: ignore[override]
        """One step, of several evaluations."""
        first: list[float] = []

        def watching() -> float:
            value = closure()
            first.append(float(value))
            return value

        result = super().step(watching)
        if self.end is not None and not self.watched:
            self.watched = True
            if abs(first[0] - self.end) > 1e-3 * max(abs(self.end), 1e-6):
                warnings.warn(
                    f"lbfgs ended a step at {self.end:.6g} and began the next at {first[0]:.6g}: its objective changes between steps (other batches,"
                    " dropout), and curvature taken over such steps is noise. Give it the whole data as one batch, or use adamw.",
                    stacklevel=3,
                )
        elif self.end is None:
            with torch.enable_grad():
                self.end = float(closure())
        return result


def lbfgs(lr: float = 1.0, max_iter: int = 20, history: int = 10, line_search: str | None = "strong_wolfe") -> Factory:
    """Limited-memory BFGS; evaluates the objective several times a step.

    Warns once when the objective changes between the first steps. Tolerances are torch's (1e-7 of the gradient, 1e-9 of the change).
    Paper: Liu and Nocedal, 1989. Use for small problems with the whole data in one batch; instead of it ``adamw`` for batches.
    Cost: ``2 * history`` numbers per parameter and up to ``1.25 * max_iter`` evaluations a step.

    >>> isinstance(lbfgs()([("w", nn.Parameter(torch.ones(1)))]), torch.optim.LBFGS)
    True
    """
    return partial(_lbfgs, lr=lr, max_iter=max_iter, history=history, line_search=line_search)


def _lbfgs(named: Named, lr: float, max_iter: int, history: int, line_search: str | None) -> torch.optim.Optimizer:
    check_rate("lbfgs", lr)
    return Lbfgs([p for _, p in check_named("lbfgs", named)], lr=lr, max_iter=max_iter, history_size=history, line_search_fn=line_search)


def layerwise(factory: Factory, order: Sequence[str], decay: float) -> Factory:
    """Smaller learning rates for earlier layers: what is in ``order[i]`` (a module's name) gets lr * decay ^ (last - i).

    Paper: Howard and Ruder, 2018, arXiv:1801.06146. Use when fine-tuning. What none of them holds gets the full rate.

    >>> make = layerwise(sgd(1.0), ["body", "head"], 0.5)
    >>> [g["lr"] for g in make([("body.w", nn.Parameter(torch.ones(1))), ("head.w", nn.Parameter(torch.ones(1)))]).param_groups]
    [0.5, 1.0]
    """

    def make(named: Named) -> torch.optim.Optimizer:
        named = check_named("layerwise", named)
        optimizer = factory(named)
        names = {id(p): n for n, p in named}
        groups: list[dict] = []
        for group in optimizer.param_groups:
            by_factor: dict[float, list[nn.Parameter]] = {}
            for p in group["params"]:
                place = next((i for i, prefix in enumerate(order) if f"{names[id(p)]}.".startswith(f"{prefix}.")), len(order) - 1)
                by_factor.setdefault(decay ** (len(order) - 1 - place), []).append(p)
            groups += [{**group, "params": ps, "lr": group["lr"] * f} for f, ps in by_factor.items()]
        optimizer.param_groups[:] = [{k: v for k, v in g.items() if k != "param_names"} for g in groups]
        return optimizer

    return make
