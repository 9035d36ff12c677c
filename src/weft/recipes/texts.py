"""Labelled texts: rows of a table, or text files in a folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.data import Source, Table
from weft.data.text_file import read_text


class Texts(list[dict[str, Any]]):
    """Labelled texts in memory; ``skipped`` says what was left out."""

    skipped: Sequence[str] = ()


def labelled_texts(path: Path, *, text: str = "text", label: str = "label", unreadable: str = "stop") -> Source:
    """``{text, label}`` records of a table with these columns, or of a folder: ``reviews/good/1.txt`` has the label ``good``.

    ``unreadable="skip"`` leaves out files that are not UTF-8 or hold no text and rows without text or label, and lists them in ``skipped``.
    Raises FileNotFoundError; ValueError for absent columns (with the nearest), a text or label that is missing, fewer than two class
    folders, and a class folder without texts.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}; expected a table with the columns {text} and {label}, "
            "or a folder with a folder of .txt files for each class."
        )
    if path.is_dir():
        return text_folder(path, text, label, unreadable)
    table = Table(path)
    texts, labels = table.column(text), table.column(label)
    found = Texts({text: str(words), label: answer} for words, answer in zip(texts, labels, strict=True) if words is not None and answer is not None)
    for name, values in ((text, texts), (label, labels)):
        empty = [i for i, value in enumerate(values) if value is None]
        if empty and unreadable == "stop":
            raise ValueError(
                f"{str(path)!r}: the column {name!r} is missing in {len(empty)} rows, the first is row {empty[0] + 1}; fill or remove these rows, "
                "or leave them out with unreadable=skip."
            )
        found.skipped = [*found.skipped, *(f"{str(path)!r}, row {i + 1} has no {name!r}" for i in empty)]
    if not found:
        raise ValueError(f"{str(path)!r}: no row has both {text!r} and {label!r}.")
    return found


def text_folder(path: Path, text: str, label: str, unreadable: str) -> Texts:
    """The texts of class folders, sorted by path."""
    found, skipped = Texts(), []
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for folder in folders:
        files = sorted(file for file in folder.rglob("*.txt") if file.is_file() and not file.name.startswith("."))
        if not files:
            raise ValueError(f"The class folder {str(folder)!r} holds no .txt files; add some or remove the folder.")
        for file in files:
            try:
                words = read_text(file)
                if unreadable == "skip" and not words.strip():
                    raise ValueError(f"{str(file)!r} holds no text")
            except ValueError as error:
                if unreadable == "stop":
                    raise
                skipped.append(str(error))
            else:
                found.append({text: words, label: folder.name, "path": file.relative_to(path).as_posix()})
    if len(folders) < 2:
        raise ValueError(f"{str(path)!r} holds {len(folders)} class folders; expected two or more, each with .txt files.")
    if not found:
        raise ValueError(f"None of the {len(skipped)} texts in {str(path)!r} can be read. The first: {skipped[0]}")
    found.skipped = skipped
    return found
