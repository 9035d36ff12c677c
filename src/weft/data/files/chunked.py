"""Reading rows of arrays that lie in chunks: each chunk is unpacked once, however the rows are ordered."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Batch, Record
from weft.data.files.memory_map import tensor_of


def rows_of(array: Any, index: np.ndarray, block: int) -> np.ndarray:
    """``array[index]`` of an array that reads slices only: one slice a chunk, from its first wanted row to its last."""
    order = np.argsort(index, kind="stable")
    wanted = index[order]
    out: np.ndarray | None = None
    for part in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(wanted // block)) + 1):
        first = int(wanted[part[0]])
        values = array[first : int(wanted[part[-1]]) + 1][wanted[part] - first]
        if out is None:
            out = np.empty((len(index), *values.shape[1:]), values.dtype)
        out[order[part]] = values
    assert out is not None
    return out


def column_of(values: np.ndarray) -> Tensor | list[Any]:
    """Numbers as a tensor, text as str, arrays of different lengths as a list of tensors."""
    if values.dtype.kind in "biuf":
        return tensor_of(values)
    return [value_of(value) for value in values]


def value_of(value: Any) -> Any:
    """One value that is no number: bytes as text, an array as a tensor."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return tensor_of(np.array(value))
    return value if isinstance(value, str) else str(value)


def batch_of(arrays: dict[str, Any], blocks: dict[str, int], index: Tensor) -> Batch:
    """The rows of ``index`` of every array."""
    if not len(index):
        return {name: torch.as_tensor(array[:0]) if array.dtype.kind in "biuf" else [] for name, array in arrays.items()}
    return {name: column_of(rows_of(array, index.numpy(), blocks[name])) for name, array in arrays.items()}


def record_of(arrays: dict[str, Any], i: int) -> Record:
    """Row ``i`` of every array."""
    return {name: column_of(array[i : i + 1])[0] for name, array in arrays.items()}


def check_lengths(path: str, lengths: dict[str, int]) -> int:
    """The common length; raises ValueError for different ones or none."""
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path!r} has arrays of different lengths: {lengths}")
    size = next(iter(lengths.values()), 0)
    if not size:
        raise ValueError(f"{path!r} holds no records under {sorted(lengths)}")
    return size
