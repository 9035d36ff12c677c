"""Columns of a file in memory, read by the batch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Batch, Record
from weft.data.files.arrow import arrow, check_columns, check_missing, is_number, record_of, taken, values_of
from weft.data.files.compressed import PACKED, open_bounded
from weft.data.table import NUMBER
from weft.data.text_file import existing

MISSING = [form for word in ("", "na", "n/a", "nan", "null", "?") for form in dict.fromkeys((word, word.upper(), word.title()))] + ["NaN"]
HEAD = 1_000_000


class Columns:
    """The columns of a CSV, TSV, Parquet or Arrow file as tensors: the fast way from a table to batches.

    Without ``input`` each column is an entry of the record: numbers as tensors (float64 as float32), anything else as Python values. With
    ``input`` the named numeric columns become one vector ``input`` (F,) float32, and ``target`` one column: a number, or text as the number of
    its class (``classes``, sorted). Only what is named is read; ``columns`` names what else to keep. CSV is typed by pyarrow: a column of
    digits is a number even when it starts with zeros ("007" is 7); name it in ``text`` to keep it.
    ``missing``: "stop" raises at an empty number, "nan" keeps it as NaN, "skip" leaves the row out and counts it in ``skipped``. ``ragged``
    says the same of CSV rows of another length ("stop" or "skip").
    The file is read once in each process that uses it; the pickled source is its path. A file that changed since raises ValueError.
    Raises FileNotFoundError; ValueError naming file, row and column.

    Use when a table of numbers fits in memory; instead of it, ``Table`` for typed Python values, ``ParquetFlow`` for more than memory. Cost: one
    pass of pyarrow's reader, four bytes a cell of ``input``. Needs the extra ``table``.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "rows.csv")
    >>> _ = file.write_text("a,b,kind\\n1,2.5,x\\n3,4.5,y\\n")
    >>> source = Columns(file, input=["a", "b"], target="kind")
    >>> source.gather(torch.tensor([1, 0])), source.classes
    ({'input': tensor([[3.0000, 4.5000],
            [1.0000, 2.5000]]), 'target': tensor([1, 0])}, ('x', 'y'))
    """

    def __init__(
        self,
        path: str | Path,
        columns: Sequence[str] | None = None,
        *,
        input: Sequence[str] | None = None,
        target: str | None = None,
        text: Sequence[str] = (),
        missing: str = "stop",
        ragged: str = "stop",
    ) -> None:
        check_missing(missing)
        if ragged not in ("stop", "skip"):
            raise ValueError(f"ragged={ragged!r}; expected 'stop' or 'skip'")
        if isinstance(input, str):
            raise ValueError(f"input={input!r}; expected a list of column names, such as [{input!r}]")
        self.path = existing(path)
        self.input, self.target, self.text = None if input is None else tuple(input), target, tuple(text)
        named = (*(self.input or ()), *((target,) if target is not None else ()), *(columns or ()))
        self.names = None if columns is None and input is None and target is None else tuple(dict.fromkeys(named))
        self.missing, self.ragged = missing, ragged
        self._seal = seal(self.path)
        self._data: dict[str, Any] | None = None
        self.skipped = 0
        self.classes: tuple[str, ...] | None = None
        self._load()

    @property
    def columns(self) -> dict[str, Any]:
        """What a record holds, a tensor or an Arrow array each."""
        if self._data is None:
            if seal(self.path) != self._seal:
                raise ValueError(f"{str(self.path)!r} has changed since it was opened; open it again")
            self._load()
        assert self._data is not None
        return self._data

    def _load(self) -> None:
        table, dropped = read_table(self.path, self.names, self.input or (), self.text, self.ragged)
        if self.missing == "skip":
            table, gaps = without_gaps(table)
            dropped += gaps
        self.skipped = dropped
        if table.num_rows == 0:
            raise ValueError(f"{str(self.path)!r} has no rows to read" + (f"; {dropped} were left out" if dropped else " below its header"))
        data: dict[str, Any] = {}
        if self.input is not None:
            data["input"] = matrix(table.select(list(self.input)), self.path, self.missing)
        for name in table.schema.names:
            if name == self.target and self.input is not None:
                data["target"] = self._target(table[name])
            elif name not in (self.input or ()):
                data[name] = values_of(table[name], name, self.path, self.missing)
        self._data = data

    def _target(self, column: Any) -> Tensor:
        if is_number(column.type):
            return values_of(column, str(self.target), self.path, "stop")
        pa, compute = arrow(), arrow("compute")
        column = column.cast(pa.string())
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise ValueError(f"{str(self.path)!r}, row {row + 1}: the target {self.target!r} is missing; remove the row, or pass missing='skip'")
        self.classes = tuple(sorted(column.unique().to_pylist()))
        numbers = compute.index_in(column, value_set=pa.array(self.classes))
        return values_of(numbers.cast(pa.int64()), str(self.target), self.path)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return record_of(self.columns, i % len(self))

    def gather(self, index: Tensor) -> Batch:
        """The rows of ``index`` as one batch, one operation a column."""
        return {name: taken(values, index) for name, values in self.columns.items()}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_data": None}


def seal(path: Path) -> tuple[int, int]:
    """Size and time of the last change, by which a file is known again."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def matrix(table: Any, path: Path, missing: str) -> Tensor:
    """Numeric columns side by side, (N, F) float32; block by block, so that what is written stays in the processor's cache."""
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if not is_number(column.type):
            raise ValueError(f"{str(path)!r}: the input column {name!r} holds {column.type}, not numbers; a codec such as TableCodec encodes it")
    out = torch.empty(table.num_rows, table.num_columns, dtype=torch.float32)
    start = 0
    for block in table.to_batches(max_chunksize=8192):
        columns = [
            values_of(column, name, path, missing, start).to(torch.float32)
            for name, column in zip(table.schema.names, block.columns, strict=True)
        ]
        torch.stack(columns, 1, out=out[start : start + block.num_rows])
        start += block.num_rows
    return out


