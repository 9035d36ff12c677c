"""What the own optimizers share: one step over all parameters of a kind, their state, and what is checked before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from weft.optim.optimizers import Factory, Named, check_named, check_rate, decay_groups

States = list[dict[str, Any]]
BLOCK = 131_072  # entries a thread: the passes of a rule over these stay in its cache, over a whole matrix each goes to memory and back


class Rule(torch.optim.Optimizer):
    """An optimizer written once, for lists of tensors: ``move`` changes all parameters that share device, type and age together.

    A subclass names in ``slots`` what it keeps per parameter (zeros at first) and writes ``move``. Beside the slots each parameter counts
    its own steps, so that one that had no gradient for a while is corrected by its own age. A rule that treats each entry by itself says
    ``elementwise = True``; on processors it is then applied block by block, in the cache. State keeps its type when it is
    loaded, also where it is finer than the parameter's. Gradients are read, never changed. Errors: sparse or complex parameters.
    """

    slots: tuple[str, ...] = ()
    elementwise = False

    def __init__(self, groups: list[dict[str, Any]], options: Mapping[str, Any]):
        super().__init__(groups, dict(options))

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        return {name: torch.zeros_like(parameter, memory_format=torch.preserve_format) for name in self.slots}

    def move(self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], states: States) -> None:
        """Change the parameters, which take their step number ``step``, and their states in place."""
        raise TypeError(f"{type(self).__name__} does not say how parameters move; write move().")

    def before(self) -> None:
        """Called once a step, before any parameter moves."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of all parameters that have a gradient; ``closure`` is evaluated first, where it is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.before()
        for group in self.param_groups:
            for (_, _, age), (parameters, gradients, states) in self._kinds(group).items():
                if self.elementwise:
                    parameters, gradients, states = self._in_blocks(group, age, parameters, gradients, states)
                if parameters:
                    self.move(group, age, parameters, gradients, states)
        return loss

    def _in_blocks(
        self, group: dict[str, Any], age: int, parameters: list[Tensor], gradients: list[Tensor], states: States
    ) -> tuple[list[Tensor], list[Tensor], States]:
        """Move large parameters on a processor block by block; what is small, strided or elsewhere is returned."""
        block = BLOCK * torch.get_num_threads()
        rest: tuple[list[Tensor], list[Tensor], States] = ([], [], [])
        for p, g, state in zip(parameters, gradients, states, strict=True):
            kept = {name: value for name, value in state.items() if isinstance(value, Tensor)}
            if p.device.type != "cpu" or p.numel() <= block or not all(t.is_contiguous() for t in (p, g, *kept.values())):
                for column_, value in zip(rest, (p, g, state), strict=True):
                    column_.append(value)  # type: ignore[arg-type]
                continue
            flat, slope, slots = p.view(-1), g.view(-1), {name: value.view(-1) for name, value in kept.items()}
            for start in range(0, p.numel(), block):
                part = slice(start, start + block)
                self.move(group, age, [flat[part]], [slope[part]], [{name: value[part] for name, value in slots.items()}])
        return rest

    def _kinds(self, group: dict[str, Any]) -> dict[Any, tuple[list[Tensor], list[Tensor], States]]:
        kinds: dict[Any, tuple[list[Tensor], list[Tensor], States]] = {}
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                self._refuse(p)
                state["step"] = 0
                state.update(self.begin(group, p))
            state["step"] += 1
            parameters, gradients, states = kinds.setdefault((p.device, p.dtype, state["step"]), ([], [], []))
            parameters.append(p)
            gradients.append(p.grad)
            states.append(state)
        return kinds

    def _refuse(self, p: Tensor) -> None:
        kind = type(self).__name__
        if p.grad is not None and p.grad.layout is not torch.strided:
            raise ValueError(f"{kind} works on dense gradients; this one is sparse. Use sparse_adam or adagrad, or make the embedding dense.")
        if p.is_complex():
            raise ValueError(f"{kind} works on real parameters; this one is {p.dtype}. Train torch.view_as_real of it.")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)  # which casts to the parameters' type: a float32 statistic of a bfloat16 weight must not lose its digits
        saved = [number for group in state_dict["param_groups"] for number in group["params"]]
        mine = [p for group in self.param_groups for p in group["params"]]
        for number, p in zip(saved, mine, strict=True):
            for name, value in state_dict["state"].get(number, {}).items():
                if isinstance(value, Tensor) and value.dtype != self.state[p][name].dtype:
                    self.state[p][name] = value.detach().to(p.device, copy=True)


