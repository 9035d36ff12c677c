"""Parquet files larger than memory: by row group, at random and as a flow."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch, Record
from weft.data.files.arrow import arrow, check_columns, check_missing, record_of, taken, values_of
from weft.data.files.per_process import PerProcess
from weft.data.loading.flow import Chain
from weft.data.text_file import existing

ROWS = 4096  # decoded at a time by the flow


class Parquet:
    """The rows of Parquet files at random: a file, a list of them, or a folder of ``*.parquet``.

    Numbers are tensors (float64 as float32), anything else Python values. ``columns`` are read, no others. The last ``keep`` row groups that
    were read stay decoded, so that memory is bounded by theirs; a batch decodes each row group it touches once. ``missing`` "stop" or "nan" is
    what happens at an empty number. Files are opened when first used in a process; the pickled source is their paths and row counts.
    Raises FileNotFoundError; ValueError naming file, row and column, for files of different columns and for files without rows.

    Use when a table is larger than memory and read at random; instead of it, ``Columns`` when it fits, ``parquet_flow`` from front to back.
    Cost: decoding a row group per change of row group; write files with row groups of some ten thousand rows. Needs the extra ``table``.

    >>> import pyarrow, pyarrow.parquet, tempfile
    >>> file = tempfile.mkdtemp() + "/a.parquet"
    >>> pyarrow.parquet.write_table(pyarrow.table({"x": [1.5, 2.5, 3.5], "y": ["a", "b", "c"]}), file, row_group_size=2)
    >>> source = Parquet(file)
    >>> source[2], source.gather(torch.tensor([2, 0]))["x"]
    ({'x': tensor(3.5000), 'y': 'c'}, tensor([3.5000, 1.5000]))
    """

    def __init__(
        self, paths: str | Path | Sequence[str | Path], columns: Sequence[str] | None = None, *, keep: int = 2, missing: str = "stop"
    ) -> None:
        check_missing(missing, ("stop", "nan"))
        if keep < 1:
            raise ValueError(f"keep={keep}; expected at least 1 row group")
        self.paths, self.keep, self.missing = files_of(paths), keep, missing
        self._files = PerProcess(opened, self.paths)
        self.columns = checked_columns(self.paths, self._files(), columns)
        self.groups = [(n, g) for n, file in enumerate(self._files()) for g in range(file.num_row_groups)]
        self.ends = list(accumulate(self._files()[n].metadata.row_group(g).num_rows for n, g in self.groups))
        if not self.ends or not self.ends[-1]:
            raise ValueError(f"{str(self.paths[0])!r} has no rows")
        self._decoded: OrderedDict[int, dict[str, Any]] = OrderedDict()

    @property
    def blocks(self) -> list[int]:
        """The number of rows before the end of each row group; a plan that shuffles blocks reads fastest."""
        return self.ends

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        i %= len(self)
        group = bisect_right(self.ends, i)
        return record_of(self._group(group), i - self._start(group))

    def gather(self, index: Tensor) -> Batch:
        """The rows of ``index`` as one batch; each row group is decoded once."""
        groups = torch.searchsorted(torch.tensor(self.ends), index, right=True)
        parts: dict[str, list[Any]] = {name: [] for name in self.columns}
        places = []
        for group in groups.unique().tolist() or [0]:
            where = (groups == group).nonzero()[:, 0]
            places.append(where)
            for name, values in self._group(group).items():
                parts[name].append(taken(values, index[where] - self._start(group)))
        back = torch.cat(places).argsort()
        return {name: torch.cat(found)[back] if isinstance(found[0], Tensor) else reordered(found, back) for name, found in parts.items()}

    def _start(self, group: int) -> int:
        return self.ends[group - 1] if group else 0

    def _group(self, group: int) -> dict[str, Any]:
        if group in self._decoded:
            self._decoded.move_to_end(group)
            return self._decoded[group]
        while len(self._decoded) >= self.keep:
            self._decoded.popitem(last=False)
        n, number = self.groups[group]
        path = self.paths[n]
        table = damaged(path, lambda: self._files()[n].read_row_group(number, columns=list(self.columns)))
        first = self._start(group) - (self._start(self.groups.index((n, 0))) if number else self._start(group))
        values = {name: values_of(table[name], name, path, self.missing, first) for name in self.columns}
        self._decoded[group] = values
        return values

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoded": OrderedDict()}


def parquet_flow(
    paths: str | Path | Sequence[str | Path], columns: Sequence[str] | None = None, *,
    where: Mapping[str, tuple[Any, Any]] | None = None, shuffle: bool = False, seed: int = 0,
) -> Chain:  # fmt: skip
    """A flow over the rows of Parquet files, row group by row group, as Python values; ``shuffle`` mixes the order of the row groups.

    Only ``columns`` are read. ``where={"year": (2020, 2024)}`` keeps rows whose value lies between the two, ends included; row groups whose own
    statistics exclude that are not read at all. Memory is that of some thousand rows, whatever the file's size.
    Raises FileNotFoundError; ValueError naming the file for an unknown column or a damaged file.

    Use when a table is larger than memory and read from front to back; instead of it, ``Parquet`` at random. Cost: a few microseconds a row.
    Needs the extra ``table``.

    >>> import pyarrow, pyarrow.parquet, tempfile
    >>> file = tempfile.mkdtemp() + "/a.parquet"
    >>> pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2, 3], "y": ["a", "b", "c"]}), file)
    >>> list(parquet_flow(file, where={"x": (2, 9)}))
    [{'x': 2, 'y': 'b'}, {'x': 3, 'y': 'c'}]
    """
    files = files_of(paths)
    handles = opened(files)
    wanted = checked_columns(files, handles, columns)
    check_columns(files[0], where or (), handles[0].schema_arrow.names)
    pieces = [(path, g) for path, file in zip(files, handles, strict=True) for g in range(file.num_row_groups) if may_hold(file, g, where or {})]
    for handle in handles:
        handle.close()
    if not pieces:
        raise ValueError(f"No row group of {str(files[0])!r} has rows where {where}")
    return Chain(pieces, OpenGroup(tuple(wanted), dict(where or {})), shuffle=shuffle, seed=seed, seekable=True)


@dataclass(frozen=True)
class OpenGroup:
    """Reads the rows of one row group, from a row on."""

    columns: tuple[str, ...]
    where: Mapping[str, tuple[Any, Any]]

    def __call__(self, piece: tuple[Path, int], start: int = 0) -> Iterator[Record]:
        path, group = piece
        given = 0
        for block in row_blocks(path, [group], (*self.columns, *(name for name in self.where if name not in self.columns))):
            kept = filtered(block, self.where).select(list(self.columns))
            if given + kept.num_rows > start:
                yield from kept.slice(max(0, start - given)).to_pylist()
            given += kept.num_rows


def row_blocks(path: Path, groups: Sequence[int], columns: Sequence[str], rows: int = ROWS) -> Iterator[Any]:
    """Record batches of some row groups; pages are read through a small buffer, so that not even a column of a row group is in memory whole."""
    file = damaged(path, lambda: arrow("parquet").ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, memory_map=False))
    try:
        blocks = file.iter_batches(batch_size=rows, row_groups=list(groups), columns=list(columns), use_threads=False)
        while (block := damaged(path, lambda: next(blocks, None))) is not None:
            yield block
    finally:
        file.close()


def damaged(path: Path, read: Any) -> Any:
    """What ``read()`` returns; pyarrow's errors become a ValueError that names the file."""
    try:
        return read()
    except (arrow().ArrowException, OSError) as error:
        raise ValueError(f"{str(path)!r} is not a whole Parquet file: {error}") from error


