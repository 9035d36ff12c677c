"""Follow-ups: what happens to weights after the optimizer. EMA and target networks, lookahead, constraints, annealing."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from weft.nn.freezing import freeze

from .schedules import Progress, Schedule


def average_of(module: nn.Module) -> nn.Module:
    """A frozen copy, ready to be an average or a target: ``method.average = average_of(method.network)``.

    >>> any(p.requires_grad for p in average_of(nn.Linear(1, 1)).parameters())
    False
    """
    return freeze(copy.deepcopy(module))


class EMA:
    """target <- decay * target + (1 - decay) * source after every step; buffers are copied.

    ``target`` and ``source`` are submodules of the method, or their names. ``decay`` is a number or a schedule. ``warm=True`` starts with
    a small decay, min(decay, (1 + t) / (10 + t)), so that the first weights are forgotten. Use for evaluation weights, teachers and target networks.
    Paper: Polyak and Juditsky, 1992; Tarvainen and Valpola, 2017, arXiv:1703.01780. Cost: one copy of the weights.

    >>> target, source = average_of(nn.Linear(1, 1)), nn.Linear(1, 1)
    >>> EMA(target, source, 0.0)(Progress(update=1))
    >>> bool(target.weight == source.weight)
    True
    """

    def __init__(self, target: str | nn.Module, source: str | nn.Module, decay: float | Schedule = 0.999, *, warm: bool = False):
        self.target, self.source, self.decay, self.warm = target, source, decay, warm
        self.given = (target, source)
        self.pairs: tuple[list[Tensor], list[Tensor]] | None = None

    def bind(self, method: nn.Module) -> None:
        self.target, self.source = submodule(method, self.given[0], "target"), submodule(method, self.given[1], "source")
        self.pairs = None
        if isinstance(self.decay, Schedule):
            self.decay.begin()

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        target, source = self.target, self.source
        if isinstance(target, str) or isinstance(source, str):
            raise TypeError("EMA by names works inside an update, which binds it to a method; by itself give it modules.")
        if self.pairs is None:
            self.pairs = (list(target.parameters()), list(source.parameters()))
        decay = self.decay(progress) if isinstance(self.decay, Schedule) else self.decay
        if self.warm:
            decay = min(decay, (1 + progress.update) / (10 + progress.update))
        torch._foreach_lerp_(self.pairs[0], self.pairs[1], 1 - decay)
        for t, s in zip(target.buffers(), source.buffers(), strict=True):
            t.copy_(s)


class CopyEvery:
    """target <- source every ``steps`` updates: the hard target network of DQN.

    Paper: Mnih et al., 2015. Instead of it ``EMA`` for a soft target.

    >>> target, source = average_of(nn.Linear(1, 1)), nn.Linear(1, 1)
    >>> CopyEvery(target, source, steps=2)(Progress(update=2)); bool(target.weight == source.weight)
    True
    """

    def __init__(self, target: str | nn.Module, source: str | nn.Module, *, steps: int):
        self.target, self.source, self.steps = target, source, steps
        self.given = (target, source)

    def bind(self, method: nn.Module) -> None:
        self.target, self.source = submodule(method, self.given[0], "target"), submodule(method, self.given[1], "source")

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        if progress.update % self.steps == 0 and isinstance(self.target, nn.Module) and isinstance(self.source, nn.Module):
            self.target.load_state_dict(self.source.state_dict())


class Lookahead:
    """Every ``steps`` updates: slow <- slow + alpha (w - slow), w <- slow. The slow weights are saved with the update.

    Paper: Zhang et al., 2019, arXiv:1907.08610. Use around SGD or Adam for steadier convergence. Cost: one copy of the weights.

    >>> net = nn.Linear(1, 1); follow = Lookahead(net, steps=1, alpha=0.5); follow(Progress(update=1))
    """

    def __init__(self, module: str | nn.Module, *, steps: int = 5, alpha: float = 0.5):
        self.module, self.steps, self.alpha = module, steps, alpha
        self.given = (module,)
        self.slow: dict[str, Tensor] = {}

    def bind(self, method: nn.Module) -> None:
        self.module = submodule(method, self.given[0], "module")
        self.slow = self._now()

    def _now(self) -> dict[str, Tensor]:
        if isinstance(self.module, str):
            raise TypeError("Lookahead by name works inside an update, which binds it to a method; by itself give it a module.")
        return {n: p.detach().clone() for n, p in self.module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        if not self.slow:
            self.slow = self._now()
        if progress.update % self.steps == 0 and isinstance(self.module, nn.Module):
            for n, p in self.module.named_parameters():
                if n in self.slow:
                    p.copy_(self.slow[n].lerp_(p, self.alpha))

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self.slow)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.slow = {k: v.to(self.slow.get(k, v), copy=True) for k, v in state.items()}


class Constrain:
    """Apply ``function(tensor) -> tensor`` to every parameter of a module after each step: weight clipping, non-negativity, unit norm.

    >>> net = nn.Linear(1, 1); Constrain(net, lambda w: w.clamp(-0.01, 0.01))(Progress()); bool(net.weight.abs() <= 0.01)
    True
    """

    def __init__(self, module: str | nn.Module, function: Callable[[Tensor], Tensor]):
        self.module, self.function = module, function
        self.given = (module,)

    def bind(self, method: nn.Module) -> None:
        self.module = submodule(method, self.given[0], "module")

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        if isinstance(self.module, nn.Module):
            for p in self.module.parameters():
                p.copy_(self.function(p))


class Anneal:
    """Write base * schedule(progress) into a buffer after each step: a temperature, a KL weight, a sparsity.

    ``name`` is a buffer of the method, dotted; its value when first bound is the base.

    >>> net = nn.Module(); net.register_buffer("beta", torch.tensor(2.0))
    >>> from weft.optim import linear
    >>> follow = Anneal("beta", linear()); follow.bind(net); follow(Progress(fraction=0.25)); float(net.beta)
    1.5
    """

    def __init__(self, name: str, schedule: Schedule):
        self.name, self.schedule = name, schedule
        self.base: float | None = None
        self.buffer: Tensor | None = None

    def bind(self, method: nn.Module) -> None:
        buffers = dict(method.named_buffers())
        if self.name not in buffers:
            raise ValueError(f"Anneal finds no buffer {self.name!r}; the method has {sorted(buffers) or 'none'}. Register it with register_buffer.")
        if self.buffer is not buffers[self.name]:  # another method begins from its own value, a later stage of the same one does not
            self.buffer = buffers[self.name]
            self.base = float(self.buffer)
        self.schedule.begin()

    def __call__(self, progress: Progress) -> None:
        if self.buffer is not None and self.base is not None:
            self.buffer.fill_(self.base * self.schedule(progress))

    def state_dict(self) -> dict[str, float | None]:
        return {"base": self.base}

    def load_state_dict(self, state: dict[str, float | None]) -> None:
        self.base = state["base"]


def submodule(method: nn.Module, module: str | nn.Module, role: str) -> nn.Module:
    """The submodule that a follow-up names, or the module itself; the error says which there are."""
    if isinstance(module, nn.Module):
        return module
    try:
        return method.get_submodule(module)
    except AttributeError:
        known = [n for n, _ in method.named_children()]
        raise ValueError(
            f"A follow-up's {role} is {module!r}, but the method has {known}. For an average: method.{module} ="
            " weft.optim.average_of(method.network)."
        ) from None
