"""Which batch fits into memory: real training steps on larger and larger batches."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weft.data.batch import as_batch, size
from weft.engine import Method, Runtime, Steps, Update, fit
from weft.observe.find.untouched import untouched
from weft.optim.memory import out_of_memory
from weft.parallel.runtime import release_memory


@dataclass(frozen=True)
class BatchSizes:
    """``size`` is the largest batch that fits into ``budget`` bytes; ``tried`` holds (size, peak bytes, or None where memory ran out)."""

    size: int
    budget: int
    tried: tuple[tuple[int, int | None], ...]

    def __str__(self) -> str:
        seen = [f"{count}: {'too large' if most is None or most > self.budget else f'{most / 2**20:,.0f} MiB'}" for count, most in self.tried]
        return f"batches of {self.size} fit into {self.budget / 2**20:,.0f} MiB ({', '.join(seen)})"


def find_batch_size(
    method: Method,
    data: Iterable[Any],
    update: Update | Mapping[str, Update] | None = None,
    *,
    memory: int | None = None,
    start: int = 32,
    most: int = 65_536,
    margin: float = 0.1,
    runtime: Runtime = Runtime(),
) -> BatchSizes:
    """Find the largest batch whose whole training step fits: forward, backward, optimizer state; doubling, then halving the interval.

    Batches are the first one of ``data``, its rows repeated. ``memory`` bytes are the budget; by default what the device (or this machine) has
    free now beside what the process holds, less ``margin``. Peaks are measured: on CUDA by its allocator, else as the peak of the process. On a
    processor a size is not even tried when the sizes before foretell that it cannot fit. Method, random state and data are left as they were.

    Errors: ``ValueError`` when not even one row fits, or a batch is no dict of tensors.
    Use before a long run; instead of it, ``MemoryFallback``, which finds out while training. Cost: about ten training steps. A larger batch wants
    another learning rate: see ``scaled_rate``.

    >>> from weft.losses import mse
    >>> from weft.methods import Supervised
    >>> find_batch_size(Supervised(torch.nn.Linear(4, 1), mse), [(torch.zeros(2, 4), torch.zeros(2, 1))], most=64).size
    64
    """
    batch = as_batch(next(iter(data)))
    if not isinstance(batch, dict):
        raise ValueError(f"find_batch_size repeats the rows of a batch, which must be a dict of tensors; the data yields a {type(batch).__name__}.")
    place = runtime.resolve(method).place
    budget = int((free_memory(place) if memory is None else memory) * (1 - (margin if memory is None else 0)))
    tried: dict[int, int | None] = {}

    def fits(count: int) -> bool:
        foretold = foresee(tried, count) if place.type == "cpu" else None
        if foretold is not None and foretold > budget:
            return False
        tried[count] = peak(lambda: fit(method, [rows(batch, count)], update, until=Steps(2), runtime=runtime), place)
        peaked = tried[count]
        return peaked is not None and peaked <= budget

    with untouched(method):
        found = largest(fits, start, most)
    if not found:
        raise ValueError(f"Not even one row fits into {budget / 2**20:,.0f} MiB. Use a smaller network, bfloat16, or more memory.")
    return BatchSizes(found, budget, tuple(sorted(tried.items())))


def largest(fits: Callable[[int], bool], start: int, most: int) -> int:
    """The largest whole number from 1 to ``most`` that ``fits``, if everything below one that fits does too; 0 if none.

    >>> largest(lambda n: n <= 77, 32, 1000)
    77
    """
    size, failed = min(start, most), most + 1
    while size and not fits(size):
        failed, size = size, size // 2
    if not size:
        return 0
    while failed == most + 1 and size < most:
        larger = min(size * 2, most)
        if fits(larger):
            size = larger
        else:
            failed = larger
    while failed - size > 1:
        middle = (size + failed) // 2
        size, failed = (middle, failed) if fits(middle) else (size, middle)
    return size


def rows(batch: Mapping[str, Any], count: int) -> dict[str, Any]:
    """A batch of ``count`` rows: those of ``batch``, again and again.

    >>> rows({"input": torch.tensor([1, 2])}, 3)
    {'input': tensor([1, 2, 1])}
    """
    index = torch.arange(count) % size(batch)
    return {key: value[index.to(value.device)] if isinstance(value, Tensor) else [value[i] for i in index.tolist()] for key, value in batch.items()}


def foresee(tried: Mapping[int, int | None], count: int) -> float | None:
    """The peak that a line through the two largest sizes measured foretells, or None for fewer."""
    known = sorted((n, peaked) for n, peaked in tried.items() if peaked is not None)[-2:]
    if len(known) < 2 or count <= known[1][0]:
        return None
    (a, low), (b, high) = known
    return high + max(0.0, (high - low) / (b - a)) * (count - b)


def peak(step: Callable[[], Any], place: torch.device) -> int | None:
    """The most bytes in use while ``step`` runs, or None if memory ran out."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)
    else:
        release_memory()
        reset_peak()
    try:
        step()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return None
    return torch.cuda.max_memory_allocated(place) if place.type == "cuda" else peak_of_process()


def reset_peak() -> None:
    """Let the system count this process's peak anew, where it can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return  # the peak then is that of the whole process so far: never too low


def peak_of_process() -> int:
    """The most memory that this process has held since ``reset_peak``, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def free_memory(place: torch.device) -> int:
    """Bytes that this process may hold in all on a device: what is free and what it has; for a processor within its container's limit."""
    if place.type == "cuda":
        free, _ = torch.cuda.mem_get_info(place)
        return free + torch.cuda.memory_reserved(place)
    held = peak_of_process()
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        limit = Path("/sys/fs/cgroup/memory.max")
        if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()) != "max":
            free = min(free, int(text) - int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")))
    except (OSError, StopIteration, ValueError):
        return 8 << 30
    return max(free, 0) + held
