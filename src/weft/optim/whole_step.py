"""``compile="step"``: forward, backward, gradient transforms and optimizer of one update in one compiled graph."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import stateless

from weft.data import random_state
from weft.data.batch import Batch
from weft.losses.loss import Loss, Mean, Term
from weft.optim.estimators import Objective

MOST_SHAPES = 4  # of batches per objective that are worth a graph; rarer ones run as usual


class WholeStep:
    """Replaces the eager step of an update by a graph; the same numbers up to rounding, two to three times faster for tiny networks.

    The step is traced once per objective and batch shape, with parameters, buffers, optimizer state and scheduled options as inputs; under a
    non-finite gradient or an empty batch all of them keep their values inside the graph. Raises ``ValueError`` naming the arrow that
    cannot be traced.
    """

    def __init__(self, update: Any):
        self.update = update
        self.graphs: dict[Any, _Graph] = {}
        self.options = [(g, name, torch.zeros((), device=update.runtime.place)) for g, name, *_ in update.schedules]
        self.raw_step = inspect.unwrap(type(update.optimizer).step)
        self._refuse()

    def _refuse(self) -> None:
        update = self.update
        reasons = [f"the gradient transform {type(a).__name__}" for a in update.spec.gradients if not getattr(a, "traceable", False)]
        if update.spec.estimator is not None:
            reasons.append(f"the estimator {type(update.spec.estimator).__name__}")
        if update.closure:
            reasons.append(f"the optimizer {type(update.optimizer).__name__}, which evaluates the objective itself")
        if update.spec.microbatches > 1:
            reasons.append("microbatches")
        if update.runtime.world > 1:
            reasons.append("several ranks")
        if update.runtime.precision == "float16":
            reasons.append("float16 loss scaling")
        if reasons:
            raise ValueError(f'compile="step" cannot trace {" and ".join(reasons)} of update {update.key!r}. Use compile="objective".')

    def __call__(self, objective: Objective, batch: Batch) -> tuple[Loss, bool, dict[str, Any]] | None:
        """(loss, whether the step was taken, logs of the transforms); None when this batch is to run as usual."""
        update = self.update
        if update.count == 0 or not isinstance(batch, dict) or not all(isinstance(v, Tensor) for v in batch.values()):
            return None  # the first step creates the optimizer's state
        key = (getattr(objective, "__func__", objective), tuple((k, v.shape, v.dtype) for k, v in batch.items()))
        graph = self.graphs.get(key)
        if graph is None:
            if len(self.graphs) >= MOST_SHAPES:
                return None
            graph = self.graphs[key] = _Graph(self, objective, batch)
        for group, name, tensor in self.options:
            tensor.fill_(group[name])
        return graph(batch)

    def forget(self) -> None:
        """The optimizer's tensors were replaced: trace again."""
        self.graphs.clear()


