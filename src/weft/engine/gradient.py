"""Exact gradients: over microbatches, ranks, terms with different counts, and repeated evaluations in one step."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from weft.data import random_state
from weft.data.batch import Batch, split
from weft.losses.loss import Loss, Term
from weft.optim.loss_scale import LossScale
from weft.parallel import Reducer, sum_loss

if TYPE_CHECKING:
    from .update import BoundUpdate, Objective


class Gradient:
    """Evaluates objectives for one bound update.

    The gradient of sum_k weight_k * total_k / count_k is taken by giving each total the cotangent weight_k / count_k, with counts over
    the whole batch and all ranks. Within one step, evaluations after the first reuse its random state and leave buffers unchanged.
    """

    def __init__(self, update: BoundUpdate):
        runtime = update.runtime
        self.update, self.group, self.world = update, runtime.group if runtime.world > 1 else None, runtime.world
        plain = update.spec.estimator is None and not update.closure  # clipping per sample or finite differences want true gradients
        self.scaler = LossScale() if runtime.precision == "float16" and plain else None
        self.reducer = Reducer(update.parameters, self.group) if self.group else None
        self.inputs = None if update.alone else update.parameters
        self.present = True  # False while this rank only keeps the others company at the end of an epoch
        self.compiled: dict[Any, Any] = {}
        self.cotangents: dict[tuple[float, torch.dtype, torch.device], Tensor] = {}
        self.again: dict[str, Any] | None = None
        self.evaluations = 0
        self.replays = update.spec.estimator is not None or update.closure or update.spec.microbatches > 1

    def begin(self) -> None:
        """A new step: its first evaluation moves buffers and random states, the others do not."""
        self.evaluations = 0

    def _count(self) -> None:
        self.evaluations += 1
        if self.evaluations == 1:  # not before: an estimator may draw directions of its own first
            self.again = random_state.capture() if self.replays else None

    def __call__(self, objective: Objective, batch: Batch, part: bool = False) -> Loss:
        if not self.evaluations and self.group is None and self.update.spec.microbatches == 1:  # the common case: one look, one batch, one rank
            self._count()
            loss = self._forward(objective, batch)
            self._backward(loss, self._coefficients(loss), last=True)
            return loss
        with self._evaluation(part):
            parts = split(batch, self.update.spec.microbatches) if self.update.spec.microbatches > 1 else [batch]
            first = self._forward(objective, parts[0])
            if len(parts) == 1:
                counted = self._over_ranks(first)
                self._backward(first, self._coefficients(counted), last=True)
                self._finish()
                return counted
            return self._accumulate(objective, parts, first)

    def value(self, objective: Objective, batch: Batch) -> Loss:
        """The loss alone, without gradient, over all microbatches and ranks."""
        with self._evaluation(), torch.no_grad():
            parts = split(batch, self.update.spec.microbatches)
            return self._over_ranks(Loss.joined([self._forward(objective, p) for p in parts]))

    @contextlib.contextmanager
    def _evaluation(self, part: bool = False) -> Generator[None]:
        self._count()
        if self.evaluations == 1 and self.present:
            yield
            return
        if part and self.present:
            with self._buffers_kept():
                yield
            return
        now = random_state.capture()
        if self.again is not None:
            random_state.restore(self.again)
        with self._buffers_kept():
            yield
        random_state.restore(now)

    @contextlib.contextmanager
    def _buffers_kept(self) -> Generator[None]:
        before = [(b, b._version, b.clone()) for b in self.update.method.buffers()]
        yield
        with torch.no_grad():
            for buffer, version, old in before:
                # Writing an unchanged one would spoil a graph that uses it; batch norm changes its statistics without a new version.
                if buffer._version != version or not torch.equal(buffer, old):
                    buffer.copy_(old)

    def _forward(self, objective: Objective, part: Batch) -> Loss:
        runtime = self.update.runtime
        if runtime.compile == "objective":
            key = getattr(objective, "__func__", objective)
            if key not in self.compiled:
                self.compiled[key] = torch.compile(objective)
            objective = self.compiled[key]
        if runtime.precision == "float32":
            loss = objective(part)
        else:
            with runtime.autocast():
                loss = objective(part)
        if not isinstance(loss, Loss):
            raise TypeError(
                f"Update {self.update.key!r}: the objective returned a {type(loss).__name__}; an objective returns a Loss, for example"
                " Loss.mean(per_item)."
            )
        return loss

    def _accumulate(self, objective: Objective, parts: Sequence[Batch], first: Loss) -> Loss:
        if first.couples:
            raise ValueError(
                f"Update {self.update.key!r}: this loss couples the samples of a batch, so {len(parts)} microbatches would change its value. Use"
                " microbatches=1."
            )
        whole: Loss | None = None
        coefficients: dict[str, Tensor | float]
        if first.one_count:
            whole, coefficients = None, {k: t.weight for k, t in first.terms.items()}
        else:
            # Several counts: each term's whole count must be known before the first backward pass.
            now = random_state.capture()
            with torch.no_grad(), self._buffers_kept():
                counts = [first.detached(), *(self._forward(objective, p).detached() for p in parts[1:])]
            random_state.restore(now)
            whole = self._over_ranks(Loss.joined(counts))
            coefficients = self._coefficients(whole, len(parts))
        losses = [first.detached()]
        self._backward(first, coefficients, last=False)
        for i, part in enumerate(parts[1:], 2):
            with self._buffers_kept():  # statistics move once a step: with the first microbatch
                loss = self._forward(objective, part)
                self._backward(loss, coefficients, last=i == len(parts))
                losses.append(loss.detached())
        self._finish()
        if whole is None:
            if not all(x.one_count for x in losses):
                raise ValueError(
                    f"Update {self.update.key!r}: two terms of the loss have equal counts in one microbatch and different ones in another. Give their"
                    " masks to Loss.mean, so that each is counted."
                )
            whole = self._over_ranks(Loss.joined(losses))
            count = float(next(iter(whole.terms.values())).count or 0)
            gradients = [p.grad for p in self.update.parameters if p.grad is not None]
            if count and gradients:
                torch._foreach_div_(gradients, count)
        return whole

    def _coefficients(self, loss: Loss, parts: int = 1) -> dict[str, Tensor | float]:
        """d(value)/d(total) of each term; a penalty is evaluated ``parts * world`` times and added once."""
        return {
            k: t.weight / (parts * self.world) if t.count is None else (t.weight / t.count if isinstance(t.count, Tensor) or t.count else 0.0)
            for k, t in loss.terms.items()
        }

    def _backward(self, loss: Loss, coefficients: dict[str, Tensor | float], *, last: bool) -> None:
        if self.reducer and last:
            self.reducer.arm()
        wanted = {k: t for k, t in loss.terms.items() if t.total.requires_grad}
        if wanted:
            torch.autograd.backward(
                [t.total for t in wanted.values()], [self._cotangent(coefficients[k], t) for k, t in wanted.items()], inputs=self.inputs
            )

    def _cotangent(self, value: Tensor | float, term: Term) -> Tensor:
        root = term.total
        factor = (self.scaler.scale if self.scaler else 1.0) * (self.present or term.count is None)
        if isinstance(value, Tensor):
            return value.nan_to_num(0.0, 0.0, 0.0).to(root) * factor  # weight / 0: an empty term has no gradient
        key = (value * factor, root.dtype, root.device)
        known = self.cotangents.get(key)
        if known is None:
            if len(self.cotangents) > 64:
                self.cotangents.clear()
            known = self.cotangents[key] = torch.tensor(key[0], dtype=root.dtype, device=root.device)
        return known

    def _finish(self) -> None:
        if self.reducer:
            self.reducer.finish()

    def _over_ranks(self, loss: Loss) -> Loss:
        return loss if self.group is None else sum_loss(loss, self.group, present=self.present)
