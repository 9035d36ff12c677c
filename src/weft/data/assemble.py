"""From record numbers to a finished batch: read, encode, collate, transform. Runs in the loader's process or in a worker's."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.arrays import stack
from weft.data.contracts import Batch, Codec, Record, Source, Transform
from weft.data.keyed import Random, hashed
from weft.data.lent import lent

FAILED = "failed"  # key under which a batch tells which records could not be read
TRIES = 10  # records tried in place of one that cannot be read


class RecordError(ValueError):
    """A record could not be read or encoded; ``index`` is its number in the source."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


def encode(source: Source, codec: Codec | None, i: int, change: Callable[[Record], Record] | None = None, *, pack: bool = False) -> Record:
    """Record ``i``, changed if asked and encoded or packed; an error names the record, because a traceback from a worker does not."""
    reading: Any = source
    try:
        record = reading[i]
        if change is not None:
            record = change(record)
        if codec is not None:
            return codec.pack(record) if pack else codec.encode(record)  # type: ignore[attr-defined]
        if isinstance(record, tuple) and len(record) == 2:  # an ordinary torch data set gives pairs
            return {"input": record[0], "target": record[1]}
        return record  # pyright: ignore[reportReturnType]
    except Exception as error:
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise RecordError(f"Record {i}: {text}", i) from error


def packs(codec: Codec | None) -> bool:
    """Whether a codec encodes in two steps, ``pack`` and ``unpack``; one that has inherited them beside an ``encode`` of its own does not."""
    return "pack" in vars(next((kind for kind in type(codec).__mro__ if "encode" in vars(kind)), type(codec)))


def is_raw(transform: Transform) -> bool:
    """Whether a transform changes one raw record before it is encoded, rather than a batch after it."""
    return bool(getattr(transform, "raw", False))


def bare(batch: Batch) -> bool:
    """Whether nothing was read for a batch: of a flow's records, none of which can be read, not even the shapes are known."""
    return not batch.keys() - {"index", FAILED}


@dataclass(frozen=True)
class Failure:
    """An error on its way out of a worker; exceptions themselves do not always survive pickling."""

    message: str
    index: int
    trace: str

    def error(self) -> RecordError:
        error = RecordError(self.message, self.index)
        error.add_note(f"In a worker process:\n{self.trace}")
        return error


@dataclass(frozen=True)
class Assemble:
    """Makes the batch of given record numbers in a given epoch.

    A codec that packs (pictures as bytes) is unpacked as late as its transforms allow: those with ``moves = True`` only bring values to
    other places, so they may come before. When nothing else follows, ``started`` leaves the unpacking to ``finished``, so that a worker
    process hands over the small form.
    """

    source: Source
    codec: Codec | None
    transforms: Sequence[Transform]
    seed: int
    on_error: str = "stop"  # or "skip", "substitute"
    whole: bool = False  # whether a worker also does what ``finished`` does
    passing: bool = False  # whether the source holds this batch's records alone, so that there may be none to take shapes from

    def __call__(self, epoch: int, index: Tensor) -> Batch:
        return self.finished(self.started(epoch, index))

    def finished(self, batch: Batch) -> Batch:
        """What ``started`` has left to do."""
        return self.codec.unpack(batch) if self.late and not bare(batch) else batch  # type: ignore[union-attr]

    @property
    def late(self) -> bool:
        """Whether ``started`` leaves something to ``finished``."""
        return packs(self.codec) and all(is_raw(transform) or getattr(transform, "moves", False) for transform in self.transforms)

    def carried(self, epoch: int, index: Tensor) -> Batch:
        """What a worker process hands over: the small form lies in memory that is used again, since it is unpacked on arrival."""
        if self.whole:
            return self(epoch, index)
        batch = self.started(epoch, index)
        return lent(batch, self.codec.packed) if self.late and not bare(batch) else batch  # type: ignore[union-attr]

    def started(self, epoch: int, index: Tensor) -> Batch:
        """The batch, still packed if no transform needs more."""
        batch, index, failed = self._read(epoch, index)
        packed = packs(self.codec)
        batch["index"] = index
        if failed:  # taken out again by the stream, which counts them
            batch[FAILED] = failed
        if bare(batch):
            return batch
        for number, transform in enumerate(self.transforms):
            if is_raw(transform):
                continue
            if packed and not getattr(transform, "moves", False):
                batch, packed = self.codec.unpack(batch), False  # type: ignore[union-attr]
            batch = transform(batch, Random(self.seed, epoch, index, number))
        return batch

    def _read(self, epoch: int, index: Tensor) -> tuple[Batch, Tensor, list[tuple[int, str]]]:
        """The batch, the numbers of the records that are in it, and those that could not be read."""
        gather = getattr(self.source, "gather", None)
        raw = [(transform, number, Random(self.seed, epoch, index, number)) for number, transform in enumerate(self.transforms) if is_raw(transform)]
        if self.codec is None and gather is not None and not raw:
            return gather(index), index, []

        def change(record: Record, i: int, place: int | None) -> Record:
            for transform, number, random in raw:
                record = transform(record, Random(self.seed, epoch, torch.tensor([i]), number) if place is None else random.row(place))
            return record

        records, numbers, failed = self._readable(epoch, index.tolist(), change if raw else None)
        if self.on_error != "stop":
            index = torch.tensor(numbers, dtype=torch.int64)
        if not records and self.passing and self.on_error != "stop":
            if not failed:  # a rank's share without records: one of another rank's stands for their shape
                records = self._readable(epoch, [0], (lambda record, i, place: change(record, i, None)) if raw else None)[0]
            if not records:
                return {}, index, failed
        if not records:  # a batch without records still needs keys, types and shapes: those of the first that can be read, cut to nothing
            i = 0
            while not records:
                records, _, also = self._readable(epoch, [i], (lambda record, i, place: change(record, i, None)) if raw else None)
                i, failed = i + 1, failed + also
                if i == len(self.source) and not records:
                    raise RecordError(f"None of {i} records can be read; the first: {failed[0][1]}", failed[0][0])
        batch = stack(records) if self.codec is None else self.codec.collate(records)
        return (batch if len(index) else {key: values[:0] for key, values in batch.items()}), index, failed

    def _readable(
        self, epoch: int, numbers: list[int], change: Callable[[Record, int, int | None], Record] | None
    ) -> tuple[list[Record], list[int], list[tuple[int, str]]]:
        """Records, their numbers, and (number, reason) of each that could not be read; the first of those is raised unless told otherwise."""
        records, kept, failed = [], [], []
        for place, wanted in enumerate(numbers):
            for attempt in range(TRIES if self.on_error == "substitute" else 1):
                i = wanted if not attempt else int(hashed(self.seed, epoch, wanted, attempt)) % len(self.source)
                try:
                    do = (lambda record, i=i, at=None if attempt else place: change(record, i, at)) if change else None
                    records.append(encode(self.source, self.codec, i, do, pack=packs(self.codec)))
                    kept.append(i)
                    break
                except RecordError as error:
                    if self.on_error == "stop":
                        raise
                    failed.append((i, str(error)))
        return records, kept, failed

    def __getitem__(self, request: tuple[int, list[int]]) -> Any:
        """What a worker process does with a request; torch calls a data set by this name."""
        epoch, index = request
        try:
            return self.carried(epoch, torch.tensor(index, dtype=torch.int64))
        except RecordError as error:
            return Failure(str(error), error.index, traceback.format_exc())
