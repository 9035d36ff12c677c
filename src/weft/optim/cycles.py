"""Schedules that rise and fall: one cycle, many, warm restarts; whole epochs; a look ahead; rates for other batch sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from weft._lazy import unknown

from .schedules import Progress, Schedule


def _blend(start: float, end: float, part: float, straight: bool) -> float:
    """From ``start`` to ``end``, straight or along half a cosine."""
    return start + (end - start) * (part if straight else (1 - math.cos(math.pi * part)) / 2)


def _cycle(progress: Progress, values: tuple[float, float, float], warm: float, straight: bool) -> float:
    total = progress.total
    if total is None:
        place, top, last = progress.fraction, warm, 1.0
    else:
        place, top, last = float(progress.step), warm * total - 1, total - 1
    first, second, third = values
    if place <= top:
        return _blend(first, second, place / top if top > 0 else 1.0, straight)
    return _blend(second, third, min(1.0, (place - top) / (last - top)) if last > top else 1.0, straight)


def one_cycle(warm: float = 0.3, div: float = 25.0, final_div: float = 1e4, straight: bool = False) -> Schedule:
    """One cycle: from 1 / ``div`` up to 1 over the part ``warm`` of training, then down to 1 / (``div`` ``final_div``); the base value is the peak.

    Along half cosines, or ``straight``. With ``one_cycle_momentum`` for the momentum:
    ``{"lr": one_cycle(), "momentum": one_cycle_momentum()}``. Errors: numbers with which nothing rises.
    Paper: Smith and Topin, 2018, arXiv:1708.07120. Use for short trainings with a large peak rate; instead of it ``warmup(...) | cosine()``.

    >>> [round(one_cycle()(Progress(step=t, total=100)), 4) for t in (0, 29, 99)]
    [0.04, 1.0, 0.0]
    """
    if not 0 < warm < 1 or div < 1 or final_div < 1:
        raise ValueError(f"one_cycle(warm={warm}, div={div}, final_div={final_div}): expected 0 < warm < 1 and divisors of at least 1.")
    return Schedule(lambda progress: _cycle(progress, (1 / div, 1.0, 1 / (div * final_div)), warm, straight))


def one_cycle_momentum(low: float = 0.85 / 0.95, warm: float = 0.3, straight: bool = False) -> Schedule:
    """Momentum against ``one_cycle``: from 1 down to ``low`` while the rate rises, and back; the base value is the highest momentum (0.95).

    Paper: Smith, 2018, arXiv:1803.09820. Use with ``one_cycle`` and ``sgd(momentum=0.95)``.

    >>> [round(0.95 * one_cycle_momentum()(Progress(step=t, total=100)), 4) for t in (0, 29, 99)]
    [0.95, 0.85, 0.95]
    """
    if not 0 < low <= 1 or not 0 < warm < 1:
        raise ValueError(f"one_cycle_momentum(low={low}, warm={warm}): expected 0 < low <= 1 and 0 < warm < 1.")
    return Schedule(lambda progress: _cycle(progress, (1.0, low, 1.0), warm, straight))


def cyclic(low: float, up: int, down: int | None = None, mode: str = "triangular", gamma: float = 1.0) -> Schedule:
    """Straight up from ``low`` to 1 in ``up`` steps, down in ``down`` (as many), again and again; the base value is the peak.

    ``mode`` "triangular" keeps the height, "triangular2" halves it each cycle, "exp" multiplies it by gamma^t. Errors: an unknown mode.
    Paper: Smith, 2017, arXiv:1506.01186. Use to find good rates, or to visit several minima for an ensemble; instead of it ``restarts``.

    >>> [round(cyclic(0.1, 2)(Progress(step=t)), 3) for t in range(5)]
    [0.1, 0.55, 1.0, 0.55, 0.1]
    """
    heights: dict[str, Callable[[int, int], float]] = {
        "triangular": lambda cycle, t: 1.0,
        "triangular2": lambda cycle, t: 0.5**cycle,
        "exp": lambda cycle, t: gamma**t,
    }
    if mode not in heights:
        raise unknown("mode of cyclic", mode, heights)
    fall = up if down is None else down
    if up < 1 or fall < 1:
        raise ValueError(f"cyclic(up={up}, down={down}): expected at least one step up and one down.")

    def value(progress: Progress) -> float:
        cycle, place = divmod(progress.step, up + fall)
        part = place / up if place <= up else 1 - (place - up) / fall
        return low + (1 - low) * part * heights[mode](cycle, progress.step)

    return Schedule(value)


def restarts(first: int, factor: int = 1, end: float = 0.0) -> Schedule:
    """Half cosines from 1 to ``end``, begun anew: after ``first`` steps, then after ``factor`` times as many each time.

    Paper: Loshchilov and Hutter, 2017, arXiv:1608.03983 (SGDR). Use for snapshots of several minima, or when the length is open; instead of it
    ``cosine``. Errors: no step, or a factor below 1.

    >>> [round(restarts(2, 2)(Progress(step=t)), 3) for t in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    if first < 1 or factor < 1:
        raise ValueError(f"restarts(first={first}, factor={factor}): expected at least one step and a whole factor of at least 1.")

    def value(progress: Progress) -> float:
        place, length = progress.step, first
        if factor == 1:
            place %= first
        while place >= length:
            place, length = place - length, length * factor
        return end + (1 - end) * (1 + math.cos(math.pi * place / length)) / 2

    return Schedule(value)


class by_epoch(Schedule):
    """Another schedule, counted in epochs: it changes when an epoch begins and stays within it.

    ``by_epoch(multi_step(0.1, (30, 60)))``, ``by_epoch(warmup(5) | cosine())``. Inside, a step is an epoch and the fraction is that at which
    the epoch began. Remembers when that was. Use to repeat a recipe that steps its scheduler once an epoch; instead of it the schedule itself.

    >>> from weft.optim import multi_step
    >>> schedule = by_epoch(multi_step(0.5, (1, 2))); [schedule(Progress(step=t, epoch=t // 3)) for t in range(7)]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    """

    def __init__(self, inner: Schedule):
        super().__init__(self._value)
        self.inner = inner
        self.begin()

    def begin(self) -> None:
        self.epoch, self.fraction = -1, 0.0
        self.inner.begin()

    def _value(self, progress: Progress) -> float:
        if progress.epoch != self.epoch:
            self.epoch, self.fraction = progress.epoch, progress.fraction
        total = self.epoch / self.fraction if self.fraction else None
        return self.inner(replace(progress, step=progress.epoch, fraction=self.fraction, total=total))

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "fraction": self.fraction, "inner": self.inner.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.fraction = state["epoch"], state["fraction"]
        self.inner.load_state_dict(state["inner"])


def preview(schedule: Schedule, total: int, *, base: float = 1.0, epochs: int = 1) -> list[tuple[float, float]]:
    """What a schedule will be at each of ``total`` steps, as (step, value): what a training of that length uses.

    ``weft.observe.charts.line_chart("rate", {"lr": preview(...)})`` draws it. A schedule that watches a metric stays at 1, since nothing is measured.
    Errors: no step, or fewer steps than epochs.

    >>> from weft.optim import linear
    >>> preview(linear(), 4, base=2.0)
    [(0, 2.0), (1, 1.5), (2, 1.0), (3, 0.5)]
    """
    if total < 1 or not 1 <= epochs <= total:
        raise ValueError(f"preview(total={total}, epochs={epochs}): expected at least one step, and one in each epoch.")
    kept = schedule.state_dict()
    schedule.begin()
    length = total / epochs
    values = []
    for t in range(total):
        now = Progress(update=t, step=t, epoch=int(t / length), total=total, fraction=t / total)
        values.append((t, base * schedule(now)))
    schedule.load_state_dict(kept)
    return values


def scaled_rate(lr: float, batch: int, *, reference: int = 256, rule: str = "linear") -> float:
    """The rate for a batch of another size: lr batch / reference for SGD, lr sqrt(batch / reference) for adaptive rules.

    ``batch`` counts the samples of one optimizer step over all ranks; microbatches are parts of it and do not change it. A function of the rate that
    the recipe gives, so a resumed training, which reads the rate from the recipe again, is not scaled twice. Errors: sizes below 1, an unknown rule.
    Paper: Goyal et al., 2017, arXiv:1706.02677; Krizhevsky, 2014, arXiv:1404.5997. Use with ``warmup`` beyond a few thousand samples.

    >>> scaled_rate(0.1, 1024), scaled_rate(1e-3, 1024, rule="sqrt")
    (0.4, 0.002)
    """
    if batch < 1 or reference < 1:
        raise ValueError(f"scaled_rate(batch={batch}, reference={reference}): expected numbers of samples, at least 1.")
    factors = {"linear": batch / reference, "sqrt": math.sqrt(batch / reference)}
    if rule not in factors:
        raise unknown("rule of scaling", rule, factors)
    return lr * factors[rule]
