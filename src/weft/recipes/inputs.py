"""What people hand to a trained model: files, folders, standard input or fields, read as the records that its codec takes."""

from __future__ import annotations

import io
import json
import os
import shlex
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from weft._lazy import hint
from weft.data import AudioFolder, ImageFolder, Table
from weft.data.text_file import read_text
from weft.observe import Run
from weft.recipes.recipe import classes_of, find, load_file
from weft.recipes.session import Result
from weft.serve import Bundle

ROWS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
MAX_STDIN = 200_000_000
Named = tuple[str, dict[str, Any]]  # where a record comes from, and the record


def opened(path: str | Path, *, own: str | Path | None = None, trust: Iterable[str] | None = None) -> Bundle:
    """The bundle of a finished run, or a bundle file.

    A run's own classes come from its recipe's file (a run is trusted like a script), a bundle's from ``own``, a Python file of yours.
    Raises FileNotFoundError for a path that is neither, ValueError for an unfinished run, BundleError for a bundle that is not whole.
    """
    path = Path(path)
    classes: dict[str, type] = {} if own is None else classes_of(load_file(Path(own).expanduser().resolve()))
    if path.is_dir():
        result = Result.read(path)
        if result.bundle is None:
            raise FileNotFoundError(f"The run {path} is finished but has no bundle.weft; its recipe did not write one.")
        name = str(Run.open(path, read_only=True).spec.get("name", ""))
        if own is None and ".py" in name:
            classes = find(name).own_classes()
        path = result.bundle
    elif not path.exists():
        raise FileNotFoundError(f"There is no run or bundle {str(path)!r}. {near(path)}".rstrip())
    return Bundle.open(path, own=classes, trust=trust)


def near(path: Path) -> str:
    """Runs and bundles beside a path that is not there."""
    if not path.parent.is_dir():
        return f"There is no folder {str(path.parent)!r} either."
    there = [item.name for item in path.parent.iterdir() if item.suffix == ".weft" or (item / "spec.json").is_file()]
    return hint(path.name, there) if there else ""


def records(codec: Any, words: Sequence[str], stdin: BinaryIO) -> list[Named]:
    """The records of files, folders, ``-`` (standard input) and ``field=value`` words, in order, each with the name of where it comes from.

    A codec of pictures or of sounds takes such files and folders of them; a codec of text takes text files (one text each), folders of them,
    lines of standard input, tables with its column, and words with a space in them as the text itself; any other takes the rows of tables
    and JSON lines.
    Raises ValueError when nothing is given or something does not fit, FileNotFoundError for what is not there.
    """
    schema = codec.schema() if callable(getattr(codec, "schema", None)) else {}
    fields = list(schema.get("properties", {}))
    if not words:
        raise ValueError(
            f"There is nothing to predict. Give files or folders, - for standard input, or fields such as {fields[0] if fields else 'input'}=..."
        )
    said = dict(word.split("=", 1) for word in words if is_field(word, fields))
    found = [item for word in words if not is_field(word, fields) for item in _read(word, schema, stdin)]
    if said:
        found.append(("given", {name: typed(value, schema["properties"][name]) for name, value in said.items()}))
    if not found:
        raise ValueError(f"There are no records in {', '.join(words)}.")
    return [(name, {key: value for key, value in record.items() if key in fields} if fields else record) for name, record in found]


def is_field(word: str, fields: Sequence[str]) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name in fields and not os.path.exists(word)


def media_field(schema: Mapping[str, Any], kind: str) -> str | None:
    """The field of a schema that takes files of a kind, "image" or "audio"."""
    return next((name for name, says in schema.get("properties", {}).items() if str(says.get("contentMediaType", "")).startswith(f"{kind}/")), None)


def picture_field(schema: Mapping[str, Any]) -> str | None:
    return media_field(schema, "image")


def sound_field(schema: Mapping[str, Any]) -> str | None:
    return media_field(schema, "audio")


