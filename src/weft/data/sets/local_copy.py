"""Copies of data sets that the user brings: what lacks is named with its publisher, what leads out of the folder is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from weft.data.text_file import MAX_BYTES, existing, read_text


def whole_copy(path: str | Path, files: Sequence[str], publisher: str) -> Path:
    """The folder of a copy that has all these files or folders; raises FileNotFoundError naming what lacks and where it is published.

    >>> whole_copy("nowhere", ["train.csv"], "https://example.org (CC0)")
    Traceback (most recent call last):
    FileNotFoundError: There is no folder 'nowhere'; expected a copy with train.csv, published at https://example.org (CC0)
    """
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {str(path)!r}; expected a copy with {', '.join(files)}, published at {publisher}")
    if not folder.is_dir():
        raise ValueError(f"{str(path)!r} is a file; expected the folder with {', '.join(files)}, unpacked")
    lacking = [file for file in files if not (folder / file).exists()]
    if lacking:
        raise FileNotFoundError(f"{str(path)!r} lacks {', '.join(lacking)}; published at {publisher}")
    return folder


def inside(folder: Path, name: object, where: str) -> Path:
    """The path of a file that a data set names; raises ValueError for a name that leads out of the folder.

    >>> inside(Path("a"), "../b.jpg", "list.txt")
    Traceback (most recent call last):
    ValueError: list.txt names the file '../b.jpg', which leads out of 'a'
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{where} names the file {name!r}; expected a text")
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        raise ValueError(f"{where} names the file {name!r}, which leads out of {str(folder)!r}")
    return folder / parts


def read_json(path: str | Path, max_bytes: int = MAX_BYTES) -> Any:
    """The content of a JSON file; raises ValueError naming it where it is broken, nested without end or too large."""
    text = read_text(existing(path), max_bytes)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number with more digits than Python reads
        raise ValueError(f"{str(path)!r} is not whole JSON: {error}") from error


def chosen(part: str, parts: Sequence[str]) -> str:
    """The part, when there is one of this name.

    >>> chosen("dev", ["train", "test"])
    Traceback (most recent call last):
    ValueError: part='dev'; expected 'train' or 'test'
    """
    if part not in parts:
        raise ValueError(f"part={part!r}; expected {' or '.join(map(repr, parts))}")
    return part
