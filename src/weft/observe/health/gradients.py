"""Watching gradients and how far they move the weights."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportUnknownVariableType=false
# (torch is annotated in part)

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from weft.losses.loss import Mean
from weft.nn.freezing import is_frozen
from weft.observe.health.monitor import Chosen, Monitor, chosen, main_network

PATIENCE = 3  # reports in a row after which a row without gradient counts as dead
FEW = 5  # names of frozen parameters that a report lists


class GradientMonitor(Monitor):
    """Watches the size of gradients, layer by layer, and of the step that the optimizer made of them.

    Reports ``gradient/norm`` (of everything, as the optimizer saw it: after clipping, which logs its own norm before), ``gradient/none``,
    ``gradient/zero`` and ``gradient/nonfinite`` (parameters with no gradient, with zeros only, with NaN or infinity), ``gradient/unused`` (the
    share of all weights in the first two), ``gradient/trend`` (log10 of |g|/|w| in the first third of the matrices over the last third: far below 0
    it vanishes on its way back), ``gradient/through_time`` (largest |g| of recurrent weights over |g| of the last matrix: what many steps back in
    time made of it), ``update/ratio`` (median over matrices of |step| / |weight|; about 1e-3 is usual), ``rows/silent`` (largest share of a layer's
    output units that had no gradient at all in three reports running), ``frozen/share`` (of the network's weights that nothing trains, though
    ``weft.surgery.freeze`` did not mark them), ``loss``, and for each layer ``norm/<name>`` and ``ratio/<name>``. ``details`` adds ``mean/``,
    ``std/`` and ``max/`` of each gradient.

    ``layers``: a pattern or predicate on names; at most ``limit`` are told apart. Values are read from the device once a report.
    Use when training goes wrong without saying why; instead of it, ``clip_norm`` alone to see the norm at every step. Cost: one copy of
    the weights during one step in ``every``.

    >>> from weft.engine import Steps, fit
    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> monitor = GradientMonitor(every=3)
    >>> _ = fit(Supervised(nn.Linear(2, 2), cross_entropy), [(torch.eye(2), torch.tensor([0, 1]))], until=Steps(6), listeners=[monitor])
    >>> [report["step"] for report in monitor.history], monitor.history[0]["gradient/none"]
    ([1, 2, 3, 5, 6], 0.0)
    """

    name = "gradients"
    unprepared = True  # the gradients of step 1 show the network as it was made

    def __init__(self, every: int = 200, *, layers: Chosen = None, limit: int = 64, details: bool = False) -> None:
        super().__init__(every)
        if limit < 1:
            raise ValueError(f"GradientMonitor needs limit >= 1 layers, got {limit}.")
        self.layers, self.limit, self.details = layers, limit, details
        self.named: dict[str, nn.Parameter] = {}
        self.before: list[Tensor] = []
        self.tracked: list[str] = []
        self.silent: dict[str, Tensor] = {}
        self.roles: tuple[set[int], set[int], set[int]] = (set(), set(), set())

    def know(self, state: Any) -> None:
        """Which parameters there are; asked anew at each look, as stages change them."""
        named = {name: p for update in state.updates.values() for name, p in update.named}
        if named.keys() != self.named.keys() or any(named[name] is not p for name, p in self.named.items()):
            self.silent = {} if self.named else self.silent  # what a checkpoint brought
            self.named, self.tracked = named, chosen(list(named), self.layers, self.limit)
            self.roles = roles(state.method)

    def prepare(self, state: Any) -> None:
        self.know(state)
        with torch.no_grad():
            self.before = [self.named[name].detach().clone() for name in self.tracked]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"silent": dict(self.silent)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.silent = dict(state["silent"])

    def release(self) -> None:
        self.before = []

    def read(self, state: Any, logs: Mapping[str, Any]) -> dict[str, float]:
        if state.runtime.compile == "step":  # its gradients never leave the graph
            return {}
        self.know(state)
        loss = logs.get("loss")
        loss = loss.total / loss.count if isinstance(loss, Mean) else loss
        beside = {} if loss is None else {"loss": torch.as_tensor(loss, dtype=torch.float32).detach()}
        with torch.no_grad():
            return frozen(main_network(state.method)) | self.norms(beside)

    def norms(self, beside: Mapping[str, Tensor]) -> dict[str, float]:
        """Everything that is read from the device, in one transfer."""
        gradients = {name: p.grad.detach() for name, p in self.named.items() if p.grad is not None}
        tracked = [self.named[name].detach() for name in self.tracked]
        steps = list(torch._foreach_sub(tracked, self.before)) if self.before else []
        pieces: list[Any] = [*norms_of(list(gradients.values())), *norms_of(tracked), *norms_of(steps)]
        rows = self.rows(gradients)
        pieces += rows.values()
        extra = dict(beside)
        extra |= {f"{what}/{name}": value for name in self.tracked if self.details and name in gradients for what, value in spread(gradients[name])}
        numbers = iter(gathered([*pieces, *extra.values()]))
        size, weight = {name: next(numbers) for name in gradients}, {name: next(numbers) for name in self.tracked}
        step = {name: next(numbers) for name in self.tracked[: len(steps)]}
        silent, told = [next(numbers) for _ in rows], list(numbers)
        finite = [value for value in size.values() if math.isfinite(value)]
        found = {
            "gradient/norm": math.sqrt(sum(value * value for value in finite)),
            "gradient/none": float(len(self.named) - len(gradients)),
            "gradient/unused": self.share([name for name in self.named if size.get(name, 0.0) == 0]),
            "gradient/zero": float(sum(value == 0 for value in size.values())),
            "gradient/nonfinite": float(len(size) - len(finite)),
        }
        ratio = {name: step[name] / weight[name] for name in step if weight[name] > 0}
        matrices = [name for name in self.tracked if id(self.named[name]) in self.roles[0]]
        moved = [ratio[name] for name in matrices if name in ratio]
        if moved:
            found["update/ratio"] = statistics.median(moved)
        relative = [size[name] / weight[name] for name in matrices if name in size and weight[name] > 0 and math.isfinite(size[name])]
        if len(relative) >= 4:
            third = max(1, len(relative) // 3)
            found["gradient/trend"] = math.log10(max(statistics.median(relative[:third]), 1e-30) / max(statistics.median(relative[-third:]), 1e-30))
        recurrent = [size[name] for name in self.tracked if id(self.named[name]) in self.roles[1] and name in size]
        after = next((size[name] for name in reversed(matrices) if name in size and id(self.named[name]) not in self.roles[1]), 0.0)
        if recurrent and after > 0:
            found["gradient/through_time"] = max(recurrent) / after
        if silent:
            found["rows/silent"] = max(silent)
        found |= {f"norm/{name}": size[name] for name in self.tracked if name in size} | {f"ratio/{name}": value for name, value in ratio.items()}
        return found | dict(zip(extra, told, strict=True))

    def share(self, names: list[str]) -> float:
        """What share of the trained weights these are."""
        return sum(self.named[name].numel() for name in names) / max(1, sum(p.numel() for p in self.named.values()))

    def rows(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """For each matrix the share of its rows (output units) whose gradient was zero in the last reports running."""
        found: dict[str, Tensor] = {}
        for name in self.tracked:
            p = self.named[name]
            if name in gradients and id(p) in self.roles[2]:
                still = gradients[name].flatten(1).abs().amax(1) == 0
                count = self.silent.get(name)
                self.silent[name] = still.to(torch.int32) if count is None or count.shape != still.shape else (count.to(still.device) + 1) * still
                found[name] = (self.silent[name] >= PATIENCE).float().mean()
        return found


def norms_of(tensors: list[Tensor]) -> list[Tensor]:
    """The norm of each, in float32 where they are shorter."""
    return list(torch._foreach_norm([t if t.dtype in (torch.float32, torch.float64) else t.float() for t in tensors])) if tensors else []


def spread(gradient: Tensor) -> list[tuple[str, Tensor]]:
    """Mean, standard deviation (of one element: zero) and largest size of a gradient."""
    gradient = gradient.float()
    return [("mean", gradient.mean()), ("std", gradient.std(correction=0)), ("max", gradient.abs().amax())]


def gathered(values: list[Tensor]) -> list[float]:
    """Numbers of one device in one transfer; of several, one each."""
    if not values:
        return []
    devices: dict[torch.device, list[int]] = {}
    for place, value in enumerate(values):
        devices.setdefault(value.device, []).append(place)
    found = [0.0] * len(values)
    for places in devices.values():
        for place, number in zip(places, torch.stack([values[i].float().reshape(()) for i in places]).tolist(), strict=True):
            found[place] = number
    return found


def roles(method: nn.Module) -> tuple[set[int], set[int], set[int]]:
    """Which parameters are matrices (not embeddings), which are recurrent, and of which the rows are units: those of dense and convolution layers."""
    tables = {id(p) for m in method.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag) for p in m.parameters(recurse=False)}
    recurrent = {id(p) for name, p in method.named_parameters() if "weight_hh" in name}
    units = {id(m.weight) for m in method.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)}
    return {id(p) for p in method.parameters() if p.ndim > 1 and id(p) not in tables}, recurrent, units - tables


def frozen(network: nn.Module) -> dict[str, float]:
    """The share of a network's weights that need no gradient although nobody marked them as frozen, and the largest of them by name."""
    if all(p.requires_grad for p in network.parameters()):
        return {"frozen/share": 0.0}
    meant = {id(p) for m in network.modules() if is_frozen(m) for p in m.parameters()}
    for part in network.modules():  # an adapter trains beside the weight that it adapts, in the same part
        own = list(part.parameters(recurse=False))
        meant |= {id(p) for p in own} if any(p.requires_grad for p in own) else set()
    whole = {name: p.numel() for name, p in network.named_parameters()}
    idle = {name: p.numel() for name, p in network.named_parameters() if not p.requires_grad and id(p) not in meant}
    largest = sorted(idle, key=lambda name: -idle[name])[:FEW]
    return {"frozen/share": sum(idle.values()) / max(1, sum(whole.values()))} | {f"frozen/{name}": float(idle[name]) for name in largest}
