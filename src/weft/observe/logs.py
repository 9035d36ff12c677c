"""What a step logs, as numbers: sums and counts are gathered as they are and read from the device only when they are wanted."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
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
        """Read what waits, name by name."""
        columns: dict[str, list[Any]] = {}
        for logs in self.waiting:
            for name, value in logs.items():
                if name in columns:
                    columns[name].append(value)
                elif one_number(value):
                    columns[name] = [value]
        self.waiting.clear()
        for name, values in columns.items():
            if len(values) == 1 and type(values[0]) is float:  # one line's ready number: nothing to add up
                self.sums[name], self.counts[name] = self.sums.get(name, 0.0) + values[0], self.counts.get(name, 0.0) + 1.0
                continue
            self.sums[name] = self.sums.get(name, 0.0) + total([value.total if type(value) is Mean else value for value in values])
            self.counts[name] = self.counts.get(name, 0.0) + total([value.count if type(value) is Mean else 1.0 for value in values])

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


def one_number(value: Any) -> bool:
    """Whether a logged value is a real number, a mean, or a tensor of one."""
    if isinstance(value, Tensor):
        return value.numel() == 1 and not value.is_complex()
    return isinstance(value, (Mean, int, float)) and not isinstance(value, bool)


def total(values: list[Any]) -> float:
    """The sum of numbers and tensors. From a device other than the processor, tensors that are alike come in one transfer."""
    tensors: list[Tensor] = [value for value in values if isinstance(value, Tensor)]
    result = float(sum(value for value in values if not isinstance(value, Tensor))) if len(tensors) < len(values) else 0.0
    if tensors and tensors[0].device.type != "cpu":
        try:
            return result + sum(torch.stack(tensors).detach().flatten().tolist())
        except RuntimeError:  # of shape () and (1,), or on several devices
            pass
    return result + sum(value.item() for value in tensors)


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
    listed = getattr(value, "tolist", None)  # tensors, arrays and their scalars
    if listed is not None:
        return jsonable(listed())
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def unjson(value: Any) -> Any:
    """The inverse for one number: 'NaN' and the infinities become floats again."""
    return float(value) if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity") else value
