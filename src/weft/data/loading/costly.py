"""Records that cost time, differ in size and fail, all as planned: for benchmarks and for tests of what loaders do then."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from weft.data.contracts import Record
from weft.data.keyed import Random, hashed, uniform

KINDS = ("work", "sleep")


class Costly:
    """A source whose records take ``seconds`` each, have ``sizes`` from smallest to largest, and fail at a ``failures`` share of the numbers.

    ``kind`` "work" keeps the processor busy (decoding), "sleep" waits (a slow disk or network). ``spread`` makes costs unequal: record i
    takes seconds · (1 + spread · u_i), u_i uniform in [-1, 1). ``input`` is (T,) float32 with T uniform in ``sizes``, ``target`` 0 or 1, which
    says whether the mean of the input lies above 0. Everything is keyed by (seed, number), so any order, process or run gives the same.
    ``cost(i)``, ``size(i)`` and ``fails(i)`` tell without the wait. A failing record raises OSError each time.
    Errors: ``ValueError`` for a negative cost, a share outside [0, 1], a spread outside [0, 1], or sizes that are empty or below 1.
    Use to see how loaders scale, wait and recover; instead of it, ``measure`` on data of one's own. Cost: what was asked for.

    >>> source = Costly(100, failures=0.1, sizes=(2, 5))
    >>> len(source), 2 <= len(source[0]["input"]) <= 5, sum(source.fails(i) for i in range(100))
    (100, True, 14)
    """

    def __init__(
        self, size: int = 1000, seconds: float = 0.0, *, kind: str = "work", spread: float = 0.0, sizes: Sequence[int] = (16, 16),
        failures: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        if kind not in KINDS or size < 1 or seconds < 0 or not 0 <= spread <= 1 or not 0 <= failures <= 1:
            raise ValueError(
                f"size={size}, seconds={seconds}, kind={kind!r}, spread={spread}, failures={failures}; expected at least one record, no"
                f" negative cost, one of {', '.join(KINDS)}, and shares in [0, 1]"
            )
        self.sizes = (min(sizes, default=0), max(sizes, default=0))
        if self.sizes[0] < 1:
            raise ValueError(f"sizes={tuple(sizes)}; expected the smallest and the largest, from 1 on")
        self.count, self.seconds, self.kind, self.spread, self.failures, self.seed = size, seconds, kind, spread, failures, seed

    def __len__(self) -> int:
        return self.count

    def cost(self, i: int) -> float:
        """Seconds that record ``i`` takes."""
        return self.seconds * (1 + self.spread * (2 * float(uniform(1, self.seed, 1, i)) - 1))

    def size(self, i: int) -> int:
        """The length of record ``i``."""
        low, high = self.sizes
        return low + int(hashed(self.seed, 2, i)) % (high - low + 1)

    def fails(self, i: int) -> bool:
        """Whether record ``i`` cannot be read."""
        return float(uniform(1, self.seed, 3, i)) < self.failures

    def __getitem__(self, i: int) -> Record:
        if not -self.count <= i < self.count:
            raise IndexError(f"Record {i} of {self.count}")
        i %= self.count
        spend(self.cost(i), self.kind)
        if self.fails(i):
            raise OSError(f"Record {i} fails, as was asked for")
        values = Random(self.seed, 0, torch.tensor([i]), 4).normal(self.size(i))[0]
        return {"input": values, "target": (values.mean() > 0).long()}


def spend(seconds: float, kind: str) -> None:
    """Let this much time pass, asleep or at work; work is counted in the processor's time, which others' work does not shorten."""
    if kind == "sleep":
        time.sleep(seconds)
        return
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