def filtered(block: Any, where: Mapping[str, tuple[Any, Any]]) -> Any:
    """The rows of a record batch that lie in all ranges."""
    compute = arrow("compute")
    for name, (low, high) in where.items():
        column = block.column(block.schema.names.index(name))
        block = block.filter(compute.and_(compute.greater_equal(column, low), compute.less_equal(column, high)))
    return block


def may_hold(file: Any, group: int, where: Mapping[str, tuple[Any, Any]]) -> bool:
    """Whether a row group's statistics leave room for rows in all ranges."""
    meta = file.metadata.row_group(group)
    for n in range(meta.num_columns):
        column = meta.column(n)
        if column.path_in_schema in where and column.statistics is not None and column.statistics.has_min_max:
            low, high = where[column.path_in_schema]
            if column.statistics.max < low or column.statistics.min > high:
                return False
    return meta.num_rows > 0


def files_of(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Existing files: one, several, or those of a folder in the order of their names."""
    if isinstance(paths, str | Path) and Path(paths).is_dir():
        found = sorted(Path(paths).glob("*.parquet"))
        if not found:
            raise ValueError(f"The folder {str(paths)!r} holds no *.parquet files")
        return found
    listed = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not listed:
        raise ValueError("No Parquet files were given")
    return listed


def opened(paths: Sequence[Path]) -> list[Any]:
    """Parquet files, opened; nothing but their ends is read."""
    parquet = arrow("parquet")
    return [damaged(path, lambda path=path: parquet.ParquetFile(path, pre_buffer=False, memory_map=False)) for path in paths]


def checked_columns(paths: Sequence[Path], files: Sequence[Any], columns: Sequence[str] | None) -> tuple[str, ...]:
    """The columns to read, in all files alike."""
    first = files[0].schema_arrow
    for path, file in zip(paths, files, strict=True):
        if not file.schema_arrow.equals(first):
            raise ValueError(f"{str(path)!r} has other columns than {str(paths[0])!r}: {file.schema_arrow.names} and {first.names}, or other types")
    check_columns(paths[0], columns or (), first.names)
    return tuple(first.names if columns is None else columns)


def reordered(parts: list[list[Any]], back: Tensor) -> list[Any]:
    """Lists one after the other, brought into the order that was asked for."""
    flat = [value for part in parts for value in part]
    return [flat[i] for i in back.tolist()]
