"""New data mixed with what came before, so that a model that goes on learning does not forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.batch import as_batch, size
from weft.data.contracts import Batch
from weft.data.keyed import hashed, uniform
from weft.data.streams.ring import Ring

POLICIES = ("reservoir", "recent")


class Rehearsed:
    """The batches of a loader, each with ``replayed`` rows of earlier batches behind its own.

    The memory holds ``capacity`` rows. "reservoir": each of the n rows so far is in it with probability capacity / n, and all in it are drawn
    alike. "recent": the last ones, drawn with weight 0.5^(age / half_life), age 0 the newest (half_life: capacity / 2). A row is
    replayed after the batch it came in, never in it; before anything is in memory batches are as they come. All choices are keyed by the
    number of rows seen. The position holds the memory, so that a restart changes nothing; keys, shapes and types must stay.
    Errors: ``ValueError`` for an unknown policy, sizes below 1.
    Paper: Vitter, 1985, doi:10.1145/3147.3165 (reservoir); Chaudhry et al., 2019, arXiv:1902.10486 (tiny episodic memories).
    Use when data comes in order of time or task; instead of it, shuffling, where all data is there. Cost: the memory, and larger batches.

    >>> batches = [{"input": torch.tensor([n])} for n in range(3)]
    >>> [batch["input"].tolist() for batch in Rehearsed(batches, capacity=1, replayed=1, policy="recent")]
    [[0], [1, 0], [2, 1]]
    """

    def __init__(
        self, loader: Iterable[Batch], capacity: int, replayed: int, *, policy: str = "reservoir", half_life: float | None = None, seed: int = 0
    ) -> None:
        if policy not in POLICIES or min(capacity, replayed) < 1 or (half_life is not None and half_life <= 0):
            raise ValueError(
                f"capacity={capacity}, replayed={replayed}, policy={policy!r}, half_life={half_life}; expected at least 1, one of"
                f" {', '.join(POLICIES)}, and a half-life above 0"
            )
        self.loader, self.replayed, self.policy, self.seed = loader, replayed, policy, seed
        self.half_life = capacity / 2 if half_life is None else half_life
        self.memory, self.seen = Ring(capacity), 0

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; the memory stays."""
        if hasattr(self.loader, "set_epoch"):
            self.loader.set_epoch(epoch)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Batch]:
        for raw in self.loader:
            batch = {key: value for key, value in as_batch(raw).items() if isinstance(value, Tensor)}
            mixed = batch
            if len(self.memory):
                old = self.memory.rows(self._drawn())
                mixed = {key: torch.cat([value, old[key]]) for key, value in batch.items()}
            self._remember(batch)
            yield mixed

    def _drawn(self) -> Tensor:
        """Places in memory to be replayed, with replacement only when there are too few."""
        count, points = len(self.memory), uniform(len(self.memory), self.seed, self.seen, 1)
        weight = torch.ones(count, dtype=torch.float64)
        if self.policy == "recent":
            weight = 0.5 ** ((count - 1 - torch.arange(count)) / self.half_life)
        late = -points.clamp(min=2.0**-53).log() / weight.clamp(min=2.0**-1000)  # an exponential clock each: the heavy ring first
        order = late.argsort(stable=True)
        return order.repeat(-(-self.replayed // count))[: self.replayed]

    def _remember(self, batch: Batch) -> None:
        numbers = torch.arange(self.seen, self.seen + size(batch))
        room = len(numbers) if self.policy == "recent" else self.memory.capacity - len(self.memory)
        if room:
            self.memory.put({key: value[:room] for key, value in batch.items()})
        self.seen += len(numbers)
        places = (hashed(self.seed, numbers, 2) % (numbers + 1)).tolist()
        for n in range(room, len(numbers)):  # row n takes the place of any row so far, itself included
            if places[n] < self.memory.capacity:
                self.memory.replace(places[n], {key: value[n : n + 1] for key, value in batch.items()})

    def committed(self, state: dict[str, Any]) -> None:
        """A checkpoint with this state is safely on disk."""
        if hasattr(self.loader, "committed"):
            self.loader.committed(state["loader"])  # type: ignore[attr-defined]

    def state_dict(self) -> dict[str, Any]:
        own = self.loader.state_dict() if hasattr(self.loader, "state_dict") else None  # type: ignore[attr-defined]
        return {"loader": own, "memory": self.memory.state_dict(), "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["loader"] is not None:
            self.loader.load_state_dict(state["loader"])  # type: ignore[attr-defined]
        self.memory.load_state_dict(state["memory"])
        self.seen = state["seen"]


def prequential(
    batches: Iterable[Batch],
    score: Callable[[Batch], Float[Tensor, " b"]],
    learn: Callable[[Batch], object],
    *,
    forget: float = 0.99,
) -> Iterator[tuple[float, float]]:
    """Test on each batch, then learn from it: yields the batch's mean score and the faded mean sum a^(n-i) s_i / sum a^(n-i) over all rows so far.

    ``score(batch)`` is one number a row (1 for right and 0 for wrong, or a loss) before ``learn(batch)`` sees it, so every row tests once and
    no test set is needed. ``forget`` is a: 0.99 looks back on about a hundred rows, 1 on all. Raises ValueError for ``forget`` outside (0, 1].

    Paper: Gama et al., 2013, doi:10.1007/s10994-012-5320-9.
    Use for a stream whose law may change; instead of it, ``evaluate`` on held-out data. Cost: one forward pass.

    >>> seen = []
    >>> steps = prequential([{"x": torch.ones(2)}] * 2, lambda batch: batch["x"] * bool(seen), seen.append, forget=1.0)
    >>> list(steps)
    [(0.0, 0.0), (1.0, 0.5)]
    """
    if not 0 < forget <= 1:
        raise ValueError(f"forget={forget}; expected above 0 and at most 1")
    total = weight = 0.0
    for batch in batches:
        values = [float(value) for value in score(batch)]
        for value in values:
            total, weight = forget * total + value, forget * weight + 1
        learn(batch)
        yield (sum(values) / len(values) if values else float("nan")), (total / weight if weight else float("nan"))
