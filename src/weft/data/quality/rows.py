"""Rows of a table file in pieces, going on after whatever is wrong: each fault becomes a problem with its row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from itertools import chain
from pathlib import Path
from typing import Any

from weft.data.quality.findings import Problem, Problems
from weft.data.table import NUMBER

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
PIECE = 5000  # rows at a time
MAX_LINE = 10_000_000  # letters
MAX_COLUMNS = 10_000
BROKEN = re.compile("[\udc80-\udcff]")  # bytes that were not UTF-8, as Python carries them
Piece = tuple[list[int], dict[str, list[Any]]]


def is_table(path: Path) -> bool:
    """Whether a file counts as a table, by its ending."""
    return path.name.lower().removesuffix(".gz").endswith(TABLES)


def pieces(path: Path, problems: Problems, file: str = "") -> Iterator[Piece]:
    """``(row numbers, {column: values})`` of a CSV, TSV, JSON-lines or Parquet file, 5,000 rows at a time; cells of a CSV stay text.

    A row number is the line on which the row begins, in Parquet the row's number from 1. What cannot be read becomes a problem in
    ``problems`` (kinds ``unreadable``, ``header``, ``row``, ``encoding``, ``empty``) and is left out; nothing is raised for a bad file.

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = table.write_text("a,b\\n1,2\\n3\\n4,5\\n")
    >>> found = Problems()
    >>> list(pieces(table, found)), [str(problem) for problem in found]
    ([([2, 4], {'a': ['1', '4'], 'b': ['2', '5']})], ['row 3: 1 cell; expected 2, as in the header'])
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from _parquet(path, problems, file)
        return
    try:
        with _opened(path) as stream:
            if name.endswith((".jsonl", ".ndjson")):
                yield from _json_lines(_lines(stream, problems, file), problems, file)
            else:
                yield from _csv(_lines(stream, problems, file), problems, file)
    except (OSError, EOFError, zlib.error) as error:  # BadGzipFile is an OSError
        problems.add(Problem("unreadable", f"cannot be read to its end: {error}", file, severity="error"))


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    with path.open("rb") as file:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        else:
            yield file


def _lines(stream: BufferedIOBase, problems: Problems, file: str) -> Iterator[str]:
    """Lines of text, none longer than the limit; bytes that are not UTF-8 become U+FFFD."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")  # pyright: ignore[reportArgumentType]
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            what = f"a line is longer than {MAX_LINE:,} characters; the rest is left out"
            problems.add(Problem("unreadable", what, file, number, severity="error"))
            return
        if not line.isascii() and (bad := BROKEN.search(line)):
            byte = ord(bad[0]) - 0xDC00
            problems.add(Problem("encoding", f"byte {byte:#04x} is not UTF-8; save the file as UTF-8", file, number, severity="error"))
            line = BROKEN.sub("\ufffd", line)
        yield line


def _csv(lines: Iterator[str], problems: Problems, file: str) -> Iterator[Piece]:
    head, line_number = "", 0
    for line in lines:
        if line.strip():
            head = line
            break
        line_number += 1
    if not head:
        problems.add(Problem("empty", "holds no rows", file, severity="error"))
        return
    separator = max(",;\t|", key=head.count)
    csv.field_size_limit(MAX_LINE)

    def counted() -> Iterator[str]:
        nonlocal line_number
        for line in chain([head], lines):
            line_number += 1
            yield line

    reader = csv.reader(counted(), delimiter=separator, strict=True)
    header: list[str] = []
    rows: list[int] = []
    cells: list[list[str]] = []
    below = False  # whether anything stands below the header
    while True:
        start = line_number + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            problems.add(Problem("row", f"{error}; is a quotation mark left open?", file, start, severity="error"))
            header, below = header or ["column 1"], True
            continue
        if row is None:
            break
        if not row:
            continue
        if not header:
            header = _header(row, problems, file)
            continue
        below = True
        if len(row) != len(header):
            word = "cell" if len(row) == 1 else "cells"
            problems.add(Problem("row", f"{len(row)} {word}; expected {len(header)}, as in the header", file, start, severity="error"))
            continue
        rows.append(start)
        cells.append([cell.strip() for cell in row])
        if len(rows) == PIECE:
            yield rows, dict(zip(header, map(list, zip(*cells, strict=True)), strict=True))
            rows, cells = [], []
    if not below:
        problems.add(Problem("empty", "holds no rows below its header", file, severity="error"))
    if rows:
        yield rows, dict(zip(header, map(list, zip(*cells, strict=True)), strict=True))


def _header(row: list[str], problems: Problems, file: str) -> list[str]:
    """Column names of their own, with what is wrong about those that stand in the file."""
    names = [cell.strip() for cell in row][:MAX_COLUMNS]
    if len(row) > MAX_COLUMNS:
        problems.add(Problem("header", f"{len(row):,} columns; at most {MAX_COLUMNS:,} are read", file, 1, severity="error"))
    if all(NUMBER.fullmatch(name) for name in names):
        problems.add(Problem("header", f"starts with numbers ({', '.join(names[:5])}); expected a line with column names", file, 1, severity="error"))
    made: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        if not name or name in made:
            what = f"the column {name!r} stands there more than once" if name else f"column {number} has no name"
            problems.add(Problem("header", what, file, 1, severity="error"))
            name = f"{name or 'column'} {number}"
            while name in made:
                name += "_"
        made[name] = None
    return list(made)


def _json_lines(lines: Iterator[str], problems: Problems, file: str) -> Iterator[Piece]:
    rows: list[int] = []
    records: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.add(Problem("row", f"is not JSON: {error}", file, number, severity="error"))
            continue
        if not isinstance(record, dict):
            problems.add(Problem("row", f"holds a {type(record).__name__}; expected an object {{column: value}}", file, number, severity="error"))
            continue
        names |= dict.fromkeys(record)
        if len(names) > MAX_COLUMNS:
            problems.add(Problem("row", f"more than {MAX_COLUMNS:,} columns; the rest is left out", file, number, severity="error"))
            return
        rows.append(number)
        records.append(record)
        if len(rows) == PIECE:
            yield rows, {name: [record.get(name) for record in records] for name in names}
            rows, records = [], []
    if not names:
        problems.add(Problem("empty", "holds no rows", file, severity="error"))
    if rows:
        yield rows, {name: [record.get(name) for record in records] for name in names}


def _parquet(path: Path, problems: Problems, file: str) -> Iterator[Piece]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        problems.add(Problem("not read", "Parquet files need pyarrow: pip install 'weft[table]'", file, severity="note"))
        return
    done = 0
    try:
        size = path.stat().st_size
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True, thrift_string_size_limit=size + 1000) as table:
            names = table.schema_arrow.names
            if not table.metadata.num_rows:
                problems.add(Problem("empty", "holds no rows", file, severity="error"))
            if len(set(names)) < len(names):
                problems.add(Problem("header", "two columns have the same name", file, severity="error"))
                return
            for batch in table.iter_batches(batch_size=PIECE):
                columns = batch.to_pydict()
                if batch.num_rows:
                    yield list(range(done + 1, done + batch.num_rows + 1)), columns
                done += batch.num_rows
            if done != table.metadata.num_rows:
                raise ValueError(f"{done:,} rows; its end says {table.metadata.num_rows:,}")
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        text = str(error).split("\n")[0][:300] or type(error).__name__
        row = done + 1 if done else None
        problems.add(Problem("unreadable", f"is not a whole Parquet file: {text}", file, row, severity="error"))
