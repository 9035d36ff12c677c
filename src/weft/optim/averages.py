"""Follow-ups: what happens to weights after the optimizer. EMA and target networks, lookahead, constraints, annealing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from weft.nn.freezing import freeze

from .groups import Choice, matches
from .projections import projection
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
    a small decay, min(decay, (1 + t) / (10 + t)), so that the first weights are forgotten; ``every`` updates apart.
    Use for evaluation weights, teachers and target networks.
    Paper: Polyak and Juditsky, 1992; Tarvainen and Valpola, 2017, arXiv:1703.01780. Cost: one copy of the weights.

    >>> target, source = average_of(nn.Linear(1, 1)), nn.Linear(1, 1)
    >>> EMA(target, source, 0.0)(Progress(update=1))
    >>> bool(target.weight == source.weight)
    True
    """

    def __init__(self, target: str | nn.Module, source: str | nn.Module, decay: float | Schedule = 0.999, *, warm: bool = False, every: int = 1):
        if every < 1:
            raise ValueError(f"EMA(every={every}): expected a number of updates of at least 1.")
        self.target, self.source, self.decay, self.warm, self.every = target, source, decay, warm, every
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
        if progress.update % self.every:
            return
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
    """Project every parameter of a module onto a set after each step.

    ``function`` is a projection by name, "max_norm" (option most), "unit_norm", "orthogonal" of rows and filters, "non_negative", "bounded"
    (low, high), or any ``function(tensor) -> tensor``. Those of rows leave biases alone; ``skip`` names others to leave alone.
    Frozen ones stay as they are.
    Errors: an unknown projection or option. Paper: Srebro and Shraibman, 2005 (max norm).
    Use when a set must hold after every step and the optimizer should see plain weights; instead of it ``weft.nn.constrain``, which computes them.

    >>> net = nn.Linear(1, 1); Constrain(net, "bounded", {"low": -0.01, "high": 0.01})(Progress()); bool(net.weight.abs() <= 0.01)
    True
    """

    def __init__(
        self,
        module: str | nn.Module,
        function: str | Callable[[Tensor], Tensor],
        options: dict[str, Any] | None = None,
        *,
        skip: Choice | None = None,
    ):
        self.module, self.skip = module, skip
        self.function = projection(function, options or {}) if isinstance(function, str) else function
        self.given = (module,)

    def bind(self, method: nn.Module) -> None:
        self.module = submodule(method, self.given[0], "module")

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        if isinstance(self.module, nn.Module):
            for n, p in self.module.named_parameters():
                if p.requires_grad and (self.skip is None or not matches(self.skip, n, p)):
                    p.copy_(self.function(p))


class SWA:
    """target <- the plain mean of the weights from the part ``start`` of training on, taken every ``every`` updates; before that, a copy.

    Buffers are copied; batch norm's statistics fit no average, so take them anew at the end: ``refresh_statistics(method.average, batches)``.
    The number of weights in the mean is saved with the update. Paper: Izmailov et al., 2018, arXiv:1803.05407.
    Use for the last quarter of a training with a high constant or cyclic rate; instead of it ``EMA``, which needs no start.
    Cost: one copy of the weights.

    >>> target, source = average_of(nn.Linear(1, 1)), nn.Linear(1, 1); follow = SWA(target, source, start=0.0)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(source.weight, value); follow(Progress(update=1))
    >>> target.weight.item()
    3.0
    """

    def __init__(self, target: str | nn.Module, source: str | nn.Module, *, start: float = 0.75, every: int = 1):
        if not 0 <= start < 1 or every < 1:
            raise ValueError(f"SWA(start={start}, every={every}): expected the part of training after which it begins, 0 to below 1, and every >= 1.")
        self.target, self.source, self.start, self.every, self.number = target, source, start, every, 0
        self.given = (target, source)

    def bind(self, method: nn.Module) -> None:
        self.target, self.source = submodule(method, self.given[0], "target"), submodule(method, self.given[1], "source")
        self.number = 0

    @torch.no_grad()
    def __call__(self, progress: Progress) -> None:
        target, source = self.target, self.source
        if isinstance(target, str) or isinstance(source, str):
            raise TypeError("SWA by names works inside an update, which binds it to a method; by itself give it modules.")
        begun = progress.fraction >= self.start
        if begun and progress.update % self.every:
            return
        self.number += begun
        torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), 1 / max(1, self.number))
        for t, s in zip(target.buffers(), source.buffers(), strict=True):
            t.copy_(s)

    def state_dict(self) -> dict[str, int]:
        return {"number": self.number}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.number = state["number"]


