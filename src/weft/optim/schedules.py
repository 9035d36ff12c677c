"""Schedules: functions of ``Progress`` that multiply a base value. They compose: ``warmup(500) | cosine()``, ``a * b``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weft._lazy import unknown


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is, as schedules, follow-ups and data arrows see it.

    ``update`` counts the optimizer steps of one update, ``step`` the engine steps (both without skipped ones), ``total`` is the expected
    number of engine steps or None, ``fraction`` the part of the whole that has passed, ``metrics`` the latest evaluation
    and ``evaluations`` their number.
    """

    update: int = 0
    step: int = 0
    epoch: int = 0
    samples: int = 0
    total: float | None = None
    fraction: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluations: int = 0

    def __str__(self) -> str:
        measured = "".join(f", {name}={value:.4g}" for name, value in self.metrics.items())
        return f"step {self.step}, epoch {self.epoch}, {self.samples} samples{measured}"

    def after(self, steps: float) -> Progress:
        """The same moment as seen by what begins ``steps`` engine steps later."""
        total = self.total if self.total is not None else (self.step / self.fraction if self.fraction else None)
        rest = None if total is None else max(1.0, total - steps)
        step = max(0, self.step - math.ceil(steps))
        return replace(self, step=step, total=rest, fraction=0.0 if rest is None else min(1.0, max(0.0, self.step - steps) / rest))