def text_field(schema: Mapping[str, Any]) -> str | None:
    """The field of a schema that is one text and nothing else."""
    properties = schema.get("properties", {})
    if len(properties) != 1:
        return None
    ((name, says),) = properties.items()
    return name if says.get("type") == "string" and "contentMediaType" not in says else None


def _read(word: str, schema: Mapping[str, Any], stdin: BinaryIO) -> list[Named]:
    picture, sound, text = picture_field(schema), sound_field(schema), text_field(schema)
    if word == "-":
        return _from_stdin(stdin, picture or sound, text)
    path = Path(word).expanduser()
    if not os.path.exists(path):  # unlike Path.exists, False for a text that is too long for a file's name
        if text and len(word.split()) > 1 and path.suffix.lower() not in {".txt", *ROWS}:
            return [(word, {text: word})]
        raise FileNotFoundError(f"There is no file or folder {word!r}. {missing_field(word, schema)}".rstrip())
    if path.is_dir():
        return _from_folder(path, picture, sound, text)
    if path.suffix.lower() in ROWS or path.name.lower().endswith(".csv.gz"):
        return rows(path)
    if picture or sound:
        return [(word, {picture or sound or "": path})]
    if text:
        return [(word, {text: read_text(path)})]
    raise ValueError(f"{word!r} is no table; expected a file that ends in {', '.join(ROWS)}.")


def missing_field(word: str, schema: Mapping[str, Any]) -> str:
    """A hint for a word that was meant as a field, or as a text."""
    if "=" in word:
        return f"If it is a field: {hint(word.partition('=')[0], schema.get('properties', {}))}"
    text = text_field(schema)
    return f"If it is the text itself: {text}={shlex.quote(word)}" if text else ""


def _from_folder(path: Path, picture: str | None, sound: str | None, text: str | None) -> list[Named]:
    if picture:
        folder = ImageFolder(path, labels=False)
        return [(str(path / folder.key(i)), {picture: folder[i]["image"]}) for i in range(len(folder))]
    if sound:
        found = AudioFolder(path, labels=False)
        return [(str(path / found.key(i)), {sound: found[i]["audio"]}) for i in range(len(found))]
    if text:
        files = sorted(file for file in path.rglob("*.txt") if file.is_file() and not file.name.startswith("."))
        if not files:
            raise ValueError(f"The folder {str(path)!r} holds no .txt files.")
        return [(str(file), {text: read_text(file)}) for file in files]
    raise ValueError(f"{str(path)!r} is a folder; this model takes rows of a table. Give a file that ends in {', '.join(ROWS)}.")


def _from_stdin(stdin: BinaryIO, media: str | None, text: str | None) -> list[Named]:
    data = stdin.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        raise ValueError(f"Standard input holds more than {MAX_STDIN:,} bytes; give a file.")
    if not data.strip():
        raise ValueError("Standard input is empty; expected a picture, a sound, lines of text, or rows as JSON lines or CSV.")
    if media:
        return [("-", {media: data})]
    if text and not data.lstrip().startswith(b"{"):
        lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read().splitlines()
        return [(f"line {number}", {text: line}) for number, line in enumerate(lines, 1) if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("stdin.jsonl" if data.lstrip().startswith(b"{") else "stdin.csv")
        path.write_bytes(data)
        return [(f"row {name.rpartition(' ')[2]}", record) for name, record in rows(path)]


def rows(path: Path) -> list[Named]:
    table = Table(path)
    return [(f"{path} row {number + 1}", table[number]) for number in range(len(table))]


def typed(value: str, says: Mapping[str, Any]) -> Any:
    """A field's text as its schema wants it."""
    kinds = says.get("type", "string")
    if "string" in (kinds if isinstance(kinds, list) else [kinds]) and "contentMediaType" not in says:
        return value
    if "contentMediaType" in says:
        return Path(value)
    try:
        return json.loads(value)
    except ValueError:
        return value
