"""Records to batches: padding with masks, pictures of different sizes, nests of anything, and the choice between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Batch

IGNORE = -100
FILL = {"input": 0, "attend": False, "segments": 0, "target": IGNORE, "labels": IGNORE}


def collate_nested(values: Sequence[Any]) -> Any:
    """One value of many alike: tensors, arrays and numbers are stacked, dicts, tuples, named tuples, dataclasses and lists go in, the rest is a list.

    Values that are all None stay None. Raises ValueError naming the place where shapes, keys or lengths differ.

    >>> collate_nested([{"x": 1, "name": "a", "pair": (1.0, None)}, {"x": 2, "name": "b", "pair": (2.0, None)}])
    {'x': tensor([1, 2]), 'name': ['a', 'b'], 'pair': (tensor([1., 2.]), None)}
    """
    if not values:
        raise ValueError("A batch of no records has no shape; give at least one record")
    return _nested(list(values), "the records")


def _nested(values: list[Any], where: str) -> Any:
    first = values[0]
    if all(value is None for value in values):
        return None
    if isinstance(first, Tensor | np.ndarray | np.generic | int | float | bool):
        return _stacked(values, where)
    if isinstance(first, Mapping):
        _alike(values, where, lambda value: sorted(map(str, value)), "the keys")
        return {key: _nested([value[key] for value in values], f"{where} under {key!r}") for key in first}
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        names = [item.name for item in dataclasses.fields(first)]
        return type(first)(**{name: _nested([getattr(value, name) for value in values], f"{where} under {name!r}") for name in names})
    if isinstance(first, tuple | list):
        _alike(values, where, len, "the length")
        items = [_nested([value[i] for value in values], f"{where} at {i}") for i in range(len(first))]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    return values


def _alike(values: list[Any], where: str, of: Callable[[Any], Any], what: str) -> None:
    strange = next((value for value in values if not isinstance(value, type(values[0])) or of(value) != of(values[0])), None)
    if strange is not None:
        came = of(strange) if isinstance(strange, type(values[0])) else type(strange).__name__
        raise ValueError(f"In {where}, {what} of the first is {of(values[0])}, of another {came}. Bring them to one form")


def _stacked(values: list[Any], where: str) -> Tensor:
    if any(value is None or isinstance(value, str | Mapping) for value in values):
        raise ValueError(f"In {where}, some values are numbers and some are not. Every record needs the same keys with the same kind of value")
    tensors = [torch.as_tensor(value) for value in values]
    shapes = sorted({tuple(tensor.shape) for tensor in tensors})
    if len(shapes) > 1:
        raise ValueError(f"In {where}, shapes differ: {', '.join(map(str, shapes[:3]))}. Bring them to one shape, or give a collate that pads")
    return torch.stack(tensors)


@dataclass(frozen=True)
class PadCollate:
    """Pad sequences of different lengths to one batch, each field in one allocation.

    ``fill`` names the fields that are padded and what with; targets with -100, since 0 is a class. Fields of ``fill`` without a length (a class
    number) and all others are collated as they are. Where records have no ``attend``, it is made: (B, T), True at what was there. ``length`` pads,
    and cuts, to a fixed length; else the longest record decides, rounded up to a multiple of ``multiple_of``. Sequences may be tensors, arrays or
    lists, of any type; (T, ...) is padded along T.
    Shapes: records {name: (T, ...)} -> {name: (B, T_max, ...)}. Raises ValueError when fields of one record differ in length.

    Use for texts and sequences; instead of it, ``pack_documents`` where padding costs too much. Cost: one copy.

    >>> batch = PadCollate()([{"input": [5, 6, 7], "target": [1, 1, 0]}, {"input": [8], "target": [1]}])
    >>> batch["input"].tolist(), batch["attend"].tolist(), batch["target"][1].tolist()
    ([[5, 6, 7], [8, 0, 0]], [[True, True, True], [True, False, False]], [1, -100, -100])
    """

    fill: Mapping[str, float] = field(default_factory=lambda: dict(FILL))
    side: str = "right"
    multiple_of: int = 1
    length: int | None = None

    def __post_init__(self) -> None:
        if self.side not in ("left", "right"):
            raise ValueError(f"side={self.side!r}; expected 'left' or 'right'")
        if self.multiple_of < 1 or (self.length is not None and self.length < 0):
            raise ValueError(f"multiple_of={self.multiple_of}, length={self.length}; expected at least 1 and at least 0")

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> Batch:
        if not records:
            raise ValueError("A batch of no records has no shape; give at least one record")
        columns = {name: [torch.as_tensor(record[name]) for record in records] for name in self.fill if name in records[0]}
        padded = {name: values for name, values in columns.items() if values[0].ndim > 0}
        if not padded:
            raise ValueError(f"No field to pad: the records have {sorted(records[0])}, fill names {sorted(self.fill)}")
        lengths = [len(value) for value in next(iter(padded.values()))]
        for name, values in padded.items():
            for number, (value, length) in enumerate(zip(values, lengths, strict=True)):
                if value.ndim == 0 or len(value) != length:
                    other = f"{next(iter(padded))!r} has {length} items"
                    raise ValueError(f"Record {number} of the batch: {name!r} has shape {tuple(value.shape)}, but {other}")
        rest = [{name: value for name, value in record.items() if name not in padded} for record in records]
        batch: Batch = collate_nested(rest) if rest[0] else {}
        size = self._size(lengths)
        if "attend" not in padded:
            padded["attend"] = [torch.ones(length, dtype=torch.bool) for length in lengths]
        return batch | {name: self._pad(values, size, self.fill.get(name, 0)) for name, values in padded.items()}

    def _size(self, lengths: Sequence[int]) -> int:
        size = max(lengths) if self.length is None else self.length
        return -(-size // self.multiple_of) * self.multiple_of

    def _pad(self, values: list[Tensor], size: int, fill: float) -> Tensor:
        like = next((value for value in values if value.numel()), values[0])  # an empty list has become float
        out = like.new_full((len(values), size, *like.shape[1:]), fill)
        for row, value in enumerate(values):
            value = value[:size]
            if len(value):
                out[row, slice(len(value)) if self.side == "right" else slice(size - len(value), size)] = value
        return out


@dataclass(frozen=True)
class PadPictures:
    """Pictures of different sizes as one batch: padded at the right and below with ``fill``, ``mask`` (B, H, W) True at what was there.

    Shapes: ``input`` (C, H, W) each -> (B, C, H_max, W_max). Other fields are collated as they are.
    Raises ValueError for pictures that differ in their channels, grey among coloured ones: what they should become is not for a batch to guess.

    Use when cutting or scaling would hurt, as in detection; instead of it, one size for all. Cost: one copy, and the padding's share of the network.

    >>> batch = PadPictures()([{"input": torch.ones(3, 2, 2)}, {"input": torch.ones(3, 1, 3)}])
    >>> batch["input"].shape, batch["mask"].sum((1, 2)).tolist()
    (torch.Size([2, 3, 2, 3]), [4, 3])
    """

    fill: float = 0.0

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> Batch:
        pictures = [torch.as_tensor(record["input"]) for record in records]
        shapes = [tuple(picture.shape) for picture in pictures]
        if any(picture.ndim != 3 for picture in pictures) or len({shape[0] for shape in shapes}) > 1:
            came = ", ".join(map(str, sorted(set(shapes))[:4]))
            raise ValueError(f"Pictures of one batch are (C, H, W) with the same C; got {came}. Convert them first")
        height, width = (max(shape[axis] for shape in shapes) for axis in (1, 2))
        out = pictures[0].new_full((len(pictures), shapes[0][0], height, width), self.fill)
        mask = torch.zeros(len(pictures), height, width, dtype=torch.bool)
        for row, picture in enumerate(pictures):
            _, h, w = picture.shape
            out[row, :, :h, :w], mask[row, :h, :w] = picture, True
        rest = [{name: value for name, value in record.items() if name != "input"} for record in records]
        return (collate_nested(rest) if rest[0] else {}) | {"input": out, "mask": mask}


def _inputs(records: Sequence[Any]) -> list[Tensor] | None:
    """The main value of each record, when all are numbers: a record's ``input``, the first of a pair, or the record."""
    values = [r.get("input") if isinstance(r, Mapping) else r[0] if isinstance(r, tuple) and r else r for r in records]
    if not all(isinstance(v, Tensor | np.ndarray) or (isinstance(v, list) and all(isinstance(n, int | float) for n in v)) for v in values):
        return None
    return [torch.as_tensor(value) for value in values]