class Schedule:
    """A function of ``Progress``, with the number of steps it lasts when something may follow it."""

    def __init__(self, function: Callable[[Progress], float], *, lasts: float | None = None):
        self.function, self.lasts = function, lasts

    def __call__(self, progress: Progress) -> float:
        return self.function(progress)

    def begin(self) -> None:
        """Forget: a training begins. One Update may be used for several."""

    def __or__(self, then: Schedule) -> Schedule:
        if self.lasts is None:
            raise ValueError("What stands before | must last a known number of steps, as warmup(500) does; this schedule has no end.")
        lasts = self.lasts

        def joined(progress: Progress) -> float:
            return self(progress) if progress.step < lasts else then(progress.after(lasts))

        return Pair(self, then, joined, None if then.lasts is None else lasts + then.lasts)

    def __mul__(self, other: Schedule) -> Schedule:
        return Pair(self, other, lambda progress: self(progress) * other(progress), self.lasts)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Pair(Schedule):
    """Two schedules made into one: one after the other, or multiplied; both keep their memories."""

    def __init__(self, first: Schedule, second: Schedule, function: Callable[[Progress], float], lasts: float | None):
        super().__init__(function, lasts=lasts)
        self.first, self.second = first, second

    def begin(self) -> None:
        self.first.begin()
        self.second.begin()

    def state_dict(self) -> dict[str, Any]:
        return {"first": self.first.state_dict(), "second": self.second.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.first.load_state_dict(state["first"])
        self.second.load_state_dict(state["second"])


def constant(factor: float = 1.0, *, steps: float | None = None) -> Schedule:
    """Always ``factor``.

    >>> constant(0.5)(Progress(step=7))
    0.5
    """
    return Schedule(lambda progress: factor, lasts=steps)


def warmup(steps: int, start: float = 0.0) -> Schedule:
    """Linear from ``start`` to 1 over ``steps`` engine steps: start + (1 - start) (t + 1) / steps, so that the first step already moves.

    Paper: Goyal et al., 2017, arXiv:1706.02677. Use when large batches, attention or adaptive optimizers are unstable at first.

    >>> (warmup(4) | constant())(Progress(step=1))
    0.5
    """
    if steps < 1:
        raise ValueError(f"warmup({steps}) lasts no step; give at least 1.")
    return Schedule(lambda progress: start + (1 - start) * min(1.0, (progress.step + 1) / steps), lasts=steps)


def cosine(end: float = 0.0) -> Schedule:
    """Half a cosine from 1 to ``end`` over what is left of training: end + (1 - end) (1 + cos(pi f)) / 2.

    Paper: Loshchilov and Hutter, 2017, arXiv:1608.03983. The common default when the length of training is known.

    >>> round(cosine()(Progress(fraction=0.5)), 6)
    0.5
    """
    return Schedule(lambda progress: end + (1 - end) * 0.5 * (1 + math.cos(math.pi * progress.fraction)))


def linear(end: float = 0.0) -> Schedule:
    """Straight line from 1 to ``end`` over what is left of training.

    >>> linear()(Progress(fraction=0.25))
    0.75
    """
    return Schedule(lambda progress: 1 + (end - 1) * progress.fraction)


def exponential(factor: float, *, every: int = 1, stairs: bool = False) -> Schedule:
    """factor ^ (t / every), smoothly, or with ``stairs`` only every ``every`` steps.

    >>> exponential(0.5, every=10)(Progress(step=20)), exponential(0.5, every=10, stairs=True)(Progress(step=19))
    (0.25, 0.5)
    """
    return Schedule(lambda progress: factor ** (progress.step // every if stairs else progress.step / every))


def polynomial(power: float = 2.0, end: float = 0.0) -> Schedule:
    """end + (1 - end) (1 - f) ^ power over what is left of training.

    Use for segmentation (power 0.9) and BERT (power 1); instead of it ``cosine``. Errors: a power that is not positive.

    >>> polynomial(2.0)(Progress(fraction=0.5))
    0.25
    """
    if power <= 0:
        raise ValueError(f"polynomial(power={power}) never reaches its end; give a positive power.")
    return Schedule(lambda progress: end + (1 - end) * (1 - progress.fraction) ** power)


def multi_step(factor: float, milestones: tuple[int, ...]) -> Schedule:
    """Multiply by ``factor`` at each milestone, given in steps, or in epochs inside ``by_epoch``.

    Use to repeat a recipe that is written this way; instead of it ``step_decay``, which scales with the length of training.

    >>> [multi_step(0.5, (3, 6))(Progress(step=t)) for t in (2, 3, 6)]
    [1.0, 0.5, 0.25]
    """
    if list(milestones) != sorted(set(milestones)):
        raise ValueError(f"multi_step: milestones={milestones}; expected numbers of steps, each larger than the one before.")
    return Schedule(lambda progress: factor ** sum(progress.step >= m for m in milestones))


def trapezoid(cool: float = 0.2, end: float = 0.0, shape: str = "linear") -> Schedule:
    """Stay at 1, then fall to ``end`` over the last part ``cool`` of what is left: with ``warmup`` before it, warm-up, stable, decay.

    ``shape`` is "linear", "cosine" or "sqrt", 1 - sqrt(u) of the part u that has passed. Errors: an unknown shape, a part outside 0 to 1.
    Paper: Zhai et al., 2022, arXiv:2106.04560; Hu et al., 2024, arXiv:2404.06395; Hägele et al., 2024, arXiv:2405.18392.
    Use for language models whose length may change: train on from before the fall; instead of it ``cosine``.

    >>> [round(trapezoid(0.5)(Progress(fraction=f)), 3) for f in (0.0, 0.5, 0.75, 1.0)]
    [1.0, 1.0, 0.5, 0.0]
    """
    shapes = {"linear": lambda u: 1 - u, "cosine": lambda u: (1 + math.cos(math.pi * u)) / 2, "sqrt": lambda u: 1 - math.sqrt(u)}
    if shape not in shapes:
        raise unknown("shape of a trapezoid", shape, shapes)
    if not 0 < cool <= 1:
        raise ValueError(f"trapezoid(cool={cool}): expected the part of training in which the value falls, more than 0 and at most 1.")
    fall = shapes[shape]
    return Schedule(lambda progress: end + (1 - end) * fall(max(0.0, (progress.fraction - (1 - cool)) / cool)))


def step_decay(factor: float, milestones: tuple[float, ...]) -> Schedule:
    """Multiply by ``factor`` at each milestone, given as fractions of training.

    Paper: He et al., 2016, arXiv:1512.03385.

    >>> step_decay(0.1, (0.5, 0.75))(Progress(fraction=0.6))
    0.1
    """
    return Schedule(lambda progress: factor ** sum(progress.fraction >= m for m in milestones))


def inverse_sqrt(steps: int) -> Schedule:
    """Linear warm-up over ``steps``, then sqrt(steps / t): needs no known end.

    Paper: Vaswani et al., 2017, arXiv:1706.03762.

    >>> inverse_sqrt(100)(Progress(step=399))
    0.5
    """
    return Schedule(lambda progress: min((progress.step + 1) / steps, math.sqrt(steps / (progress.step + 1))))


class plateau(Schedule):
    """Multiply by ``factor`` whenever ``monitor`` has not improved for ``patience`` evaluations; never below ``floor``.

    Better means by more than ``min_delta``, or with ``relative`` by more than that part of the best so far. For ``cooldown`` evaluations after
    each drop none is counted as bad. A metric that is NaN is no improvement. A floor for each group: a plateau for each,
    ``{"head.lr": plateau(..., floor=0.1), "lr": plateau(...)}``. Errors: the metric is not among those evaluated.
    Use when the length of training is not known; instead of it, ``cosine`` when it is.

    >>> schedule = plateau("val/loss", factor=0.5, patience=1)
    >>> [schedule(Progress(metrics={"val/loss": 1.0}, evaluations=n)) for n in (1, 2, 3)]
    [1.0, 1.0, 0.5]
    """

    def __init__(
        self,
        monitor: str,
        *,
        factor: float = 0.1,
        patience: int = 5,
        mode: str = "min",
        min_delta: float = 0.0,
        floor: float = 1e-4,
        cooldown: int = 0,
        relative: bool = False,
    ):
        super().__init__(self._value)
        if mode not in ("min", "max"):
            raise ValueError(f"plateau mode is 'min' or 'max', not {mode!r}.")
        self.monitor, self.factor, self.patience, self.mode, self.min_delta, self.floor = monitor, factor, patience, mode, min_delta, floor
        self.cooldown, self.relative = cooldown, relative
        self.begin()

    def begin(self) -> None:
        self.best, self.bad, self.seen, self.scale, self.resting = math.inf, 0, 0, 1.0, 0

    def _value(self, progress: Progress) -> float:
        if progress.evaluations > self.seen:
            self.seen = progress.evaluations
            if self.monitor not in progress.metrics:
                raise ValueError(f"plateau watches {self.monitor!r}, but the evaluation gave {sorted(progress.metrics)}.")
            value = progress.metrics[self.monitor] * (1 if self.mode == "min" else -1)
            margin = self.min_delta * abs(self.best) if self.relative and math.isfinite(self.best) else self.min_delta
            if value < self.best - margin:
                self.best, self.bad = value, 0
            else:
                self.bad += 1
            if self.resting:
                self.resting, self.bad = self.resting - 1, 0
            elif self.bad > self.patience:
                self.scale, self.bad, self.resting = max(self.floor, self.scale * self.factor), 0, self.cooldown
        return self.scale

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "bad": self.bad, "seen": self.seen, "scale": self.scale, "resting": self.resting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.bad, self.seen, self.scale = state["best"], state["bad"], state["seen"], state["scale"]
        self.resting = state.get("resting", 0)
