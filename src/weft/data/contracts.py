"""What the parts on the way of the data promise each other: source, codec, transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from weft.data.keyed import Random

Record = dict[str, Any]
Batch = dict[str, Any]


@runtime_checkable
class Source(Protocol):
    """Raw records by number; a list of dicts is one.

    Optional: ``gather(index) -> batch`` reads many records at once when they are tensors already; ``key(i) -> str`` names a record in a way
    that survives a change of order (``split_by_hash`` uses it).
    """

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Record: ...


@runtime_checkable
class Codec(Protocol):
    """Raw record to tensors and prediction to record; a frozen value, the same in training, predicting and serving.

    Optional: ``pack(record)`` and ``unpack(batch)``, ``encode`` in two steps. What the first makes is small (a picture's bytes), is collated
    by the same ``collate``, and may be moved about by transforms that say ``moves = True``; the second works on the whole batch and makes
    the entries named by ``packed`` anew.
    """

    def fit(self, source: Source) -> Codec:
        """A codec that has learned what it needs (classes, statistics, vocabulary) from training data."""
        ...

    def encode(self, record: Record) -> dict[str, Tensor]:
        """Tensors of one record; ``target`` only when the record carries a label."""
        ...

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        """One batch of encoded records."""
        ...

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """JSON-able records of a batched prediction."""
        ...

    def schema(self) -> dict[str, Any]:
        """JSON schema of a raw input record."""
        ...

    def spec(self) -> dict[str, Any]:
        """``{"name", "args"}``: JSON from which the catalogue rebuilds the codec."""
        ...


@runtime_checkable
class Transform(Protocol):
    """Batch to batch, in training only; ``random`` is keyed by the records of the batch.

    With the class attribute ``raw = True`` it changes one raw record instead, before the codec sees it (words, pictures of different
    sizes); ``random`` is then keyed by that record alone. ``moves = True`` says that values only change places, whatever their type.
    """

    def __call__(self, batch: Batch, random: Random) -> Batch: ...


@runtime_checkable
class Plan(Protocol):
    """Which records form each batch of an epoch: given to a loader in place of ``batch_size``.

    A plan with a memory (scores) has ``state_dict`` and ``load_state_dict``; what it learns counts from the next epoch on.
    """

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        """Record numbers (n,) int64 of each batch, for a source of ``size`` records."""
        ...

    def describe(self) -> dict[str, Any]:
        """What decides the batches, in JSON values; a saved position is only good for an equal description."""
        ...