def is_variable_length(records: Sequence[Any]) -> bool:
    """Whether the records are sequences, one-dimensional, of different lengths.

    >>> is_variable_length([{"input": [1, 2]}, {"input": [3]}]), is_variable_length([torch.zeros(3, 8, 8), torch.zeros(1, 4, 4)])
    (True, False)
    """
    values = _inputs(records)
    return values is not None and all(v.ndim == 1 for v in values) and len({len(v) for v in values}) > 1


def is_pictures(records: Sequence[Any]) -> bool:
    """Whether the records are pictures: of at least two dimensions, float or uint8."""
    values = _inputs(records)
    return values is not None and all(v.ndim >= 2 and (v.is_floating_point() or v.dtype == torch.uint8) for v in values)


def is_ragged_pictures(records: Sequence[Any]) -> bool:
    """Whether the records are pictures of more than one shape."""
    values = _inputs(records) or []
    return is_pictures(records) and len({v.shape for v in values}) > 1


Rule = tuple[Callable[[Sequence[Any]], bool], Callable[[Sequence[Any]], Any]]


@dataclass(frozen=True)
class AdaptiveCollate:
    """The collate of the first rule whose predicate holds for the records, else ``default``.

    By default pictures of different sizes are padded as pictures, sequences of different lengths as sequences, and the rest is stacked; so
    pictures never come to the collate of texts. Raises whatever the chosen collate raises.

    Use when one loader brings several kinds of records; instead of it, the collate itself. Cost: a look at each record's shape.

    >>> batch = AdaptiveCollate()([{"input": [1, 2]}, {"input": [3]}])
    >>> batch["input"].tolist()
    [[1, 2], [3, 0]]
    """

    rules: Sequence[Rule] = ((is_ragged_pictures, PadPictures()), (is_variable_length, PadCollate()))
    default: Callable[[Sequence[Any]], Any] = collate_nested

    def __call__(self, records: Sequence[Any]) -> Any:
        for holds, collate in self.rules:
            if holds(records):
                return collate(records)
        return self.default(records)
