"""What a step logs, as numbers: sums and counts are gathered as they are and read from the device only when they are wanted."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from weft.losses.loss import Mean


class Averages:
    """Weighted means of logs over an interval: sum of sums / sum of counts, read once, when ``means()`` is called.

    A ``Mean`` counts with its count, a number or a tensor of one element counts as one. Adding a step costs one list append;
    nothing is read from the device before ``means()``. Values that are not one number (text, vectors) are left out.

    >>> averages = Averages()
    >>> averages.add({"loss": torch.tensor(1.0)})
    >>> averages.add({"loss": 3.0, "val/accuracy": 0.5})
    >>> averages.means()
    {'loss': 2.0, 'val/accuracy': 0.5}
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, float] = {}
        self.waiting: list[Mapping[str, Any]] = []
        self.add = self.waiting.append  # the one call of every step

    def settle(self) -> None:
        """Read what waits: one transfer for each device and type."""
        rows: list[tuple[str, Any, Any]] = []
        for logs in self.waiting:
            for name, value in logs.items():
                pair = parts(value)
                if pair is not None:
                    rows.append((name, *pair))
        self.waiting.clear()
        values = numbers([part for _, total, count in rows for part in (total, count)])
        for position, (name, _, _) in enumerate(rows):
            self.sums[name] = self.sums.get(name, 0.0) + values[2 * position]
            self.counts[name] = self.counts.get(name, 0.0) + values[2 * position + 1]

    def means(self) -> dict[str, float]:
        """The means of everything since the last call, and start anew. A name whose counts are all zero is left out."""
        self.settle()
        result = {name: self.sums[name] / self.counts[name] for name in self.sums if self.counts[name] != 0}
        self.sums, self.counts = {}, {}
        return result

    def state_dict(self) -> dict[str, dict[str, float]]:
        self.settle()
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def load_state_dict(self, state: Mapping[str, Mapping[str, float]]) -> None:
        self.waiting.clear()
        self.sums, self.counts = dict(state["sums"]), dict(state["counts"])


def parts(value: Any) -> tuple[Any, Any] | None:
    """(sum, count) of one logged value, still on its device; None when it is not one number."""
    if isinstance(value, Tensor):
        return (value.detach().reshape(()), 1.0) if value.numel() == 1 and not value.is_complex() else None
    if isinstance(value, (bool, str)) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value), 1.0
    return (value.total, value.count) if isinstance(value, Mean) else None


def numbers(values: Iterable[Any]) -> list[float]:
    """The values as Python floats, with one transfer for each device and type of tensor."""
    values = list(values)
    result = [0.0] * len(values)
    groups: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for position, value in enumerate(values):
        if isinstance(value, Tensor):
            groups.setdefault((value.device, value.dtype), []).append(position)
        else:
            result[position] = float(value)
    for positions in groups.values():
        for position, number in zip(positions, torch.stack([values[p].detach().reshape(()) for p in positions]).tolist(), strict=True):
            result[position] = float(number)
    return result


def scalars(logs: Mapping[str, Any]) -> dict[str, float]:
    """Every value of ``logs`` that is one number, read now."""
    averages = Averages()
    averages.add(logs)
    return averages.means()


def learning_rates(state: Any) -> dict[str, float]:
    """The learning rate of each update's first group: ``lr``, or ``lr/<update>`` when there are several."""
    rates: dict[str, float] = {}
    for name, update in state.updates.items():
        group = update.optimizer.param_groups[0]
        if "lr" in group:
            rates[f"lr/{name}"] = float(group["lr"])
    return {"lr": next(iter(rates.values()))} if len(rates) == 1 else rates


def first_rank() -> bool:
    """Whether this process is the one that writes: rank 0, or the only one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    return os.environ.get("RANK", "0") == "0"


def jsonable(value: Any) -> Any:
    """``value`` for strict JSON: a float that is not finite becomes the string 'NaN', 'Infinity' or '-Infinity'."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, Tensor):
        return jsonable(value.tolist())
    if hasattr(value, "item") and callable(value.item):
        return jsonable(value.item())
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def unjson(value: Any) -> Any:
    """The inverse for one number: 'NaN' and the infinities become floats again."""
    return float(value) if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity") else value
