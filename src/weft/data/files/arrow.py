"""Arrow columns as tensors, and one place that asks for pyarrow."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft._lazy import hint
from weft.data.contracts import Batch, Record

# torch computes with few unsigned types; the next larger signed one holds every value
WIDER = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


def arrow(part: str = "") -> Any:
    """The module ``pyarrow`` or one of its parts; raises ValueError saying what to install."""
    try:
        return importlib.import_module(f"pyarrow.{part}" if part else "pyarrow")
    except ImportError:
        raise ValueError("Columns of Arrow, Parquet and large CSV files need pyarrow: pip install 'weft[table]'") from None


def check_columns(path: Path | str, wanted: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError with the nearest names for a column that the file does not have."""
    known = list(known)
    for name in wanted:
        if name not in known:
            raise ValueError(f"{str(path)!r} has no column {name!r}. {hint(name, known)}")


def values_of(column: Any, name: str, path: Path | str, missing: str = "stop", first_row: int = 0) -> Tensor | Any:
    """An Arrow column as a tensor; text, dates and lists of different lengths stay an Arrow array.

    float64 becomes float32, the type of networks; lists of one fixed size become rows (N, k). A missing number is NaN with
    ``missing="nan"`` (whole numbers then become float32); with "stop" it raises ValueError naming file, row and column.
    """
    pa = arrow()
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    kind = array.type
    if pa.types.is_fixed_size_list(kind) and is_number(kind.value_type) and not array.null_count:
        return values_of(array.flatten(), name, path, missing, first_row).reshape(len(array), kind.list_size)
    if not is_number(kind):
        return array
    if array.null_count:
        row = first_row + int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        if missing == "stop":
            raise ValueError(f"{str(path)!r}, row {row + 1}, column {name!r} is missing; pass missing='nan' to keep such rows, or 'skip'")
        array = array.cast(pa.float32()) if pa.types.is_boolean(kind) or pa.types.is_floating(kind) else array.cast(pa.float64()).cast(pa.float32())
    numbers = array.to_numpy(zero_copy_only=False)
    if numbers.dtype == np.float64:
        numbers = numbers.astype(np.float32)
    elif numbers.dtype.name in WIDER:
        numbers = numbers.astype(WIDER[numbers.dtype.name])
    return torch.from_numpy(numbers if numbers.flags.writeable else numbers.copy())


def is_number(kind: Any) -> bool:
    """Whether values of an Arrow type become a tensor."""
    types = arrow().types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def taken(values: Tensor | Any, index: Tensor) -> Tensor | list[Any]:
    """Some rows of a column: a tensor, or Python values."""
    if isinstance(values, Tensor):
        return values.index_select(0, index)
    return values.take(arrow().array(index.numpy())).to_pylist()


def one(values: Tensor | Any, i: int) -> Any:
    """One row of a column."""
    return values[i] if isinstance(values, Tensor) else values[i].as_py()


def record_of(columns: Mapping[str, Any], i: int) -> Record:
    """One row of all columns."""
    return {name: one(values, i) for name, values in columns.items()}


def batch_of(table: Any, path: Path | str, missing: str, first_row: int = 0) -> Batch:
    """An Arrow table or record batch as a batch: numbers as tensors, anything else as lists."""
    values = {name: values_of(column, name, path, missing, first_row) for name, column in zip(table.schema.names, table.columns, strict=True)}
    return {name: value if isinstance(value, Tensor) else value.to_pylist() for name, value in values.items()}


def check_missing(missing: str, known: Sequence[str] = ("stop", "nan", "skip")) -> None:
    """Raise ValueError for an unknown policy."""
    if missing not in known:
        raise ValueError(f"missing={missing!r}; expected one of {', '.join(map(repr, known))}")