class _Graph:
    """One traced and compiled step."""

    def __init__(self, whole: WholeStep, objective: Objective, batch: Batch):
        update = whole.update
        self.whole, self.objective, self.keys = whole, objective, list(batch)
        mine = {n for n, _ in update.named}
        others = {n: t.detach() for n, t in [*update.method.named_parameters(), *update.method.named_buffers()] if n not in mine}
        self.names, self.others = [n for n, _ in update.named], list(others)
        self.slots = [(p, k) for p in update.parameters for k in _tensor_state(update, p)]
        self.state = [*(p.detach() for p in update.parameters), *(update.optimizer.state[p][k] for p, k in self.slots), *others.values()]
        self.inputs = [*self.state, *(t for *_, t in whole.options)]
        self.layout: list[tuple[str, str, Any]] = []
        with random_state.untouched():
            copies = [t.clone() for t in self.inputs] + [batch[k] for k in self.keys]
            graph = make_fx(self._step)(*copies)
            self.compiled: Any = torch._inductor.compile(graph, [*self.inputs, *(batch[k] for k in self.keys)])

    def __call__(self, batch: Batch) -> tuple[Loss, bool, dict[str, Any]]:
        with torch.no_grad():
            ok, *values = self.compiled(*self.inputs, *(batch[k] for k in self.keys))
        terms, logs, extra = {}, {}, {}
        place = iter(values)
        for kind, name, known in self.layout:
            if kind == "term":
                count, weight = known
                terms[name] = Term(next(place), next(place) if count == "tensor" else count, weight)
            elif kind == "log":
                logs[name] = Mean(next(place), next(place) if known == "tensor" else known)
            else:
                extra[name] = next(place)
        return Loss(terms, logs), bool(ok), extra

    def _step(self, *flat: Tensor) -> list[Tensor]:
        """What is traced: one whole step on the given tensors, all of them changed in place."""
        update, whole = self.whole.update, self.whole
        parameters = [t.detach().requires_grad_() for t in flat[: len(self.names)]]
        slots = flat[len(self.names) : len(self.names) + len(self.slots)]
        others = flat[len(self.names) + len(self.slots) : len(self.state)]
        options = flat[len(self.state) : len(self.inputs)]
        batch = dict(zip(self.keys, flat[len(self.inputs) :], strict=True))
        old = [t.clone() for t in flat[: len(self.state)]]
        with stateless._reparametrize_module(update.method, dict(zip([*self.names, *self.others], [*parameters, *others], strict=True))):
            with update.runtime.autocast():
                loss = self.objective(batch)
            value = loss.value
            grads = torch.autograd.grad(value, parameters, allow_unused=True)
        with torch.no_grad():
            for p, g in zip(parameters, grads, strict=True):
                p.grad = g
            extra: dict[str, Any] = {}
            for transform in update.spec.gradients:
                extra.update(transform(parameters) or {})  # type: ignore[arg-type]
            ok = torch.isfinite(value) & _counted(loss)
            for g in grads:
                ok = ok if g is None else ok & torch.isfinite(g).all()
            with self._optimizer_on(parameters, slots, options):
                whole.raw_step(update.optimizer)
            for now, before in zip(flat, old, strict=False):
                now.copy_(torch.where(ok, now, before))
        return [ok, *self._outputs(loss, extra)]

    def _outputs(self, loss: Loss, extra: dict[str, Any]) -> list[Tensor]:
        outputs: list[Tensor] = []
        self.layout = []
        for name, t in loss.terms.items():
            counted = isinstance(t.count, Tensor)
            self.layout.append(("term", name, ("tensor" if counted else t.count, t.weight)))
            outputs += [t.total.detach(), t.count] if isinstance(t.count, Tensor) else [t.total.detach()]
        for name, m in loss.logs.items():
            self.layout.append(("log", name, "tensor" if isinstance(m.count, Tensor) else m.count))
            outputs += [torch.as_tensor(m.total), m.count] if isinstance(m.count, Tensor) else [torch.as_tensor(m.total)]
        for name, v in extra.items():
            self.layout.append(("extra", name, None))
            outputs.append(torch.as_tensor(v))
        return outputs

    @contextlib.contextmanager
    def _optimizer_on(self, parameters: list[Tensor], slots: tuple[Tensor, ...], options: tuple[Tensor, ...]) -> Iterator[None]:
        """Let the optimizer work on the traced tensors for one step, in the form in which it never asks for a number's value."""
        update = self.whole.update
        optimizer = update.optimizer
        state, groups = optimizer.state, [dict(g) for g in optimizer.param_groups]
        stand_in = dict(zip(map(id, update.parameters), parameters, strict=True))
        values = iter(slots)
        optimizer.state = {p: {} for p in parameters}  # type: ignore[assignment]
        for real, key in self.slots:
            optimizer.state[stand_in[id(real)]][key] = next(values)
        flag = torch.compiler._is_compiling_flag
        try:
            torch.compiler._is_compiling_flag = True
            for (group, name, _), value in zip(self.whole.options, options, strict=True):
                group[name] = value
            for group in optimizer.param_groups:
                group["params"] = [stand_in[id(p)] for p in group["params"]]
                group.update({k: v for k, v in {"fused": False, "foreach": True, "capturable": True}.items() if k in group})
            yield
        finally:
            torch.compiler._is_compiling_flag = flag
            optimizer.state = state
            for group, before in zip(optimizer.param_groups, groups, strict=True):
                group.update(before)


def _tensor_state(update: Any, parameter: Tensor) -> list[str]:
    state = update.optimizer.state.get(parameter, {})
    odd = [k for k, v in state.items() if not isinstance(v, Tensor)]
    if odd:
        raise ValueError(
            f'compile="step" cannot trace {type(update.optimizer).__name__}: its state {odd[0]!r} is no tensor. Use compile="objective".'
        )
    return list(state)


def _counted(loss: Loss) -> Tensor:
    """Whether anything was counted, as a tensor."""
    counts = [1.0 if t.count is None else t.count for t in loss.terms.values()]
    return torch.stack([torch.as_tensor(c, dtype=torch.float32) for c in counts]).sum() > 0
