"""How fast batches come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from weft.data.batch import size


@dataclass(frozen=True)
class Pace:
    """How fast a loader's batches came; seconds, but ``batches`` and ``records``.

    ``start``: until the first batch could be asked for; ``first``: the wait for it, in which workers start. ``waits``: of each later batch.
    """

    start: float
    first: float
    waits: tuple[float, ...] = field(repr=False)
    batches: int
    records: int
    seconds: float  # of all batches after the first, with what was done between them
    later: int = 0  # records in these

    @property
    def rate(self) -> float:
        """Records a second, without the first batch unless there is no other; nan without data."""
        if not self.batches:
            return math.nan
        return self.later / self.seconds if self.later and self.seconds else self.records / max(self.first, 1e-9)

    def percentile(self, share: float) -> float:
        """The wait that this share of the later batches does not exceed (the first batch's when there is no other)."""
        ordered = sorted(self.waits) or [self.first]
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share else 0)]

    def to_json(self) -> dict[str, Any]:
        """The figures, waits as percentiles."""
        found = {name: value for name, value in asdict(self).items() if name != "waits"}
        if not self.batches:
            return found
        return found | {"rate": self.rate} | {f"wait_p{p}": self.percentile(p / 100) for p in (50, 90, 99)}

    def __str__(self) -> str:
        if not self.batches:
            return "no data: the loader gave no batch"
        waits = ", ".join(f"{p} % {self.percentile(p / 100) * 1e3:.2f} ms" for p in (50, 90, 99))
        return (
            f"{self.batches:,} batches, {self.records:,} records; {self.rate:,.0f} records a second\n"
            f"first batch after {(self.start + self.first) * 1e3:.1f} ms; waits after it: {waits}"
        )


def measure(loader: Iterable[Any], batches: int | None = None, use: Callable[[Any], object] | None = None) -> Pace:
    """Read one epoch of a loader (or ``batches`` of it) and say how long each batch was waited for; ``use`` is called with each, as training would.

    The clock only goes forward, and nothing is kept from an earlier call. An empty loader gives a ``Pace`` that says so.
    Raises ValueError for batches below 1.
    Use when training seems to wait; then ``bottleneck`` says for what. Cost: the epoch.

    >>> import torch
    >>> pace = measure([{"input": torch.zeros(4, 2)}] * 3)
    >>> pace.batches, pace.records, str(measure([]))
    (3, 12, 'no data: the loader gave no batch')
    """
    if batches is not None and batches < 1:
        raise ValueError(f"batches={batches}; expected at least 1, or None for the whole epoch")
    clock = time.perf_counter
    begun = clock()
    running = iter(loader)
    start, waits, sizes = clock() - begun, [], []
    after = asked = clock()
    try:
        while batches is None or len(waits) < batches:
            asked = clock()
            batch = next(running, None)
            if batch is None:
                break
            waits.append(clock() - asked)
            sizes.append(size(batch) if not isinstance(batch, list | tuple) else len(batch[0]))
            if use is not None:
                use(batch)
            if len(waits) == 1:
                after = clock()
            asked = clock()
    finally:
        if hasattr(running, "close"):
            running.close()  # type: ignore[attr-defined]
    if not waits:
        return Pace(start, 0.0, (), 0, 0, 0.0)
    return Pace(start, waits[0], tuple(waits[1:]), len(waits), sum(sizes), asked - after, sum(sizes[1:]))
