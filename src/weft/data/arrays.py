"""Records that lie in memory as arrays, read by the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Batch, Codec, Record, Source

LARGE = 1 << 22  # bytes from which on NumPy does so


def stack(records: Sequence[Record]) -> Batch:
    """A batch of records: tensors and numbers are stacked, anything else becomes a list.

    Raises ValueError naming the key when shapes or keys differ between records.

    >>> stack([{"input": torch.zeros(2), "name": "a"}, {"input": torch.ones(2), "name": "b"}])["input"].shape
    torch.Size([2, 2])
    """
    if not records:
        raise ValueError("A batch of no records has no shape; give at least one record")
    keys = records[0].keys()
    for i, record in enumerate(records):
        if record.keys() != keys:
            raise ValueError(f"Records of one batch must have the same keys: the first has {sorted(keys)}, number {i} has {sorted(record)}")
    return {key: _column(key, [record[key] for record in records]) for key in keys}


def _column(key: str, values: list[Any]) -> Any:
    if not isinstance(values[0], (Tensor, np.ndarray, np.generic, int, float, bool)):
        return values
    tensors = [torch.as_tensor(value) for value in values]
    if len({tensor.shape for tensor in tensors}) > 1:
        shapes = ", ".join(str(tuple(shape)) for shape in sorted({tensor.shape for tensor in tensors})[:3])
        raise ValueError(f"Records differ in the shape of {key!r}: {shapes}. Give a codec whose collate pads, or bring them to one shape")
    first = tensors[0]
    if first.nbytes * len(tensors) < LARGE or any(t.requires_grad or not t.is_cpu or t.dtype != first.dtype for t in tensors):
        return torch.stack(tensors)
    return torch.stack(tensors, out=room((len(tensors), *first.shape), first.dtype))


def room(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Memory for a batch, not filled. NumPy asks for large pages and torch does not: first touching them costs a quarter as much."""
    return torch.from_numpy(np.empty(math.prod(shape) * dtype.itemsize, np.uint8)).view(dtype).reshape(tuple(shape))


class Arrays:
    """Named arrays of equal first size, one record per row.

    Arrays, tensors and lists of numbers become tensors (shared with NumPy when possible; NumPy's float64 becomes float32, the type of
    networks); lists of anything else stay lists. Batches are gathered in one operation a column, without a Python step per record.
    Raises ValueError for no columns, no rows or different lengths.

    Use when the data fits in memory as tensors; instead of it, a list of dicts for odd records. Cost: the arrays themselves.

    >>> source = Arrays({"input": torch.arange(6.0).reshape(3, 2), "target": [0, 1, 0]})
    >>> len(source), source[-1]["target"].item(), source.gather(torch.tensor([2, 0]))["input"].tolist()
    (3, 0, [[4.0, 5.0], [0.0, 1.0]])
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        if not columns:
            raise ValueError("Arrays got no columns; expected a dict such as {'input': X, 'target': y}")
        self.columns = {name: _rows(name, values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Arrays need columns of equal length, got {lengths}")
        if 0 in lengths.values():
            raise ValueError(f"Arrays got columns without rows: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return {name: values[i] for name, values in self.columns.items()}

    def gather(self, index: Tensor) -> Batch:
        """The rows of ``index`` as one batch."""
        return {name: v[index] if isinstance(v, Tensor) else [v[i] for i in index.tolist()] for name, v in self.columns.items()}


def _rows(name: str, values: Any) -> Tensor | list[Any]:
    if isinstance(values, (int, float)) or getattr(values, "ndim", 1) == 0:
        raise ValueError(f"Column {name!r} is a single number; expected one row per record")
    if isinstance(values, Tensor):
        rows: Any = values.detach()
    elif isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        # torch warns about read-only memory and refuses negative strides and foreign byte orders
        dtype = np.float32 if values.dtype == np.float64 else values.dtype.newbyteorder("=")
        plain = np.ascontiguousarray(values, dtype=dtype)
        rows = torch.from_numpy(plain if plain.flags.writeable else plain.copy())
    else:
        rows = list(values)
        if rows and all(isinstance(value, (int, float, bool, list)) for value in rows):
            rows = torch.tensor(rows)
    return rows


def encoded(source: Source, codec: Codec) -> Arrays:
    """Every record encoded once and kept in memory, so that epochs cost no decoding.

    Use when the encoded data fits in memory; random transforms still run each epoch in the loader. Cost: one pass, and the memory.

    >>> from weft.data.image_codec import ImageCodec
    >>> pictures = Arrays({"image": torch.zeros(4, 8, 8, dtype=torch.uint8), "label": [0, 1, 0, 1]})
    >>> encoded(pictures, ImageCodec(size=8, channels=1).fit(pictures)).columns["input"].shape
    torch.Size([4, 1, 8, 8])
    """
    from weft.data.assemble import encode  # it imports this file

    return Arrays(codec.collate([encode(source, codec, i) for i in range(len(source))]))
