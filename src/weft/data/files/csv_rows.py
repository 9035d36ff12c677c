"""Rows of CSV files larger than memory, as a flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weft.data.contracts import Record
from weft.data.files.arrow import arrow, check_columns
from weft.data.files.columns import MISSING, head_of
from weft.data.files.compressed import open_bounded
from weft.data.loading.flow import Chain
from weft.data.text_file import existing

BLOCK = 1 << 20


@dataclass(frozen=True)
class OpenCsv:
    """Reads the rows of one CSV file from front to back."""

    columns: tuple[str, ...]
    text: tuple[str, ...]

    def __call__(self, path: Path) -> Iterator[Record]:
        pa, reader = arrow(), arrow("csv")
        _, separator = head_of(path)
        row = 0
        with open_bounded(path) as file:
            try:
                stream = reader.open_csv(
                    file,
                    read_options=reader.ReadOptions(use_threads=False, block_size=BLOCK),
                    parse_options=reader.ParseOptions(delimiter=separator, newlines_in_values=True),
                    convert_options=reader.ConvertOptions(
                        include_columns=list(self.columns), null_values=MISSING, strings_can_be_null=True,
                        column_types={name: pa.string() for name in self.text},
                    ),
                )  # fmt: skip
                for block in stream:
                    yield from block.to_pylist()
                    row += block.num_rows
            except (pa.ArrowException, OSError) as error:
                raise ValueError(f"{str(path)!r}, after row {row}: {error}. A column whose type changes midway can be kept as text=[...]") from error


def csv_flow(
    paths: str | Path | Sequence[str | Path], columns: Sequence[str] | None = None, *, text: Sequence[str] = (), shuffle: bool = False, seed: int = 0
) -> Chain:
    """A flow over the rows of CSV or TSV files, packed ones (``.gz``, ``.zst``, …) too; ``shuffle`` mixes the order of the files.

    Types are those of the first megabyte, ``text`` names columns to keep as text; an empty cell is None. Memory is that of one block.
    Raises FileNotFoundError; ValueError naming file and row, and for a column that is not there.

    Use when tables are larger than memory; instead of it, ``Columns`` when they fit. Cost: about a microsecond a cell. Needs the extra ``table``.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "rows.csv")
    >>> _ = file.write_text("a,b\\n1,x\\n,y\\n")
    >>> list(csv_flow(file))
    [{'a': 1, 'b': 'x'}, {'a': None, 'b': 'y'}]
    """
    files = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    for path in files:
        header, _ = head_of(path)
        check_columns(path, (*(columns or ()), *text), header)
    return Chain(files, OpenCsv(tuple(columns or ()), tuple(text)), shuffle=shuffle, seed=seed)
