"""How fast batches come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from weft.data.batch import as_batch, move, size
from weft.data.loading.memory import Memory, worker_memory


@dataclass(frozen=True)
class Pace:
    """How fast a loader's batches came; seconds, but ``batches`` and ``records``.

    ``start``: until the first batch could be asked for; ``first``: the wait for it, in which workers start. ``waits``: of each later batch.
    ``copies``: of each batch to the device, where one was given. ``memory``: of this process and the workers at the end, in bytes.
    """

    start: float
    first: float
    waits: tuple[float, ...] = field(repr=False)
    batches: int
    records: int
    seconds: float  # of all batches after the first, with what was done between them
    later: int = 0  # records in these
    copies: tuple[float, ...] = field(default=(), repr=False)
    memory: tuple[Memory, ...] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        """Records a second, without the first batch unless there is no other; nan without data."""
        if not self.batches:
            return math.nan
        return self.later / self.seconds if self.later and self.seconds else self.records / max(self.first, 1e-9)

    @property
    def waiting(self) -> float:
        """The share of the time after the first batch in which batches were waited for: near 1 the data is slow, near 0 what uses it."""
        return min(1.0, sum(self.waits) / self.seconds) if self.seconds else math.nan

    def percentile(self, share: float) -> float:
        """The wait that this share of the later batches does not exceed (the first batch's when there is no other)."""
        return quantile(self.waits or (self.first,), share)

    def to_json(self) -> dict[str, Any]:
        """The figures, waits as percentiles."""
        found = {name: value for name, value in asdict(self).items() if name not in ("waits", "copies")}
        if not self.batches:
            return found
        copies = {f"copy_p{p}": quantile(self.copies, p / 100) for p in (50, 90, 99)} if self.copies else {}
        waiting = {} if math.isnan(self.waiting) else {"waiting": self.waiting}
        return found | {"rate": self.rate} | waiting | {f"wait_p{p}": self.percentile(p / 100) for p in (50, 90, 99)} | copies

    def write(self, writer: Any, step: int = 0, prefix: str = "loading") -> None:
        """Give every figure to a writer of scalars, such as TensorBoard's ``SummaryWriter``; memory in all, by its fair share."""
        for name, value in self.to_json().items():
            if name != "memory":
                writer.add_scalar(f"{prefix}/{name}", value, step)
        if self.memory:
            writer.add_scalar(f"{prefix}/memory", sum(each.proportional for each in self.memory), step)

    def __str__(self) -> str:
        if not self.batches:
            return "no data: the loader gave no batch"
        waits, copies = percentiles(self.waits or (self.first,)), percentiles(self.copies or (0.0,))
        held = sum(memory.proportional for memory in self.memory)
        return (
            f"{self.batches:,} batches, {self.records:,} records; {self.rate:,.0f} records a second\n"
            f"first batch after {(self.start + self.first) * 1e3:.1f} ms; waits after it: {waits}"
            + (f"\ncopies to the device: {copies}" if self.copies else "")
            + (f"\nmemory: {held / 2**20:,.0f} MiB in {len(self.memory)} processes" if self.memory else "")
        )


def quantile(times: tuple[float, ...], share: float) -> float:
    """The time that this share of them does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share else 0)]


def percentiles(times: tuple[float, ...]) -> str:
    """The middle, the tail and the worst, in words."""
    return ", ".join(f"{p} % {quantile(times, p / 100) * 1e3:.2f} ms" for p in (50, 90, 99))


def measure(
    loader: Iterable[Any],
    batches: int | None = None,
    use: Callable[[Any], object] | None = None,
    *,
    device: str | torch.device | None = None,
) -> Pace:
    """Read one epoch of a loader (or ``batches`` of it) and say how long each batch was waited for; ``use`` is called with each, as in training.

    With ``device`` each batch is copied there and the end of the copy is waited for, which is timed apart; beside it, ``measure`` of
    ``Prefetch(loader, device)`` shows how much of the copies hides behind ``use``. The clock only goes forward, and nothing is kept from an
    earlier call. An empty loader gives a ``Pace`` that says so.
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
    start, waits, sizes, copies = clock() - begun, [], [], []
    memory: tuple[Memory, ...] = ()
    target = None if device is None else torch.device(device)
    after = asked = clock()
    try:
        while batches is None or len(waits) < batches:
            asked = clock()
            batch = next(running, None)
            if batch is None:
                break
            waits.append(clock() - asked)
            sizes.append(size(batch) if not isinstance(batch, list | tuple) else len(batch[0]))
            if target is not None:
                before = clock()
                batch = copied(batch, target)
                copies.append(clock() - before)
            if use is not None:
                use(batch)
            if len(waits) == 1:
                after = clock()
            asked = clock()
        memory = worker_memory(loader)
    finally:
        if hasattr(running, "close"):
            running.close()  # type: ignore[attr-defined]
    if not waits:
        return Pace(start, 0.0, (), 0, 0, 0.0)
    return Pace(start, waits[0], tuple(waits[1:]), len(waits), sum(sizes), asked - after, sum(sizes[1:]), tuple(copies), memory)


def copied(batch: Any, device: torch.device) -> Any:
    """The batch as ``fit`` sees it, on a device, certainly there."""
    moved = move(as_batch(batch), device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return moved
