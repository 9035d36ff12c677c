"""Runs side by side: what was asked differently, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.observe.markup import raw, tag
from weft.observe.report import flat, headlines
from weft.observe.run import Run
from weft.observe.sections import number, plain


@dataclass(frozen=True)
class Comparison:
    """A table with a row for each run: the arguments in which they differ, then their results. Prints as text; a notebook shows it as a table."""

    runs: tuple[str, ...]
    arguments: Mapping[str, tuple[Any, ...]]
    results: Mapping[str, tuple[Any, ...]]

    def rows(self) -> list[list[str]]:
        """The head and one row for each run, as text; a missing value is empty."""
        columns = {**self.arguments, **self.results}
        return [["run", *columns], *([name, *(shown(values[row]) for values in columns.values())] for row, name in enumerate(self.runs))]

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head, *body = self.rows()
        lines = [tag("tr", {}, *(tag("th", {}, text) for text in head)), *(tag("tr", {}, *(tag("td", {}, text) for text in row)) for row in body)]
        return str(tag("table", {}, raw("".join(lines))))


def compare(runs: Sequence[str | Path | Run]) -> Comparison:
    """Put runs side by side; unfinished ones show their latest metrics.

    Raises ValueError for no run, FileNotFoundError for a directory without one.
    """
    if not runs:
        raise ValueError("There is nothing to compare; give at least one run's directory.")
    opened = [run if isinstance(run, Run) else Run.open(run, read_only=True) for run in runs]
    specs = [flat(run.spec) for run in opened]
    found = [headlines(run.result or {}, run.metrics()) for run in opened]
    asked = table(specs)
    differing = {name: values for name, values in asked.items() if len({repr(value) for value in values}) > 1}
    return Comparison(tuple(str(run.path) for run in opened), differing, table(found))


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Columns in the order in which names first appear; a value that a row does not have is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: tuple(row.get(name) for row in rows) for name in names}


def shown(value: Any) -> str:
    """A cell as text."""
    return "" if value is None else number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else plain(value)
