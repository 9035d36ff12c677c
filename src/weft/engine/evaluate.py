"""Evaluation: metrics over data, with everything that training depends on left as it was."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from weft.data import random_state
from weft.data.batch import as_batch, move
from weft.losses.loss import Loss, Mean
from weft.metrics.metric import Metric
from weft.nn.freezing import eval_mode
from weft.optim.lengths import Epochs, Length
from weft.parallel import gather, sum_loss
from weft.parallel.runtime import Runtime

from .method import Method


@dataclass(frozen=True)
class Evaluation:
    """What is measured during a fit, on what, how often, and which value decides what is best.

    ``data``: batches, or a function of the method that returns a dict of numbers (a simulation, a probe). Results are called
    ``name/metric``; the loss is always among them when the method has one. ``monitor`` (default: the first metric, else the loss) decides
    what is best, by ``mode`` "min" or "max" (default: the metric's direction). ``limit`` batches at most. ``use``: "average" weights if
    there are any, or "network".
    """

    data: Iterable[Any] | Callable[[Method], Mapping[str, float]]
    metrics: Mapping[str, Metric] = field(default_factory=dict[str, Metric])
    every: Length = Epochs(1)  # noqa: RUF009 - a frozen value
    monitor: str | None = None
    mode: str | None = None
    limit: int | None = None
    use: str = "average"
    name: str = "val"

    def __call__(self, method: Method, runtime: Runtime) -> dict[str, float]:
        with undisturbed(method), method.using(self.use):
            if callable(self.data) and not isinstance(self.data, Iterable):
                found = {k: float(v) for k, v in self.data(method).items()}
            else:
                found = evaluate(method, self.data, self.metrics, limit=self.limit, runtime=runtime)  # type: ignore[arg-type]
        return {f"{self.name}/{k}": v for k, v in found.items()}

    def watched(self, results: Mapping[str, float]) -> tuple[str, float]:
        """The monitored value as (name, score), where a higher score is better."""
        key = self.monitor or next(
            iter(self.metrics), "loss" if f"{self.name}/loss" in results else next(iter(results)).removeprefix(f"{self.name}/")
        )
        name = key if key in results else f"{self.name}/{key}"
        if name not in results:
            raise ValueError(f"The evaluation monitors {key!r}, but gave {sorted(results)}.")
        metric = self.metrics.get(key.removeprefix(f"{self.name}/"))
        mode = self.mode or (metric.direction if metric is not None else "min" if "loss" in key else "max")
        return name, results[name] if mode == "max" else -results[name]


def evaluate(
    method: Method, data: Iterable[Any], metrics: Mapping[str, Metric] | None = None, *, limit: int | None = None, runtime: Runtime | None = None
) -> dict[str, float]:
    """Metrics and loss of ``method`` over ``data``: exact over uneven batches and ranks; nothing of the method changes.

    >>> import torch
    >>> class Mean(Method):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.network = torch.nn.Linear(1, 1)
    ...     def loss(self, batch):
    ...         return Loss.mean(batch["target"])
    >>> evaluate(Mean(), [(torch.zeros(1, 1), torch.ones(1)), (torch.zeros(3, 1), torch.zeros(3))])["loss"]
    0.25
    """
    runtime = runtime or method.runtime or Runtime().resolve(method)
    metrics = {k: copy.deepcopy(m) for k, m in (metrics or {}).items()}
    for metric in metrics.values():
        metric.reset()
    losses: list[Loss] = []
    has_loss = type(method).loss is not Method.loss
    count = 0
    with undisturbed(method):
        for raw in itertools.islice(data, limit):
            batch = move(as_batch(raw), runtime.place, runtime.channels_last)
            count += 1
            if metrics:
                prediction = method.predict(batch)
                for metric in metrics.values():
                    metric.update(prediction, batch)
            if has_loss:
                with torch.no_grad(), eval_mode(method), runtime.autocast():
                    losses.append(method.loss(batch))
                losses = [Loss.joined(losses).detached()]
    if count == 0 and runtime.world == 1:
        raise ValueError("The evaluation data yielded no batch, so there is nothing to measure.")
    found = _values(losses, runtime)
    for name, metric in metrics.items():
        if runtime.world > 1:
            _merge_ranks(metric, runtime)
        found[name] = float(metric.compute())
    return found


def _values(losses: list[Loss], runtime: Runtime) -> dict[str, float]:
    if not losses:
        return {}
    loss = losses[0] if runtime.group is None or runtime.world == 1 else sum_loss(losses[0], runtime.group)
    found = {k: float(Mean(t.total, 1.0 if t.count is None else t.count)) for k, t in loss.terms.items()} | {
        k: float(m) for k, m in loss.logs.items()
    }
    return {**found, "loss": sum(t.weight * found[k] for k, t in loss.terms.items() if found[k] == found[k])}


def _merge_ranks(metric: Metric, runtime: Runtime) -> None:
    """Every rank ends with the metric over all ranks: states are gathered and merged in rank order."""
    assert runtime.group is not None
    states = {k: gather(v if v.ndim else v[None], runtime.group) for k, v in metric.state().items()}
    shapes = {k: v.ndim for k, v in metric.state().items()}
    metric.reset()
    for rank in range(runtime.world):
        metric.merge({k: v[rank] if shapes[k] else v[rank][0] for k, v in states.items()})


@contextlib.contextmanager
def undisturbed(method: Method) -> Generator[None]:
    """Leave buffers, modes and random states as they are; parameters and gradients are not touched by evaluation anyway."""
    buffers = [(b, b.clone()) for b in method.buffers()]
    with random_state.untouched(), eval_mode(method):
        yield
    with torch.no_grad():
        for buffer, before in buffers:
            buffer.copy_(before)