def without_gaps(table: Any) -> tuple[Any, int]:
    """The table without rows that lack a value, and how many there were."""
    pa, compute = arrow(), arrow("compute")
    whole = None
    for column in table.columns:
        if column.null_count:
            there = compute.is_valid(column)
            whole = there if whole is None else compute.and_(whole, there)
    if whole is None:
        return table, 0
    kept = table.filter(pa.chunked_array(whole) if isinstance(whole, list) else whole)
    return kept, table.num_rows - kept.num_rows


def read_table(path: Path, names: Sequence[str] | None, numeric: Sequence[str], text: Sequence[str], ragged: str) -> tuple[Any, int]:
    """A file as an Arrow table of the named columns, and the number of ragged rows that were left out."""
    pa = arrow()
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            file = arrow("parquet").ParquetFile(path)
            check_columns(path, names or (), file.schema_arrow.names)
            return file.read(columns=None if names is None else list(names)), 0
        if name.endswith((".arrow", ".feather", ".ipc")):
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            check_columns(path, names or (), table.schema.names)
            return table if names is None else table.select(list(names)), 0
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{str(path)!r} is not a whole {path.suffix[1:]} file: {error}") from error
    if name.removesuffix(path.suffix if path.suffix.lower() in PACKED else "").endswith((".csv", ".tsv", ".txt")):
        return read_csv(path, names, numeric, text, ragged)
    raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; expected .csv, .tsv, .parquet, .arrow or .feather")


def read_csv(path: Path, names: Sequence[str] | None, numeric: Sequence[str], text: Sequence[str], ragged: str) -> tuple[Any, int]:
    """A CSV file as an Arrow table, read in parallel; an error is looked for again row by row, so that it can be named."""
    pa = arrow()
    header, separator = head_of(path)
    check_columns(path, (*(names or ()), *text), header)
    try:
        return parsed(path, separator, names, numeric, text, ragged, threads=True)
    except (pa.ArrowException, OSError) as error:
        why = error
    try:
        return parsed(path, separator, names, numeric, text, ragged, threads=False)
    except (pa.ArrowException, OSError) as error:
        why = error
    raise ValueError(f"{str(path)!r}: {why}. A column whose type changes midway can be kept as text=[...]") from why


def parsed(
    path: Path, separator: str, names: Sequence[str] | None, numeric: Sequence[str], text: Sequence[str], ragged: str, *, threads: bool
) -> tuple[Any, int]:
    """What pyarrow makes of a CSV file."""
    pa, reader = arrow(), arrow("csv")
    left_out: list[int] = []

    def leave_out(row: Any) -> str:
        left_out.append(row.number or 0)
        return "skip"

    types = {column: pa.float32() for column in numeric} | {column: pa.string() for column in text}
    with open_bounded(path) as file:
        table = reader.read_csv(
            file if path.suffix.lower() in PACKED else str(path),
            read_options=reader.ReadOptions(use_threads=threads, block_size=1 << 20),
            parse_options=reader.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=leave_out if ragged == "skip" else None
            ),
            convert_options=reader.ConvertOptions(
                include_columns=list(names or ()), column_types=types, null_values=MISSING, strings_can_be_null=True
            ),
        )
    return table, len(left_out)


def head_of(path: Path) -> tuple[list[str], str]:
    """The column names of a CSV file and its separator: comma, semicolon, tab or bar, whichever its header has most of."""
    with open_bounded(path) as file:
        head = file.read(HEAD)
    text = head.decode("utf-8-sig", "replace").lstrip("\r\n")
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line.strip():
        raise ValueError(f"{str(path)!r} is empty; expected a header line with column names")
    separator = max(",;\t|", key=line.count)
    header = next(csv.reader([line], delimiter=separator))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"{str(path)!r} has the column {twice[0]!r} more than once; give each column its own name")
    if all(NUMBER.fullmatch(name.strip()) for name in header):
        raise ValueError(f"{str(path)!r} starts with numbers ({', '.join(header[:5])}); expected a header line with column names")
    return header, separator
