"""``Update``: how one set of parameters moves. A value; bound to a method it makes one optimizer step per call."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from weft.data.batch import Batch
from weft.losses.loss import Loss, Mean
from weft.optim.named_state import load_by_name, save_by_name
from weft.optim.nonfinite import NonFinite, RollBack, culprit
from weft.optim.optimizers import adamw, take_step
from weft.optim.schedules import Progress, Schedule
from weft.optim.selection import Named, On, check_arrows, check_ownership, check_spec, select
from weft.parallel.runtime import Runtime, finite

from . import gradient
from .method import Logs, Method

if TYPE_CHECKING:
    from weft.optim.whole_step import WholeStep

Objective = Callable[[Batch], Loss]
Estimator = Callable[["BoundUpdate", Objective, Batch], Loss]
GradientTransform = Callable[[list[nn.Parameter]], Mapping[str, Any] | None]
FollowUp = Callable[[Progress], None]
COUNTERS = ("count", "held", "held_at", "skips", "skipped", "empty", "seen_items")
MOST_SKIPS = 20  # consecutive non-finite steps after which skipping gives up


@dataclass(frozen=True)
class Update:
    """How one set of parameters moves: estimate gradients, transform them, step, follow up.

    ``optimizer`` takes the named parameters and returns a torch optimizer (``weft.optim.adamw(3e-4)``, or
    ``functools.partial(torch.optim.Adam, lr=1e-3)``); one whose ``step`` needs a closure gets one. ``on`` says which parameters (default:
    the submodule called like the update's key; "" is all). ``schedule`` multiplies the learning rate, or is a dict by option
    (``{"lr": ..., "weight_decay": ...}``; ``"head.lr"`` only for the group named head). ``estimator`` fills gradients (default:
    back-propagation), ``gradients`` change them in place, ``after`` follows the step. ``microbatches`` cuts each batch; the result is the same.
    """

    optimizer: Callable[[Named], torch.optim.Optimizer] = adamw()  # noqa: RUF009 - a function
    on: On | None = None
    schedule: Schedule | Mapping[str, Schedule] | None = None
    estimator: Estimator | None = None
    gradients: Sequence[GradientTransform] = ()
    after: Sequence[FollowUp] = ()
    microbatches: int = 1
    shared: bool = False

    def __post_init__(self) -> None:
        check_spec(self)


def bind(method: Method, updates: Update | Mapping[str, Update] | None, runtime: Runtime, position: Callable[[], Progress]) -> dict[str, BoundUpdate]:
    """Give every update its parameters; refuse overlaps, orphans and arrows that touch modules outside the method."""
    if isinstance(updates, Update):
        key, default = next(iter(method.updates().items()))
        updates = {key: updates if updates.on is not None else replace(updates, on=key if default.on is None else default.on)}
    specs = dict(updates if updates is not None else method.updates())
    chosen = {key: select(method, spec.on if spec.on is not None else key) for key, spec in specs.items()}
    check_ownership(method, {k: s.shared for k, s in specs.items()}, chosen)
    return {key: BoundUpdate(key, spec, chosen[key], method, runtime, position) for key, spec in specs.items()}


class BoundUpdate:
    """An update with its parameters. ``update(objective, batch)`` makes one optimizer step and returns its logs.

    Estimators use ``gradient(objective, batch)`` (fills ``.grad``: precision, microbatches, reduction over ranks), ``value(objective, batch)``
    (forward only), ``parameters`` and ``named``.
    """

    def __init__(self, key: str, spec: Update, named: Named, method: Method, runtime: Runtime, position: Callable[[], Progress]):
        self.key, self.spec, self.named, self.method, self.runtime, self.position = key, spec, named, method, runtime, position
        self.parameters = [p for _, p in named]
        self.alone = len(self.parameters) == sum(p.requires_grad for p in method.parameters())
        self.optimizer = spec.optimizer(named)
        self.arrows = self._bind_arrows()
        self.schedules = self._bind_schedules()
        self.closure = next(iter(inspect.signature(self.optimizer.step).parameters.values())).default is inspect.Parameter.empty
        self.engine = gradient.Gradient(self)
        self.whole: WholeStep | None = None
        self.count = self.held = self.skips = self.skipped = self.empty = 0
        self.seen_items, self.held_at = False, -1
        if spec.microbatches > 1 and any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in method.modules()):
            warnings.warn(
                f"Update {key!r}: batch norm normalises each of the {spec.microbatches} microbatches by itself and updates its statistics once a"
                " step.",
                stacklevel=4,
            )
        if runtime.compile == "step":
            from weft.optim.whole_step import WholeStep

            self.whole = WholeStep(self)

    def _bind_arrows(self) -> dict[str, Any]:
        arrows: dict[str, Any] = {"estimator": self.spec.estimator} if self.spec.estimator else {}
        arrows |= {f"{kind}.{i}": a for kind in ("gradients", "after") for i, a in enumerate(getattr(self.spec, kind))}
        for arrow in arrows.values():
            if hasattr(arrow, "bind"):
                arrow.bind(self.method)
        check_arrows(self.method, list(arrows.values()))
        return arrows

    def _bind_schedules(self) -> list[tuple[dict[str, Any], str, float, Schedule]]:
        given = self.spec.schedule
        wanted = {} if given is None else {"lr": given} if callable(given) else dict(given)
        rows: list[tuple[dict[str, Any], str, float, Schedule]] = []
        for name, schedule in wanted.items():
            group_name, _, option = name.rpartition(".")
            groups = [g for g in self.optimizer.param_groups if not group_name or g.get("name") == group_name]
            groups = [g for g in groups if group_name or f"{g.get('name')}.{option}" not in wanted]
            if not groups or option not in groups[0]:
                raise ValueError(
                    f"Update {self.key!r}: the schedule for {name!r} finds no such option; the optimizer's groups have"
                    f" {sorted(set(self.optimizer.param_groups[0]) - {'params'})}."
                )
            if isinstance(schedule, Schedule):
                schedule.begin()
            rows += [(g, option, g[option], schedule) for g in groups]
        return rows

    @property
    def world(self) -> int:
        """Number of ranks that train together."""
        return self.runtime.world

    def progress(self) -> Progress:
        moment = self.position()
        step = max(0, moment.step - self.held)
        fraction = moment.fraction * step / moment.step if self.held and moment.step else moment.fraction
        return Progress(self.count, step, moment.epoch, moment.samples, moment.total, fraction, moment.metrics, moment.evaluations)

    def gradient(self, objective: Objective, batch: Batch, *, part: bool = False) -> Loss:
        """Fill ``.grad`` of the update's parameters with the exact gradient of the loss over the whole batch and all ranks.

        A second call within a step is a second look at the same thing: it reuses the random state. ``part=True`` says that it is
        another piece of the batch instead, such as a single sample, whose randomness is its own.
        """
        return self.engine(objective, batch, part)

    def cut(self, microbatches: int) -> None:
        """From now on in so many microbatches; what this step evaluated so far is forgotten."""
        self.spec = replace(self.spec, microbatches=microbatches)
        self.engine.begin()

    def value(self, objective: Objective, batch: Batch) -> Loss:
        """The loss over the whole batch and all ranks, forward only."""
        return self.engine.value(objective, batch)

    def __call__(self, objective: Objective, batch: Batch) -> Logs:
        """One optimizer step. Takes the objective, not its value, so that the update may evaluate it more than once."""
        if self.schedules:
            progress = self.progress()
            for group, option, base, schedule in self.schedules:
                group[option] = base * schedule(progress)
        self.engine.begin()
        logs: Logs = {}
        compiled = self.whole(objective, batch) if self.whole is not None else None
        if compiled is not None:
            loss, taken, logs = compiled
            good = self._check(loss, objective, batch, taken)
        elif self.closure:
            loss, good = self._closure_step(objective, batch, logs)
        else:
            loss = self._estimate(objective, batch)
            good = self._check(loss, objective, batch)
            if good:
                if self.spec.gradients:
                    self._transform(logs)
                take_step(self.optimizer)
        if good:
            self.count += 1
            self.skips = 0
            if self.spec.after:
                progress = self.progress()
                for follow in self.spec.after:
                    follow(progress)
        return self._logs(loss) | logs if logs else self._logs(loss)

    def _estimate(self, objective: Objective, batch: Batch) -> Loss:
        for p in self.parameters:
            p.grad = None
        return self.engine(objective, batch) if self.spec.estimator is None else self.spec.estimator(self, objective, batch)

    def _transform(self, logs: Logs) -> None:
        for transform in self.spec.gradients:
            logs.update(transform(self.parameters) or {})

    def _closure_step(self, objective: Objective, batch: Batch, logs: Logs) -> tuple[Loss, bool]:
        """For optimizers that evaluate the objective themselves (L-BFGS): the first evaluation decides whether there is a step."""
        first = self._estimate(objective, batch)
        if not self._check(first, objective, batch):
            return first, False
        self._transform(logs)
        fresh = True

        def closure() -> float:
            nonlocal fresh
            loss = first if fresh else self._estimate(objective, batch)
            if not fresh:
                self._transform(logs)
            fresh = False
            return float(loss.value.detach())

        self.optimizer.step(closure)
        return first, True

    def _check(self, loss: Loss, objective: Objective, batch: Batch, taken: bool | None = None) -> bool:
        """Whether this step may be taken: something was counted, and loss and gradients are finite."""
        terms = loss.terms.values()
        if not any([t.count is None or float(t.count) for t in terms]):
            self.empty += 1
            self._hold()
            return False
        self.seen_items = True
        good = taken if taken is not None else all([math.isfinite(t.total.item()) for t in terms])
        if taken is None:
            gradients = [g for p in self.parameters if (g := p.grad) is not None]
            good = finite(gradients) and good
            good = self.engine.scaler.keep(good, gradients) if self.engine.scaler else good
        if good:
            return True
        self.skipped += 1
        self._hold()
        if self.engine.scaler and self.engine.scaler.backing_off:
            return False
        self.skips += 1
        if self.runtime.nonfinite == "stop" or self.skips > MOST_SKIPS:
            raise NonFinite(culprit(self, loss, objective, batch), self.skips)
        if self.runtime.nonfinite == "rollback":
            raise RollBack(culprit(self, loss, objective, batch))
        return False

    def _hold(self) -> None:
        """Keep the schedules where they are for this engine step, however many updates in it are skipped."""
        now = self.position().step
        self.held, self.held_at = self.held + (self.held_at != now), now

    def _logs(self, loss: Loss) -> Logs:
        terms = loss.terms
        if len(terms) == 1:
            ((name, t),) = terms.items()
            if t.count is not None and t.weight == 1.0:
                mean = Mean(t.total.detach(), t.count)
                return {"loss": mean, **loss.logs} if name == "loss" else {"loss": mean, name: mean, **loss.logs}
        parts = {k: Mean(t.total.detach(), 1.0 if t.count is None else t.count) for k, t in terms.items()}
        if "loss" in parts:
            parts["main"] = parts.pop("loss")
        return {"loss": Mean(loss.value.detach()), **parts, **loss.logs}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer state by parameter name, counters, schedules and every arrow with a memory."""
        return {
            **save_by_name(self.optimizer, self.named),
            "counters": {k: getattr(self, k) for k in COUNTERS},
            "schedules": [s.state_dict() if hasattr(s, "state_dict") else {} for *_, s in self.schedules],
            "arrows": {k: a.state_dict() for k, a in self.arrows.items() if hasattr(a, "state_dict") and not isinstance(a, nn.Module)},
            "scaler": self.engine.scaler.state_dict() if self.engine.scaler else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly from ``state_dict`` of an equal update."""
        self.carry_over(state)
        for k in COUNTERS:
            setattr(self, k, state["counters"][k])
        for (*_, schedule), saved in zip(self.schedules, state["schedules"], strict=True):
            if hasattr(schedule, "load_state_dict"):
                schedule.load_state_dict(saved)
        for k, saved in state["arrows"].items():
            if k in self.arrows:
                self.arrows[k].load_state_dict(saved)
        if self.engine.scaler and state["scaler"]:
            self.engine.scaler.load_state_dict(state["scaler"])

    def carry_over(self, state: Mapping[str, Any]) -> dict[str, list[str]]:
        """Take over optimizer state by parameter name; what vanished and what is new is returned."""
        if self.whole is not None:
            self.whole.forget()
        return load_by_name(self.optimizer, self.named, state)
