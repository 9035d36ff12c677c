"""The last records of a stream, in memory that is taken once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch


class Ring:
    """The last ``capacity`` rows that were put in, each key in one tensor (capacity, …) made at the first batch.

    ``put(batch)`` adds the rows of a batch, the oldest make room; ``last(n)`` gives the newest n, oldest first, as copies; ``rows(index)`` those
    at places counted from the oldest; ``seen`` counts all that came. The state holds the rows themselves.
    Errors: ``ValueError`` for a capacity below 1, other keys, shapes or types than before; ``IndexError`` for places that are not filled.
    Use for recent data of a stream (statistics, windows, rehearsal); instead of it, ``Replay`` for episodes, ``deque`` for a few objects.
    Cost: the memory of ``capacity`` rows, whatever comes.

    >>> ring = Ring(3)
    >>> for n in range(5):
    ...     ring.put({"input": torch.tensor([n])})
    >>> ring.last(2)["input"].tolist(), len(ring), ring.seen
    ([3, 4], 3, 5)
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity}; expected at least 1 row")
        self.capacity, self.seen = capacity, 0
        self.held: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return min(self.seen, self.capacity)

    def put(self, batch: Batch) -> None:
        """Add the rows of a batch."""
        rows = {key: value for key, value in batch.items() if isinstance(value, Tensor)}
        if not self.held:
            self.held = {key: value.new_empty((self.capacity, *value.shape[1:])) for key, value in rows.items()}
        self._check(rows)
        count = len(next(iter(rows.values())))
        kept = min(count, self.capacity)
        places = torch.arange(self.seen + count - kept, self.seen + count) % self.capacity
        for key, value in rows.items():
            self.held[key][places] = value[count - kept :]
        self.seen += count

    def _check(self, rows: dict[str, Tensor]) -> None:
        form = {key: (tuple(value.shape[1:]), value.dtype) for key, value in rows.items()}
        held = {key: (tuple(value.shape[1:]), value.dtype) for key, value in self.held.items()}
        if form != held or not rows:
            different = sorted(key for key in form.keys() | held.keys() if form.get(key) != held.get(key)) or ["no tensors"]
            raise ValueError(f"Rows differ in {different[0]!r}: held are {held.get(different[0])}, came {form.get(different[0])}")

    def replace(self, place: int, row: Batch) -> None:
        """Put one row in the place of another, counted from the oldest; nothing grows older by it."""
        at = self._at(torch.tensor([place]))
        for key, values in self.held.items():
            values[at] = row[key]

    def rows(self, index: Tensor) -> Batch:
        """Copies of the rows at these places, 0 the oldest."""
        at = self._at(index)
        return {key: value[at] for key, value in self.held.items()}

    def last(self, count: int) -> Batch:
        """Copies of the newest rows, fewer when there are not so many."""
        return self.rows(torch.arange(max(0, len(self) - count), len(self)))

    def _at(self, index: Tensor) -> Tensor:
        if len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(self):
            raise IndexError(f"Places {index.tolist()[:5]} of {len(self)} rows")
        return (index + max(0, self.seen - self.capacity)) % self.capacity

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "held": {key: value.clone() for key, value in self.held.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen, self.held = state["seen"], {key: value.clone() for key, value in state["held"].items()}
