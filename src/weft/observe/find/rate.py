"""Which learning rate to begin with: a short training under a rising rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch

from weft.engine import Method, Runtime, State, Steps, Stop, Update, fit
from weft.observe.charts import line_chart
from weft.observe.find.untouched import untouched
from weft.optim.nonfinite import NonFinite
from weft.optim.schedules import Schedule


@dataclass(frozen=True)
class Rates:
    """What a trial of rising rates saw: ``rates``, the ``losses`` at them, and ``smoothed`` losses (exponential means, corrected for the start).

    ``steepest`` is the rate at which the loss falls fastest over log(rate), ``valley`` the one two thirds along the longest fall, ``tenth`` a
    tenth of the rate of the lowest loss; ``suggestion`` is the middle one of the three. ``reason`` says why the trial ended.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    reason: str

    @property
    def lowest(self) -> float:
        """The rate of the lowest smoothed loss."""
        return self.rates[self.smoothed.index(min(self.smoothed))]

    @property
    def tenth(self) -> float:
        """A tenth of the rate of the lowest loss."""
        return self.lowest / 10

    @property
    def steepest(self) -> float:
        """Where the loss falls fastest, before its lowest point."""
        end = max(2, self.smoothed.index(min(self.smoothed)) + 1)
        falls = [after - before for before, after in pairwise(self.smoothed[:end])]
        return self.rates[falls.index(min(falls)) + 1]

    @property
    def valley(self) -> float:
        """Two thirds along the longest run of falling losses."""
        best, length, start = 0, 0, 0
        for i in range(1, len(self.smoothed)):
            if self.smoothed[i] >= self.smoothed[i - 1]:
                start = i
            if i - start > length:
                best, length = start, i - start
        return self.rates[min(len(self.rates) - 1, best + round(length * 2 / 3))]

    @property
    def suggestion(self) -> float:
        """The middle one of steepest, valley and tenth."""
        return sorted((self.steepest, self.valley, self.tenth))[1]

    def picture(self) -> str:
        """The curve as an SVG, over log10 of the rate, with the suggestion marked."""
        points = [(math.log10(rate), loss) for rate, loss in zip(self.rates, self.smoothed, strict=True)]
        marks = [(math.log10(self.suggestion), f"{self.suggestion:.2g}")]
        return str(line_chart("loss over log10 of the learning rate", {"loss": points}, marks=marks))

    def __str__(self) -> str:
        others = f"steepest {self.steepest:.2g}, valley {self.valley:.2g}, a tenth of the lowest {self.tenth:.2g}"
        return f"learning rate {self.suggestion:.2g} ({others}; {len(self.rates)} steps, {self.reason})"


def find_rate(
    method: Method,
    data: Iterable[Any],
    update: Update | Mapping[str, Update] | None = None,
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    key: str | None = None,
    runtime: Runtime = Runtime(),
) -> Rates:
    """Train for a moment with a learning rate that rises from ``low`` to ``high`` by the same factor each step, and see where the loss falls.

    The rate is absolute, whatever the optimizer was made with; groups keep their ratios. Short data begins again. The trial ends when the
    smoothed loss exceeds four times its best, or is no number. Afterwards method, random state and data are as before. With several updates,
    ``key`` names the one whose rate rises; the others train as they do.

    Errors: ``ValueError`` for a range that does not rise, fewer than 10 steps, or an unknown key.
    Paper: Smith, 2017, arXiv:1506.01186; the smoothing is Howard's and Gugger's (fastai, 2020, arXiv:2002.04688).
    Use when a new network or data set gives no hint; instead of it, a sweep of short trainings, which also sees what comes later. Cost:
    ``steps`` steps and a copy of the weights.

    >>> from weft.losses import mse
    >>> from weft.methods import Supervised
    >>> from weft.optim import sgd
    >>> data = [(torch.eye(4), torch.eye(4))]
    >>> found = find_rate(Supervised(torch.nn.Linear(4, 4), mse), data, Update(sgd(0.1)), low=1e-3, high=1e3, steps=40)
    >>> 1e-3 < found.suggestion < 100
    True
    """
    if not 0 < low < high:
        raise ValueError(f"find_rate(low={low}, high={high}): the range rises from a positive rate to a larger one.")
    if steps < 10:
        raise ValueError(f"find_rate(steps={steps}): a curve needs at least 10 steps.")
    specs = _specs(method, update)
    key = key or next(iter(specs))
    if key not in specs:
        raise ValueError(f"find_rate(key={key!r}): there is no such update; known: {', '.join(specs)}.")
    factor = (high / low) ** (1 / (steps - 1))
    ramp = Schedule(lambda progress: low * factor**progress.update)
    given = specs[key].schedule
    others = {name: schedule for name, schedule in given.items() if name.rpartition(".")[2] != "lr"} if isinstance(given, Mapping) else {}
    trial = {**specs, key: replace(specs[key], optimizer=_unit(specs[key].optimizer), schedule={**others, "lr": ramp}, after=())}
    watch = _Watch(key)
    with untouched(method, data):
        try:
            state = fit(method, data, trial, until=Steps(steps), listeners=[watch], runtime=runtime)
            reason = state.stopped if state.step < steps and state.stopped else "all steps taken"
        except NonFinite:
            reason = "the loss is no number any more"
    if len(watch.losses) < 3:
        raise ValueError(f"The loss is no number after {len(watch.losses)} steps at rates from {low:g}: check the data and the loss before the rate.")
    rates = tuple(low * factor**i for i in range(len(watch.losses)))
    return Rates(rates, tuple(watch.losses), tuple(watch.smoothed), reason)


def _specs(method: Method, update: Update | Mapping[str, Update] | None) -> dict[str, Update]:
    if isinstance(update, Update):
        name, default = next(iter(method.updates().items()))
        return {name: replace(update, on=update.on if update.on is not None else (name if default.on is None else default.on))}
    return dict(update if update is not None else method.updates())


def _unit(factory: Any) -> Any:
    """The same optimizer with rates divided by the largest, so that a schedule's value is the rate itself."""

    def make(named: Any) -> torch.optim.Optimizer:
        optimizer = factory(named)
        largest = max(group["lr"] for group in optimizer.param_groups)
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] / largest if largest else 1.0
        return optimizer

    return make


class _Watch:
    """Keeps the losses, and ends the trial when they explode."""

    def __init__(self, key: str, weight: float = 0.9) -> None:
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.key, self.mean, self.weight = key, 0.0, weight

    def __call__(self, state: State, logs: Mapping[str, Any]) -> Stop | None:
        name = "loss" if "loss" in logs else self.key  # a method of several updates logs each under its name
        if name not in logs:
            return None  # the end of an epoch
        loss = float(logs[name])
        self.mean = self.weight * self.mean + (1 - self.weight) * loss
        smooth = self.mean / (1 - self.weight ** (len(self.losses) + 1))
        if not math.isfinite(smooth):
            return Stop("the loss is no number any more")
        self.losses.append(loss)
        self.smoothed.append(smooth)
        if len(self.losses) > 5 and smooth > min(self.smoothed) + 3 * abs(min(self.smoothed)):
            return Stop("the loss exploded")
        return None
