"""Reading text files with limits: UTF-8, optionally gzip."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

MAX_BYTES = 2_000_000_000


def existing(path: str | Path) -> Path:
    """The path of a file that is there; raises FileNotFoundError naming its neighbours when only the ending is wrong."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; expected a file")
    if not path.exists():
        if set(path.name) & set("*?"):
            raise FileNotFoundError(f"There is no file {str(path)!r}; names with * are not matched here. Give a list: sorted(Path(...).glob(...))")
        near = sorted(other.name for other in path.parent.glob(f"{glob_safe(path.stem)}.*")) if path.parent.is_dir() else []
        raise FileNotFoundError(f"There is no file {str(path)!r}" + (f". Did you mean {' or '.join(map(repr, near[:3]))}?" if near else ""))
    return path


def glob_safe(name: str) -> str:
    """A file name in which no character is a pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def read_bytes(path: str | Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file, unpacked when its name ends in ``.gz``; raises ValueError beyond ``max_bytes``, counted after unpacking."""
    path = existing(path)
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        try:
            data = file.read(max_bytes + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{str(path)!r} is not a whole gzip file: {error}") from error
    if len(data) > max_bytes:
        raise ValueError(f"{str(path)!r} holds more than {max_bytes:,} bytes; the limit can be raised with max_bytes")
    return data


def read_text(path: str | Path, max_bytes: int = MAX_BYTES) -> str:
    """The text of a UTF-8 file, without a byte-order mark; raises ValueError naming the first bad byte."""
    data = read_bytes(path, max_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is not UTF-8 text: byte {data[error.start]:#04x} at position {error.start}. Save the file as UTF-8"
        ) from error
