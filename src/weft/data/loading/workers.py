"""How many worker processes a machine has room for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "200000 100000": two processors' time; "max 100000": no bound


def worker_count(ranks: int = 1) -> int:
    """Worker processes for a loader on this machine, each of ``ranks`` processes on it having one; at least 0.

    Counted are the processors this process may run on (affinity, not what the machine has), and no more than the container's quota of their
    time; one stays with each rank's own process. No more than 8 on Linux, 6 on macOS, and half of them, at most 4, on Windows.
    Raises ValueError for fewer than one rank.
    Use as ``Loader(..., workers=worker_count())``; batches are the same for any number. Cost: a look at the system.

    >>> 0 <= worker_count() <= 8
    True
    """
    if ranks < 1:
        raise ValueError(f"ranks={ranks}; expected at least 1")
    processors = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    processors = min(processors, quota())
    most = {"win32": min(processors / 2, 4), "darwin": min(processors, 6)}.get(sys.platform, min(processors, 8))
    return max(0, min(int(most), int(processors / ranks) - 1))


def quota() -> float:
    """The processors' time that a container may use, infinite without a bound."""
    try:
        share, period = QUOTA.read_text(encoding="ascii").split()
        return float("inf") if share == "max" else int(share) / int(period)
    except (OSError, ValueError):
        return float("inf")
