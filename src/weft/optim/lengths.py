"""How long and how often: ``Epochs(10)``, ``Steps(1000)``, ``Seconds(300)``, joined with ``|`` (whichever comes first)."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """What a length is measured against: the counters of a state."""

    step: int
    epoch: int
    seconds: float
    data: object


@dataclass(frozen=True)
class Length:
    """An amount of training. ``until=`` reads it as an end, ``every=`` as an interval."""

    amount: float

    def __post_init__(self) -> None:
        if not self.amount > 0:
            raise ValueError(f"{type(self).__name__}({self.amount}) is no length of time; give a positive number.")

    def __or__(self, other: Length) -> Length:
        parts = tuple(p for side in (self, other) for p in (side.parts if isinstance(side, First) else (side,)))
        return First(min(self.amount, other.amount), parts)

    def position(self, clock: Clock) -> float:
        """How far the clock is, in this unit."""
        raise TypeError(f"{type(self).__name__} measures nothing; use Epochs, Steps or Seconds.")

    def fraction(self, clock: Clock) -> float:
        """How much of this amount has passed, 0 to 1."""
        return min(1.0, self.position(clock) / self.amount)

    def reached(self, clock: Clock) -> bool:
        return self.position(clock) >= self.amount

    def steps(self, clock: Clock) -> int | None:
        """The number of steps this amounts to, if that can be known."""
        return None


class Steps(Length):
    """A number of engine steps (calls of ``method.step``)."""

    def position(self, clock: Clock) -> float:
        return clock.step

    def steps(self, clock: Clock) -> int | None:
        return int(self.amount)


class Epochs(Length):
    """A number of passes over the data, whole ones: the part of a pass is counted in ``Steps``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount != int(self.amount):
            raise ValueError(f"Epochs({self.amount}) ends within a pass; give a whole number, or say Steps(n).")

    def position(self, clock: Clock) -> float:
        return clock.epoch

    def steps(self, clock: Clock) -> int | None:
        return round(self.amount * len(clock.data)) if isinstance(clock.data, Sized) else None

    def fraction(self, clock: Clock) -> float:
        total = self.steps(clock)
        return min(1.0, clock.step / total if total else clock.epoch / self.amount)


class Seconds(Length):
    """Training time, summed over all sessions of a run."""

    def position(self, clock: Clock) -> float:
        return clock.seconds


@dataclass(frozen=True)
class First(Length):
    """Whichever of several lengths comes first."""

    parts: tuple[Length, ...] = field(default=())

    def reached(self, clock: Clock) -> bool:
        return any(p.reached(clock) for p in self.parts)

    def fraction(self, clock: Clock) -> float:
        return max(p.fraction(clock) for p in self.parts)

    def steps(self, clock: Clock) -> int | None:
        known = [n for p in self.parts if (n := p.steps(clock)) is not None]
        return min(known) if known else None


class Due:
    """Remembers when something with an interval last happened; its marks are saved with the state."""

    def __init__(self, every: Length):
        self.every, self.mark = every, 0.0

    def __call__(self, clock: Clock, *, epoch_end: bool) -> bool:
        parts = self.every.parts if isinstance(self.every, First) else (self.every,)
        for part in parts:
            if isinstance(part, Epochs) and not (epoch_end and clock.epoch % max(1, round(part.amount)) == 0):
                continue
            if isinstance(part, Steps) and (epoch_end or clock.step % max(1, round(part.amount))):
                continue
            if isinstance(part, Seconds) and clock.seconds - self.mark < part.amount:
                continue
            self.mark = clock.seconds
            return True
        return False
