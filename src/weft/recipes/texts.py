"""Labelled texts: rows of a table, or text files in a folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.data import Source, Table
from weft.data.text_file import read_text


def labelled_texts(path: Path, *, text: str = "text", label: str = "label") -> Source:
    """``{text, label}`` records of a table with these columns, or of a folder: ``reviews/good/1.txt`` has the label ``good``.

    Raises FileNotFoundError; ValueError for absent columns (with the nearest), a text or label that is missing, fewer than two class
    folders, and a class folder without texts.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}; expected a table with the columns {text} and {label}, "
            "or a folder with a folder of .txt files for each class."
        )
    if path.is_dir():
        return text_folder(path, text, label)
    table = Table(path)
    texts, labels = table.column(text), table.column(label)
    for name, values in ((text, texts), (label, labels)):
        empty = [i for i, value in enumerate(values) if value is None]
        if empty:
            raise ValueError(
                f"{str(path)!r}: the column {name!r} is missing in {len(empty)} rows, the first is row {empty[0] + 1}; fill or remove these rows."
            )
    return [{text: str(words), label: answer} for words, answer in zip(texts, labels, strict=True)]


def text_folder(path: Path, text: str, label: str) -> list[dict[str, Any]]:
    """The texts of class folders, sorted by path."""
    found = []
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for folder in folders:
        files = sorted(file for file in folder.rglob("*.txt") if file.is_file() and not file.name.startswith("."))
        if not files:
            raise ValueError(f"The class folder {str(folder)!r} holds no .txt files; add some or remove the folder.")
        found += [{text: read_text(file), label: folder.name, "path": file.relative_to(path).as_posix()} for file in files]
    if len(folders) < 2:
        raise ValueError(f"{str(path)!r} holds {len(folders)} class folders; expected two or more, each with .txt files.")
    return found
