"""JSON lines as a source and as a flow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from weft.data.contracts import Record
from weft.data.files.columns import seal
from weft.data.files.compressed import PACKED, open_bounded
from weft.data.files.per_process import PerProcess
from weft.data.loading.flow import Chain
from weft.data.text_file import existing

MAX_LINE = 50_000_000


class JsonLines:
    """The objects of a file with one JSON object a line, read at random: only the places of the lines are kept, eight bytes each.

    Empty lines are left out. ``columns`` keeps only these, absent ones as None. ``unreadable="skip"`` reads everything once now and leaves out
    the lines that are no objects, listed in ``skipped``; "stop" raises when such a line is read. The pickled source is its path.
    Raises FileNotFoundError; ValueError naming file and line for what is not JSON, not UTF-8 or longer than ``max_line`` bytes, for a file
    without records, and for one that changed since it was opened.

    Use when a file is larger than memory, or records are nested; instead of it, ``Table`` for flat records in memory, ``json_lines_flow`` for packed
    files. Cost: one pass to find the lines, then one read a record.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.jsonl")
    >>> _ = file.write_text('{"text": "one"}\\n\\n{"text": "two", "tags": ["x"]}\\n')
    >>> source = JsonLines(file)
    >>> len(source), source[-1]
    (2, {'text': 'two', 'tags': ['x']})
    """

    def __init__(self, path: str | Path, columns: Sequence[str] | None = None, *, unreadable: str = "stop", max_line: int = MAX_LINE) -> None:
        self.path, self.columns, self.max_line = existing(path), columns, max_line
        if unreadable not in ("stop", "skip"):
            raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
        if self.path.suffix.lower() in PACKED:
            raise ValueError(f"{str(path)!r} is packed and can only be read from front to back: use json_lines_flow, or unpack it")
        self.unreadable = unreadable
        self._seal = seal(self.path)
        self._lines = PerProcess(lines_of, self.path, unreadable, max_line, self._seal)
        self.skipped: list[str] = self._lines()[1]
        if not len(self):
            bad = f"; the first of {len(self.skipped)} bad lines: {self.skipped[0]}" if self.skipped else ""
            raise ValueError(f"{str(path)!r} holds no records{bad}")

    def __len__(self) -> int:
        return len(self._lines()[0])

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        number, start, size = self._lines()[0][i].tolist()
        if seal(self.path) != self._seal:
            raise ValueError(f"{str(self.path)!r} has changed since it was opened; open it again")
        with self.path.open("rb") as file:
            file.seek(start)
            return parsed(file.read(size), f"{str(self.path)!r}, line {number}", self.columns)


def parsed(line: bytes, where: str, columns: Sequence[str] | None) -> Record:
    """The object of a line; raises ValueError saying where it stands."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{where} holds a {type(record).__name__}; expected an object {{name: value}}")
    return record if columns is None else {name: record.get(name) for name in columns}


def numbered(file: Any, where: str, max_line: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, start and bytes of every line that is not empty."""
    number = start = 0
    while line := file.readline(max_line + 1):
        number += 1
        if len(line) > max_line:
            raise ValueError(f"{where}, line {number} is longer than {max_line:,} bytes; the limit can be raised with max_line")
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            yield number, start + len(line) - len(text), text
        start += len(line)


def lines_of(path: Path, unreadable: str, max_line: int, seen: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """(number, start, size) of every line, and what was found wrong with those that were left out."""
    if seal(path) != seen:
        raise ValueError(f"{str(path)!r} has changed since it was opened; open it again")
    places, skipped = [], []
    with path.open("rb") as file:
        for number, start, line in numbered(file, repr(str(path)), max_line):
            if unreadable == "skip":
                try:
                    parsed(line, f"{str(path)!r}, line {number}", None)
                except ValueError as error:
                    skipped.append(str(error))
                    continue
            places.append((number, start, len(line)))
    return np.array(places, np.int64).reshape(-1, 3), skipped


@dataclass(frozen=True)
class OpenLines:
    """Reads the objects of one file from front to back."""

    columns: Sequence[str] | None
    unreadable: str
    max_line: int
    skipped: list[str] = field(default_factory=list)

    def __call__(self, path: Path) -> Iterator[Record]:
        with open_bounded(path) as file:
            for number, _, line in numbered(file, repr(str(path)), self.max_line):
                try:
                    record = parsed(line, f"{str(path)!r}, line {number}", self.columns)
                except ValueError as error:
                    if self.unreadable == "stop":
                        raise
                    self.skipped.append(str(error))
                    continue
                yield record


def json_lines_flow(
    paths: str | Path | Sequence[str | Path], columns: Sequence[str] | None = None, *,
    shuffle: bool = False, seed: int = 0, unreadable: str = "stop", max_line: int = MAX_LINE,
) -> Chain:  # fmt: skip
    """A flow over files of JSON lines, packed ones (``.gz``, ``.zst``, …) too; ``shuffle`` mixes the order of the files.

    ``unreadable="skip"`` leaves bad lines out; ``flow.open.skipped`` lists them.

    Use when files are packed or too many to index. Cost: one line in memory.

    >>> import gzip, tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.jsonl.gz")
    >>> _ = file.write_bytes(gzip.compress(b'{"x": 1}\\n{"x": 2}\\n'))
    >>> list(json_lines_flow(file))
    [{'x': 1}, {'x': 2}]
    """
    if unreadable not in ("stop", "skip"):
        raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
    files = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    return Chain(files, OpenLines(columns, unreadable, max_line), shuffle=shuffle, seed=seed)
