"""What the parts on the way of the data promise each other: source, codec, transform."""

from __future__ import annotations

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
    """Raw record to tensors and prediction to record; a frozen value, the same in training, predicting and serving."""

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
    """Batch to batch, in training only; ``random`` is keyed by the records of the batch."""

    def __call__(self, batch: Batch, random: Random) -> Batch: ...
