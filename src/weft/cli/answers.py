"""Answers as a table, JSON, or a CSV file that a spreadsheet can open without harm."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import weft

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a text for a formula
WIDE = 5  # columns of a table; more are for --json and --out


def ask(bundle: Any, verb: str, named: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The bundle's answers; an error names the input instead of its number."""
    if verb == "predict" and hasattr(bundle.codec, "stream"):  # a language model bundled without its writer
        return weft.recipes.continued(bundle, [record.get("text", "") for _, record in named])
    encoded = []
    for name, record in named:
        try:
            encoded.append(bundle.encode(record))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{name}: {error}") from error
    return [answer for start in range(0, len(encoded), 32) for answer in bundle.answer(verb, encoded[start : start + 32])]


def check_target(path: Path) -> None:
    """Raise ValueError for an ending that cannot be written, before any work is done."""
    if path.suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"--out {path}: expected a file that ends in .csv or .json.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {str(path.parent)!r}.")


def write(found: Sequence[Mapping[str, Any]], path: Path) -> None:
    """A .csv or .json file, whole or not at all."""
    from weft.engine import write_bytes

    check_target(path)
    text = json.dumps(list(found), indent=2, ensure_ascii=False) if path.suffix.lower() == ".json" else csv_text(found)
    write_bytes(path, text.encode())


def csv_text(found: Sequence[Mapping[str, Any]]) -> str:
    """One line an answer; nested values become columns such as ``scores.cat``.

    >>> print(csv_text([{"input": "=1+1", "label": "cat", "scores": {"cat": 0.9}}]), end="")
    input,label,scores.cat
    '=1+1,cat,0.9
    """
    rows = [flat(answer) for answer in found]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # its own line ends, so that cells with either of them are quoted
    writer.writerow([harmless(name) for name in columns])
    writer.writerows([harmless(row.get(name, "")) for name in columns] for row in rows)
    return file.getvalue()


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def flat(answer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names, lists as JSON."""
    found: dict[str, Any] = {}
    for name, value in answer.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = json.dumps(value) if isinstance(value, list) else value
    return found


def show(found: Sequence[Mapping[str, Any]]) -> None:
    """A table for people; what is nested is left to --json and --out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = [name for name, value in found[0].items() if not isinstance(value, Mapping)][:WIDE]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(Text(printable(name)), justify="right" if isinstance(found[0][name], int | float) else "left", overflow="fold")
    for answer in found:
        table.add_row(*(Text(shown(answer.get(name))) for name in columns))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    Console(file=sys.stdout, width=width, highlight=False, markup=False).print(table)


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """Without control characters, which could rewrite a terminal; line breaks stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
