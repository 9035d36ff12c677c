"""What a loader gives, and on what machine: for the first lines of a log or a report of a fault."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from weft.data.loading.workers import worker_count
from weft.data.stream import start_method


@dataclass(frozen=True)
class Survey:
    """Machine, workers, sizes, and the form of the first batch (None: there is none)."""

    machine: dict[str, Any]
    workers: int
    records: int | None
    batches: int | None
    batch: Any

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        m, shown = self.machine, (f"{name} {form}".lstrip() for name, form in leaves(self.batch))
        sizes = ["unknown" if size is None else f"{size:,}" for size in (self.records, self.batches)]
        return (
            f"{m['system']}, Python {m['python']}, torch {m['torch']}, {m['processors']} processors, room for {m['room']} workers"
            f"{', started by ' + m['start'] if m['start'] else ''}\n"
            f"records: {sizes[0]}, batches: {sizes[1]}, workers: {self.workers}\n"
            f"first batch: {', '.join(shown) if self.batch is not None else 'none'}"
        )


def survey(loader: Any) -> Survey:
    """Platform, versions, workers, number of records and batches, and types and shapes of the first batch, whatever it is made of.

    The loader's position stays where it has one; an iterator gives up its first batch.
    Use at the head of a log, or when a batch is not what a network expects. Cost: one batch.

    >>> from weft.data import Arrays, Loader
    >>> survey(Loader(Arrays({"input": torch.zeros(6, 2)}), None, 4)).batch
    {'input': 'float32 (4, 2)', 'index': 'int64 (4,)'}
    """
    machine = {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "room": worker_count(),
        "start": start_method(),
    }
    moving: list[Any] = [part for part in (getattr(loader, "flow", None), loader) if hasattr(part, "state_dict") and hasattr(part, "load_state_dict")]
    positions = [part.state_dict() for part in moving]
    running = iter(loader)
    first = next(running, None)
    if hasattr(running, "close"):
        running.close()
    for part, position in zip(moving, positions, strict=True):
        part.load_state_dict(position)
    source = getattr(loader, "source", getattr(loader, "dataset", None))
    workers = int(getattr(loader, "workers", getattr(loader, "num_workers", 0)))
    return Survey(machine, workers, count(source), count(loader), None if first is None else form(first))


def count(data: Any) -> int | None:
    """How many there are, where that is known."""
    try:
        return len(data)
    except TypeError:
        return None


def form(value: Any) -> Any:
    """Types and shapes in place of values, nested as they are.

    >>> form({"x": (torch.zeros(2, 3), ["a", "b"]), "y": None})
    {'x': ['float32 (2, 3)', '2 x str'], 'y': 'None'}
    """
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return {str(name): form(part) for name, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: form(getattr(value, field.name)) for field in dataclasses.fields(value)}
    names = getattr(value, "_fields", None)  # of a named tuple
    if isinstance(value, tuple) and names is not None:
        return {name: form(part) for name, part in zip(names, value, strict=True)}
    if isinstance(value, tuple | list):
        parts = [form(part) for part in value]
        alike = len(parts) > 1 and isinstance(parts[0], str) and "(" not in parts[0] and len(set(parts)) == 1
        return f"{len(parts)} x {parts[0]}" if alike else parts
    return "None" if value is None else type(value).__name__


def leaves(node: Any, name: str = "") -> list[tuple[str, str]]:
    """Name and form of every part of a batch, from the outside in."""
    if isinstance(node, dict):
        return list(chain.from_iterable(leaves(part, f"{name}.{key}".lstrip(".")) for key, part in node.items()))
    if isinstance(node, list):
        return list(chain.from_iterable(leaves(part, f"{name}[{n}]") for n, part in enumerate(node)))
    return [(name, str(node))]
