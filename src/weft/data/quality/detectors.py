"""Change in a stream, value by value: adaptive windows, Page and Hinkley, error rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Adwin:
    """A window that grows while its mean stays and drops its old part when two parts differ by more than chance allows.

    The window (n values of variance v) is cut at each bucket into n0 older and n1 newer values; the older go when their means differ by
    at least sqrt(2 v d / m) + 2 d / (3 m) with 1 / m = 1 / (n0 - 4) + 1 / (n1 - 4) and d = ln(2 ln(n) / delta). Values should lie in
    [0, 1], such as errors. ``update(x)`` returns whether the window was cut; ``mean`` is that of what is left. Looks every ``clock`` values.
    Memory and time are logarithmic: buckets of 1, 2, 4 … values, at most five of each size. ``state_dict`` is plain data.

    Paper: Bifet and Gavalda, 2007, doi:10.1137/1.9781611972771.42.
    Use when neither the rate of change nor a window is known; instead of it, ``PageHinkley`` for a rise of the mean alone. Cost: O(log n).

    >>> detector = Adwin()
    >>> [i for i in range(400) if detector.update(float(i >= 200))]
    [223, 255, 287]
    """

    delta: float = 0.002
    clock: int = 32
    buckets: int = 5
    levels: list[list[tuple[float, float]]] = field(default_factory=list)  # of buckets of 2^i values, oldest first: (sum, squared deviations)
    width: int = 0
    total: float = 0.0
    squares: float = 0.0  # of deviations from the mean of the window
    seen: int = 0

    @property
    def mean(self) -> float:
        """The mean of the present window; 0 when it is empty."""
        return self.total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Take in one value; whether old values were dropped because the mean changed."""
        self.seen += 1
        self._join(value)
        self._compress()
        return self.seen % self.clock == 0 and self.width > 10 and self._cut()

    def _join(self, value: float) -> None:
        if self.width:
            self.squares += self.width * (value - self.mean) ** 2 / (self.width + 1)
        self.width += 1
        self.total += value
        self.levels = self.levels or [[]]
        self.levels[0].append((value, 0.0))

    def _compress(self) -> None:
        """Two oldest buckets of a size become one of twice the size when there are too many."""
        for i, level in enumerate(self.levels):
            if len(level) <= self.buckets:
                break
            (a, u), (b, v), size = level.pop(0), level.pop(0), 2**i
            if i + 1 == len(self.levels):
                self.levels.append([])
            self.levels[i + 1].append((a + b, u + v + (a - b) ** 2 / (2 * size)))

    def _cut(self) -> bool:
        changed = False
        while self.width > 10 and self._differs():
            self._drop()
            changed = True
        return changed

    def _differs(self) -> bool:
        old, count = 0.0, 0
        for i in range(len(self.levels) - 1, -1, -1):
            for total, _ in self.levels[i]:
                old, count = old + total, count + 2**i
                rest = self.width - count
                if rest < 5:
                    return False
                if count >= 5 and abs(old / count - (self.total - old) / rest) > self._bound(count, rest):
                    return True
        return False

    def _bound(self, n0: int, n1: int) -> float:
        spread = math.log(2 * math.log(self.width) / self.delta)
        inverse = 1 / (n0 - 4) + 1 / (n1 - 4)
        return math.sqrt(2 * inverse * self.squares / self.width * spread) + 2 / 3 * spread * inverse

    def _drop(self) -> None:
        """Forget the oldest bucket."""
        total, squares = self.levels[-1].pop(0)
        size = 2 ** (len(self.levels) - 1)
        self.width, self.total = self.width - size, self.total - total
        if self.width:
            gap = total / size - self.mean
            self.squares = max(0.0, self.squares - squares - size * self.width * gap**2 / (size + self.width))
        while len(self.levels) > 1 and not self.levels[-1]:
            self.levels.pop()

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        levels = [[list(bucket) for bucket in level] for level in self.levels]
        return {"levels": levels, "width": self.width, "total": self.total, "squares": self.squares, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        self.levels = [[(float(a), float(b)) for a, b in level] for level in state["levels"]]
        self.width, self.total, self.squares, self.seen = state["width"], state["total"], state["squares"], state["seen"]


@dataclass
class PageHinkley:
    """An alarm when the sum of deviations above the mean rises by more than ``threshold`` over its least value.

    m_t = a m_{t-1} + (x_t - mean_t - delta), alarm when m_t - min m > ``threshold`` after ``least`` values; a is ``forget``. ``side`` "up"
    watches for a rise, "down" for a fall, "both" for either. ``update(x)`` returns the alarm and starts anew after it.

    Paper: Page, 1954, doi:10.1093/biomet/41.1-2.100; Hinkley, 1971, doi:10.1093/biomet/58.3.509.
    Use for a loss that should not rise; instead of it, ``Adwin`` when the size of the change is unknown. Cost: a few additions.

    >>> detector = PageHinkley(threshold=5.0)
    >>> [i for i in range(200) if detector.update(float(i >= 100))]
    [105]
    """

    least: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    forget: float = 0.9999
    side: str = "up"
    count: int = 0
    mean: float = 0.0
    rise: float = 0.0
    fall: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0

    def __post_init__(self) -> None:
        if self.side not in ("up", "down", "both"):
            raise ValueError(f"side={self.side!r}; expected 'up', 'down' or 'both'")

    def update(self, value: float) -> bool:
        """Take in one value; whether the mean has changed."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        gap = value - self.mean
        self.rise = self.forget * self.rise + gap - self.delta
        self.fall = self.forget * self.fall + gap + self.delta
        self.lowest, self.highest = min(self.lowest, self.rise), max(self.highest, self.fall)
        up, down = self.rise - self.lowest > self.threshold, self.highest - self.fall > self.threshold
        alarm = self.count >= self.least and ((up and self.side != "down") or (down and self.side != "up"))
        if alarm:
            self.count, self.mean, self.rise, self.fall, self.lowest, self.highest = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        return alarm

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {name: getattr(self, name) for name in ("count", "mean", "rise", "fall", "lowest", "highest")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        for name in ("count", "mean", "rise", "fall", "lowest", "highest"):
            setattr(self, name, state[name])


@dataclass
class DDM:
    """A warning and an alarm when the error rate of a classifier rises above the lowest it had.

    With p the rate over n errors (1) and hits (0) and s = sqrt(p (1 - p) / n): a warning while p + s > p_min + ``warn`` s_min, an alarm
    when it is above p_min + ``alarm`` s_min, where p_min + s_min was least; after ``least`` values. ``update(error)`` returns the alarm
    and starts anew after it; ``warning`` says whether the last value warned, so that data since then can be kept for a new model.

    Paper: Gama et al., 2004, doi:10.1007/978-3-540-28645-5_29.
    Use on the errors of a model on labelled data; instead of it, ``Adwin`` for values other than errors and slow changes. Cost: a few additions.

    >>> detector = DDM()
    >>> [i for i in range(400) if detector.update(i >= 200 or i % 10 == 0)]
    [209]
    """

    least: int = 30
    warn: float = 2.0
    alarm: float = 3.0
    count: int = 0
    errors: int = 0
    lowest: float = math.inf  # of p + s
    rate: float = math.inf  # p where it was lowest
    spread: float = math.inf  # s there
    warning: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.warn <= self.alarm or self.least < 1:
            raise ValueError(f"least={self.least}, warn={self.warn}, alarm={self.alarm}; expected at least 1, and 0 < warn <= alarm")

    def update(self, error: float | bool) -> bool:
        """Take in one error (True or 1) or hit; whether the rate has risen for certain."""
        if error not in (0, 1):
            raise ValueError(f"DDM counts errors, 1 or 0; got {error!r}. Adwin and PageHinkley take any number")
        self.count += 1
        self.errors += int(error)
        p = self.errors / self.count
        s = math.sqrt(p * (1 - p) / self.count)
        self.warning = False
        if self.count <= self.least:
            return False
        if p + s <= self.lowest:
            self.lowest, self.rate, self.spread = p + s, p, s
        self.warning = p + s > self.rate + self.warn * self.spread
        if p + s <= self.rate + self.alarm * self.spread:
            return False
        self.count, self.errors, self.lowest, self.rate, self.spread, self.warning = 0, 0, math.inf, math.inf, math.inf, False
        return True

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, as plain data; infinities as None, since JSON has none."""
        low = {name: None if math.isinf(value := getattr(self, name)) else value for name in ("lowest", "rate", "spread")}
        return {"count": self.count, "errors": self.errors, "warning": self.warning} | low

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        for name, value in state.items():
            setattr(self, name, math.inf if value is None else value)