@torch.no_grad()
def refresh_statistics(network: nn.Module, batches: Iterable[Any]) -> nn.Module:
    """Take batch norm's means and variances anew, over ``batches``, for weights that no training step has seen: an average, a mean of checkpoints.

    ``batches`` are inputs, (input, target) pairs, or dicts with "input"; each is weighed alike, as in torch's ``update_bn``. Modes and momenta are
    restored. Without batch norm nothing happens. Errors: no batch.
    Paper: Izmailov et al., 2018, arXiv:1803.05407. Use after ``SWA``, ``mean_of`` and schedule-free training. Cost: a forward pass over the batches.

    >>> net = nn.Sequential(nn.BatchNorm1d(1)); _ = refresh_statistics(net, [torch.tensor([[1.0], [3.0]])]); net[0].running_mean.item()
    2.0
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    if not norms:
        return network
    modes, momenta = {m: m.training for m in network.modules()}, {m: m.momentum for m in norms}
    seen = 0
    try:
        network.eval()
        for m in norms:
            m.reset_running_stats()
            m.momentum = None  # the plain mean of all batches
            m.training = True
        for batch in batches:
            network(batch["input"] if isinstance(batch, dict) else batch[0] if isinstance(batch, tuple | list) else batch)
            seen += 1
    finally:
        for m, mode in modes.items():
            m.training = mode
        for m, momentum in momenta.items():
            m.momentum = momentum
    if not seen:
        raise ValueError("refresh_statistics got no batch, so batch norm has no statistics now; give a list, not an iterator that is used up.")
    return network


def mean_of(states: Sequence[Mapping[str, Tensor]], weights: Sequence[float] | None = None) -> dict[str, Tensor]:
    """The mean of several state dicts, weighted or plain: checkpoints of one run, or runs that began alike.

    Floating-point entries are averaged in float64 and keep their type; whole numbers come from the last. Errors: none given, other names or shapes.
    Paper: Vaswani et al., 2017, arXiv:1706.03762; Wortsman et al., 2022, arXiv:2203.05482. Use after training; then ``refresh_statistics``.

    >>> mean_of([{"w": torch.tensor([1.0])}, {"w": torch.tensor([4.0])}], [2, 1])["w"].item()
    2.0
    """
    if not states:
        raise ValueError("mean_of got no states; give at least one state dict.")
    given = [1.0] * len(states) if weights is None else [float(w) for w in weights]
    if len(given) != len(states) or sum(given) <= 0 or min(given) < 0:
        raise ValueError(f"mean_of got {len(states)} states and the weights {given}; expected as many, none negative, not all zero.")
    for other in states[1:]:
        odd = sorted(set(states[0]) ^ set(other)) or [k for k, v in states[0].items() if other[k].shape != v.shape]
        if odd:
            raise ValueError(f"mean_of: the states differ in {', '.join(odd[:5])}; only states of one architecture have a mean.")
    found: dict[str, Tensor] = {}
    for name, last in states[-1].items():
        if last.is_floating_point():
            total = sum(w * state[name].detach().double() for w, state in zip(given, states, strict=True))
            found[name] = torch.as_tensor(total / sum(given)).to(last.dtype)
        else:
            found[name] = last.detach().clone()
    return found


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
