"""Watching what flows through a network: dead and dormant units, saturation, the scale of the input, batches too small for their norm."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (torch is annotated in part)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from weft.engine import Method
from weft.observe.health.gradients import gathered
from weft.observe.health.leak import Leak
from weft.observe.health.monitor import Chosen, Monitor, chosen, main_network

RELU = (nn.ReLU, nn.ReLU6, nn.Threshold)  # exactly zero, with a gradient of zero: there a unit can die
BOUNDED: dict[type[nn.Module], tuple[float, float]] = {  # where they saturate: below, above
    nn.Sigmoid: (0.01, 0.99),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Tanh: (-0.99, 0.99),
    nn.Hardtanh: (-1.0, 1.0),
    nn.Softsign: (-0.99, 0.99),
}
SMOOTH = (nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.PReLU, nn.Mish, nn.Softplus, nn.Hardswish)
CHANNELS_FIRST = (nn.Conv1d, nn.BatchNorm1d, nn.GroupNorm, nn.InstanceNorm1d)
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)  # pyright: ignore[reportPrivateUsage]
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
PATIENCE = 3  # reports in a row after which a unit that is always zero is dead
LEARNED = 0.3  # of the loss at the first look, from which on a leak is looked for
DORMANT = 0.025  # of the layer's mean activity


class ActivationMonitor(Monitor):
    """Watches the activations of the network while it trains; its hooks are there for one step in ``every`` and always come off.

    Reports for each ReLU ``dead/<name>`` (share of units that were zero for every sample of three reports running) and ``dormant/<name>``
    (share of units whose mean activity is at most 0.025 of their layer's), for each sigmoid or tanh ``saturated/<name>`` (share of values in the
    outer hundredth), and their largest as ``relu/dead``, ``relu/dormant``, ``bounded/saturated``. Of the network's input: ``input/mean``,
    ``input/rms``, ``input/spread`` (largest over smallest deviation of a table's columns), ``input/normed`` (1 when a norm comes first); of its
    output ``output/classes`` (the last dimension, of a picture the channels), ``output/size`` (the largest), ``output/varies`` (how much it
    differs between the samples, over its own size); ``batchnorm/batch``: the smallest batch that a batch norm saw;
    ``leak/purity``: how well one input value alone tells the class that the network answers (anew after a resume).
    ``details`` adds ``mean/ std/ min/ max/ zero/`` for activations of all types.

    Functions such as ``F.relu`` have no hook: ``weft.observe.check_activations`` sees those, and ``GradientMonitor`` their silent rows.
    Paper (dormant units): Sokar et al., 2023, arXiv:2302.12902.
    Use beside ``GradientMonitor``; instead of it, ``check_activations`` for a single look. Cost: a few reductions in one step of ``every``;
    nothing while a step is compiled, where it does not look.

    >>> from weft.engine import Steps, fit
    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> _ = nn.init.constant_(network[0].bias, -9.0)
    >>> monitor = ActivationMonitor(every=2)
    >>> _ = fit(Supervised(network, cross_entropy), [(torch.eye(2), torch.tensor([0, 1]))], until=Steps(6), listeners=[monitor])
    >>> monitor.history[-1]["dead/1"]
    1.0
    """

    name = "activations"

    def __init__(self, every: int = 200, *, layers: Chosen = None, limit: int = 64, details: bool = False) -> None:
        super().__init__(every)
        if limit < 1:
            raise ValueError(f"ActivationMonitor needs limit >= 1 layers, got {limit}.")
        self.layers, self.limit, self.details = layers, limit, details
        self.network: nn.Module | None = None
        self.parts: dict[str, tuple[nn.Module, int]] = {}
        self.handles: list[Any] = []
        self.zero_for: dict[str, Tensor] = {}
        self.leak = Leak()
        self.first: float | None = None
        self.begin()

    def begin(self) -> None:
        """Forget the last step."""
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.values: dict[str, Tensor] = {}
        self.numbers: dict[str, float] = {}

    def prepare(self, state: Any) -> None:
        if state.runtime.compile:
            return
        network = main_network(state.method)
        if network is not self.network:
            self.zero_for = self.zero_for if self.network is None else {}  # what a checkpoint brought
            self.network, self.leak = network, Leak()
            self.parts = watched(network, self.layers, self.limit)
            self.normed = float(norm_first(network))
        self.begin()
        self.handles = [network.register_forward_hook(self.ends, with_kwargs=True)]
        self.handles += [part.register_forward_hook(Looked(self, name, part, dim)) for name, (part, dim) in self.parts.items()]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"zero_for": dict(self.zero_for)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.zero_for = dict(state["zero_for"])

    def release(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []
        self.begin()

    @torch.no_grad()
    def ends(self, network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        """What goes into the network and what comes out."""
        if not network.training or "input/normed" in self.numbers:  # an evaluation, or a further look within the step
            return
        if within_transform((*args, *kwargs.values(), output)):
            return
        self.numbers["input/normed"] = self.normed
        given, made = first_tensor((*args, *kwargs.values())), first_tensor((output,))
        if given is not None and given.is_floating_point():
            flat = given.detach().float()
            self.values["input/mean"], self.values["input/rms"] = flat.mean(), flat.square().mean().sqrt()
            if flat.ndim == 2 and len(flat) > 1 and flat.shape[1] > 1:
                spread = flat.std(0)
                self.values["input/spread"] = spread.amax() / spread.masked_fill(spread == 0, torch.inf).amin()
        if made is not None and made.is_floating_point() and made.ndim > 1 and len(made) > 1:
            flat = made.detach().float()
            self.numbers["output/classes"] = float(made.shape[1] if made.ndim == 4 else made.shape[-1])
            self.numbers["output/batch"] = float(len(made))
            self.numbers["output/items"] = float(flat[..., 0].numel() if made.ndim != 4 else flat[:, 0].numel())
            self.values["output/size"] = flat.abs().amax()
            self.values["output/varies"] = flat.std(0).mean() / flat.square().mean().sqrt().clamp(min=1e-12)
            if given is not None and made.ndim == 2:
                self.leak.add(given.detach(), flat)

    @torch.no_grad()
    def look(self, name: str, part: nn.Module, dim: int, output: Any) -> None:
        """One activation's output, or a batch norm's."""
        made = first_tensor((output,))
        if not part.training or made is None or not made.is_floating_point() or within_transform((made,)):
            return
        made = made.detach()
        if isinstance(part, BATCH_NORMS):
            before = self.numbers.get("batchnorm/batch", float("inf"))
            self.numbers["batchnorm/batch"] = min(before, float(len(made)))
            return
        if isinstance(part, RELU):
            units = made.movedim(dim, 0).flatten(1)
            total = units.sum(1, dtype=torch.float32)
            self.sums[name] = self.sums[name] + total if name in self.sums else total
            self.counts[name] = self.counts.get(name, 0) + units.shape[1]
        bounds = BOUNDED.get(type(part))
        if bounds is not None:
            low, high = bounds
            self.values[f"saturated/{name}"] = ((made <= low) | (made >= high)).float().mean()
        if self.details:
            flat = made.float()
            self.values |= {
                f"mean/{name}": flat.mean(), f"std/{name}": flat.std(correction=0), f"min/{name}": flat.amin(), f"max/{name}": flat.amax(),
                f"zero/{name}": (flat == 0).float().mean(),
            }  # fmt: skip

    def read(self, state: Any, logs: Mapping[str, Any]) -> dict[str, float]:
        if not self.handles or not (self.numbers or self.sums or self.values):
            return {}
        for name, total in self.sums.items():
            mean = total / self.counts[name]
            still = mean == 0
            count = self.zero_for.get(name)
            self.zero_for[name] = still.to(torch.int32) if count is None or count.shape != still.shape else (count.to(still.device) + 1) * still
            self.values[f"dead/{name}"] = (self.zero_for[name] >= PATIENCE).float().mean()
            self.values[f"dormant/{name}"] = (mean <= DORMANT * mean.mean()).float().mean()
        loss = float(logs["loss"]) if "loss" in logs else 0.0
        self.first = loss if self.first is None else self.first
        if loss <= LEARNED * self.first:
            self.values |= self.leak.read()
        numbers = dict(zip(self.values, gathered(list(self.values.values())), strict=True))
        found = {**self.numbers, **numbers}
        for total, kind in (("relu/dead", "dead/"), ("relu/dormant", "dormant/"), ("bounded/saturated", "saturated/")):
            parts = [value for name, value in numbers.items() if name.startswith(kind)]
            if parts:
                found[total] = max(parts)
        return found


class Looked:
    """A forward hook that says which activation it stands at."""

    def __init__(self, monitor: ActivationMonitor, name: str, part: nn.Module, dim: int) -> None:
        self.monitor, self.name, self.part, self.dim = monitor, name, part, dim

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        self.monitor.look(self.name, self.part, self.dim, output)


def within_transform(values: tuple[Any, ...]) -> bool:
    """Whether a value belongs to torch.func's vmap or grad: it must not outlive the function in which it was made."""
    return any(isinstance(v, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(v) for v in values)  # type: ignore[attr-defined]


def watched(network: nn.Module, layers: Chosen, limit: int) -> dict[str, tuple[nn.Module, int]]:
    """The activations and batch norms of a network by name, each with the dimension of its units.

    The last part of a network is left out where it is bounded: an output at the ends of its range, such as a black pixel, is an answer.
    """
    whole = list(network.children()) if isinstance(network, Method) else [network]
    ends = {id([m for m in one.modules() if next(m.children(), None) is None][-1]) for one in whole}
    found: dict[str, tuple[nn.Module, int]] = {}
    first = False
    for name, part in network.named_modules():
        if isinstance(part, (*RELU, *BOUNDED, *SMOOTH)) and not (id(part) in ends and isinstance(part, tuple(BOUNDED))):
            found[name] = (part, 1 if first else -1)
        elif next(part.children(), None) is None and next(part.parameters(recurse=False), None) is not None:
            first = isinstance(part, (*CHANNELS_FIRST, nn.Conv2d, nn.Conv3d, nn.BatchNorm2d, nn.BatchNorm3d))
            if isinstance(part, BATCH_NORMS):
                found[name] = (part, 1)
    kept = chosen(list(found), layers, limit)
    return {name: found[name] for name in kept}


def norm_first(network: nn.Module) -> bool:
    """Whether the first part with weights is a normalisation, which makes the scale of the input a matter of indifference."""
    first = next((m for m in network.modules() if next(m.children(), None) is None and next(m.parameters(recurse=False), None) is not None), None)
    return isinstance(first, NORMS)


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor in tuples, lists and dicts: an LSTM's output is that of its last layer, not its state."""
    return next(tensors(values), None)


def tensors(values: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and dicts."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from tensors(value)
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from tensors(value)