def column(states: States, name: str) -> list[Tensor]:
    """One entry of the state of every parameter."""
    return [state[name] for state in states]


def shrink(group: dict[str, Any], parameters: list[Tensor]) -> None:
    """Decoupled weight decay: w <- (1 - lr weight_decay) w."""
    if group["weight_decay"]:
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])


def ratio_of_norms(above: list[Tensor], below: list[Tensor]) -> list[Tensor]:
    """|a| / |b| for each pair, 1 where one of them is zero: the trust ratio of layer-wise methods."""
    a, b = torch.stack(torch._foreach_norm(above)), torch.stack(torch._foreach_norm(below))
    return list(torch.where((a > 0) & (b > 0), a / b, torch.ones_like(a)).unbind())


def made_by(kind: Callable[..., torch.optim.Optimizer], name: str, options: dict[str, Any], fixed: Mapping[str, Any] | None = None) -> Factory:
    """A factory: checked options, decay on matrices and kernels only, and then ``kind``.

    An own rule takes its options as one mapping; torch's optimizers take them by keyword, with what is ``fixed`` for all of them.
    """
    return partial(_make, kind=kind, name=name, options=options, fixed=fixed)


def _make(named: Named, kind: Any, name: str, options: dict[str, Any], fixed: Mapping[str, Any] | None) -> torch.optim.Optimizer:
    check_options(name, options)
    named = check_named(name, named)
    decay = options.get("weight_decay", 0.0)
    groups: Any = decay_groups(named, decay) if decay else [{"params": named}]
    return kind(groups, options) if fixed is None else kind(groups, **options, **fixed)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError for an option with which no rule makes sense, naming it, what came, and what is expected."""
    check_rate(name, options["lr"])
    for option in ("betas", "momentum", "rho", "alpha"):
        given = options.get(option, 0.0)
        if not all(0 <= value < 1 for value in (given if isinstance(given, tuple | list) else (given,))):
            raise ValueError(f"{name}: {option}={given}; expected 0 or more and less than 1.")
    for option in ("weight_decay", "eps"):
        given = options.get(option, 0.0)
        if not isinstance(given, tuple) and not 0 <= given < math.inf:
            raise ValueError(f"{name}: {option}={given}; expected 0 or more.")


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """The bytes of all tensors that an optimizer keeps, after a step; before its first step it keeps none.

    >>> weight = torch.nn.Parameter(torch.ones(10)); optimizer = torch.optim.Adam([weight]); state_bytes(optimizer)
    0
    """
    return sum(t.numel() * t.element_size() for state in optimizer.state.values() for t in state.values() if isinstance(t, Tensor))


def state_estimate(factory: Factory, named: Named) -> int:
    """The bytes that an optimizer will keep for these parameters, found by one step without numbers (on torch's meta device), before anything runs.

    With the parameters' own bytes and as many for gradients it is what training holds beside activations. Errors: a rule that takes a closure,
    or that reads its own numbers while it steps (torch's Adafactor and ASGD).

    >>> weight = torch.nn.Parameter(torch.ones(1000, 1000)); state_estimate(made_by(torch.optim.Adam, "adam", {"lr": 0.1}, {}), [("w", weight)])
    8000004
    """
    hollow = [(n, torch.nn.Parameter(torch.empty_like(p, device="meta"))) for n, p in check_named("state_estimate", named)]
    optimizer = factory(hollow)
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError("state_estimate steps once, and L-BFGS keeps more with every step: at most 2 * history numbers for each parameter.")
    for _, p in hollow:
        p.grad = torch.empty_like(p)
    try:
        optimizer.step()
    except RuntimeError as error:
        if "meta" not in str(error):
            raise
        raise ValueError(
            f"state_estimate: {type(optimizer).__name__} reads its own numbers while it steps; its docstring says what it keeps."
        ) from error
    return state_bytes(optimizer)
