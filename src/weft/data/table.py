"""A table file as a source."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft._lazy import hint
from weft.data.contracts import Record
from weft.data.text_file import existing, read_text

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|(0|[1-9]\d*)?\.\d+|(0|[1-9]\d*)\.)([eE][+-]?\d+)?|[+-]?(inf|Inf|INF|infinity)")
MAX_CELL = 10_000_000


class Table:
    """The rows of a CSV, TSV, JSON-lines or Parquet file: ``{column: value}``.

    A text column in which every value reads as a number becomes numbers ("007" stays text); empty cells, NA, N/A, NaN, null and ? become
    None. The separator of a CSV is found in its header: comma, semicolon, tab or bar. ``columns`` keeps only these. Parquet needs the extra
    ``table``.
    Raises FileNotFoundError; ValueError for an empty table, a header with repeated or only numeric names, a row of another length, or a
    column that is not there (with the nearest names).

    Use when rows fit in memory; cost: one Python value per cell.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "people.csv")
    >>> _ = file.write_text("age,city\\n20,Rome\\n,Oslo\\n")
    >>> list(Table(file))
    [{'age': 20, 'city': 'Rome'}, {'age': None, 'city': 'Oslo'}]
    """

    def __init__(self, path: str | Path, columns: Sequence[str] | None = None) -> None:
        self.path = existing(path)
        name = self.path.name.lower().removesuffix(".gz")
        if name.endswith(".parquet"):
            table = read_parquet(self.path)
        elif name.endswith((".jsonl", ".ndjson")):
            table = read_json_lines(self.path)
        elif name.endswith((".csv", ".tsv", ".txt")):
            table = read_csv(self.path)
        else:
            raise ValueError(f"{str(path)!r} ends in {self.path.suffix!r}; expected .csv, .tsv, .jsonl or .parquet")
        if not table or not len(next(iter(table.values()))):
            raise ValueError(f"{str(path)!r} has no rows below its header")
        self.table = table
        if columns is not None:
            self.table = {name: self.column(name) for name in columns}
        self.columns = tuple(self.table)

    def column(self, name: str) -> list[Any]:
        """All values of a column; raises ValueError with the nearest names when there is none of this name."""
        if name not in self.table:
            raise ValueError(f"{str(self.path)!r} has no column {name!r}. {hint(name, self.table)}")
        return self.table[name]

    def __len__(self) -> int:
        return len(next(iter(self.table.values())))

    def __getitem__(self, i: int) -> Record:
        return {name: values[i] for name, values in self.table.items()}

    def key(self, i: int) -> str:
        """The row's content, so that equal rows stay on one side of a split."""
        return json.dumps(self[i], sort_keys=True, default=str)


def read_csv(path: Path) -> dict[str, list[Any]]:
    """The typed columns of a CSV file."""
    text = read_text(path)
    if not text.strip():
        raise ValueError(f"{str(path)!r} is empty; expected a header line with column names")
    head = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(",;\t|", key=head.count)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(f"{str(path)!r}, line {reader.line_num}: {error}; is a quotation mark left open?") from error
    header = [name.strip() for name in rows[0][1]]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"{str(path)!r} has the column {twice[0]!r} more than once; give each column its own name")
    if all(NUMBER.fullmatch(name) for name in header):
        raise ValueError(f"{str(path)!r} starts with numbers ({', '.join(header[:5])}); expected a header line with column names")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{str(path)!r}, line {line}: {len(row)} cells; expected {len(header)}, as in the header")
    return {name: typed([row[i].strip() for _, row in rows[1:]]) for i, name in enumerate(header)}


def typed(cells: list[str]) -> list[Any]:
    """Text cells as int, float or text, one type for the whole column, and None where the value is missing.

    >>> typed(["1", "", "3"]), typed(["1", "2.5"]), typed(["007", "12"])
    ([1, None, 3], [1.0, 2.5], ['007', '12'])
    """
    present = [cell for cell in cells if cell.lower() not in MISSING]
    if present and all(NUMBER.fullmatch(cell) for cell in present):
        whole = all(re.fullmatch(r"[+-]?\d{1,18}", cell) for cell in present)
        return [None if cell.lower() in MISSING else int(cell) if whole else float(cell) for cell in cells]
    return [None if cell.lower() in MISSING else cell for cell in cells]


def read_json_lines(path: Path) -> dict[str, list[Any]]:
    """The columns of a file with one JSON object per line."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{str(path)!r}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{str(path)!r}, line {number} holds a {type(row).__name__}; expected an object {{column: value}}")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [missing_as_none(row.get(name)) for row in rows] for name in names}


def read_parquet(path: Path) -> dict[str, list[Any]]:
    """The columns of a Parquet file."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError("Parquet files need pyarrow: pip install 'weft[table]'") from None
    try:
        columns = pyarrow.parquet.read_table(path).to_pydict()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{str(path)!r} is not a whole Parquet file: {error}") from error
    return {name: [missing_as_none(value) for value in values] for name, values in columns.items()}


def missing_as_none(value: Any) -> Any:
    """None for NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
