"""The memory of a loader's processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Memory:
    """What a process holds, in bytes: ``resident`` in memory, ``proportional``, of which pages shared by n processes count as 1 / n.

    Sums of ``proportional`` are what the processes need together; sums of ``resident`` count what a fork shares several times.
    """

    process: int
    resident: int
    proportional: int


def memory_of(process: int | None = None) -> Memory | None:
    """The memory of a process (default: this one); None when it has ended or the system (other than Linux) does not tell.

    >>> found = memory_of()
    >>> found is None or found.resident >= found.proportional > 0
    True
    """
    process = os.getpid() if process is None else process
    try:
        lines = (PROCESSES / str(process) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return Memory(process, sizes["Rss"], sizes["Pss"]) if "Pss" in sizes else None


def worker_memory(loader: Any) -> tuple[Memory, ...]:
    """The memory of this process and of a loader's workers that live now; empty where the system does not tell.

    A loader inside of another (``Prefetch``) is found. Use while an iterator of the loader lives; cost: a look at the system a process.

    >>> from weft.data import Arrays, Loader
    >>> import torch
    >>> len(worker_memory(Loader(Arrays({"input": torch.zeros(2)})))) <= 1
    True
    """
    while not hasattr(loader, "processes") and hasattr(loader, "loader"):
        loader = loader.loader
    found = [memory_of(process) for process in (os.getpid(), *getattr(loader, "processes", ()))]
    return tuple(memory for memory in found if memory is not None)
