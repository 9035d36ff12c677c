"""The deterministic loader: every record once an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Codec, Plan, Source, Transform
from weft.data.keyed import shuffled
from weft.data.stream import Stream


class Loader(Stream):
    """Batches of a source, the same for any number of workers, resumable in mid-epoch.

    The order is keyed by (seed, epoch), a record's augmentation by (seed, epoch, index, transform). Each batch carries ``index``, the
    record numbers. In place of ``batch_size`` a ``Plan`` says which records form each batch (buckets by length, class balance, curriculum);
    ``shuffle`` and ``drop_last`` are then its business. Without a codec, a source with ``gather`` (``Arrays``, ``Windows``) is read by the batch.
    Raises ValueError for an empty source or sizes below one, and ``RecordError`` naming the record that could not be read.

    Use when each record should be seen once an epoch; instead of it, ``PoissonLoader`` for private training. Cost: with ``workers``, that
    many processes with two batches each in flight.

    >>> from weft.data import Arrays
    >>> loader = Loader(Arrays({"input": torch.arange(5.0)}), batch_size=2, shuffle=True, seed=3)
    >>> len(loader), sorted(i for batch in loader for i in batch["index"].tolist())
    (3, [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        source: Source,
        codec: Codec | None = None,
        batch_size: int | Plan = 32,
        *,
        shuffle: bool = False,
        seed: int = 0,
        transforms: Sequence[Transform] = (),
        workers: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(source, codec, transforms, seed, workers)
        self.planned: tuple[tuple[int, Any], Sequence[Tensor]] | None = None
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        if not isinstance(batch_size, int):
            if not isinstance(batch_size, Plan):
                raise TypeError(f"batch_size={batch_size!r}; expected a number of records or a plan such as Buckets(lengths, 32)")
            if shuffle or drop_last:
                raise ValueError(f"shuffle and drop_last are decided by the plan {type(batch_size).__name__}; give them to it if it has them")
            return
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}; expected at least 1")
        if drop_last and len(source) < batch_size:
            raise ValueError(f"drop_last with batch_size={batch_size} leaves nothing of {len(source)} records; take a smaller batch")

    def __len__(self) -> int:
        size = len(self.source)
        if not isinstance(self.batch_size, int):
            return len(self._planned(self._epoch))
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def _planned(self, epoch: int) -> Sequence[Tensor]:
        """The plan's batches of an epoch, made once."""
        plan: Any = self.batch_size
        key = (epoch, plan.describe())
        if self.planned is None or self.planned[0] != key:
            self.planned = key, plan.batches(len(self.source), self.seed, epoch)
        return self.planned[1]

    def batches(self, epoch: int, start: int) -> Iterator[Tensor]:
        if not isinstance(self.batch_size, int):
            yield from self._planned(epoch)[start:]
            return
        size = len(self.source)
        order = shuffled(size, self.seed, epoch) if self.shuffle else torch.arange(size)
        for number in range(start, len(self)):
            yield order[number * self.batch_size : (number + 1) * self.batch_size]

    def state_dict(self) -> dict[str, Any]:
        memory = {"memory": self.batch_size.state_dict()} if hasattr(self.batch_size, "state_dict") else {}  # type: ignore[union-attr]
        return super().state_dict() | memory

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.planned = None
        if "memory" in state:
            self.batch_size.load_state_dict(state["memory"])  # type: ignore[union-attr]

    def plan(self) -> dict[str, Any]:
        if not isinstance(self.batch_size, int):
            return {"records": len(self.source), "seed": self.seed, "plan": type(self.batch_size).__name__, **self.batch_size.describe()}
        return {
            "records": len(self.source),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "drop_last": self.drop_last,
        }
