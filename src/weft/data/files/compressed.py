"""Compressed files, read as they come, with a bound on what they unpack to."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zlib
from pathlib import Path
from typing import Any

from weft.data.text_file import existing

MAX_BYTES = 10_000_000_000
PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4")
MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz", b"\x28\xb5\x2f\xfd": ".zst", b"\x04\x22\x4d\x18": ".lz4"}
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, RuntimeError)


class Bounded(io.RawIOBase):
    """The unpacked bytes of a compressed stream; raises ValueError beyond ``max_bytes`` and for a damaged file, naming it."""

    def __init__(self, stream: Any, name: str, max_bytes: int, errors: tuple[type[BaseException], ...] = BROKEN) -> None:
        self.stream, self.file, self.max_bytes, self.errors = stream, name, max_bytes, errors
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.stream.read(len(buffer))
        except self.errors as error:
            raise ValueError(f"{self.file!r} is damaged or cut short after {self.taken:,} unpacked bytes: {error}") from error
        self.taken += len(data)
        if self.taken > self.max_bytes:
            raise ValueError(f"{self.file!r} unpacks to more than {self.max_bytes:,} bytes; the limit can be raised with max_bytes")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()


def open_bounded(path: str | Path, max_bytes: int = MAX_BYTES) -> Any:
    """A binary file for reading; ``.gz``, ``.bz2``, ``.xz``, ``.zst`` and ``.lz4`` are unpacked on the way, at most ``max_bytes`` of them.

    The format is taken from the first bytes, the ending only says that there is one. Memory stays that of one buffer. zst and lz4 need the
    extra ``files``. Raises ValueError naming the file when it is damaged, cut short, or unpacks to more.

    >>> import gzip, tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.txt.gz")
    >>> _ = file.write_bytes(gzip.compress(b"hello"))
    >>> with open_bounded(file) as stream:
    ...     stream.read()
    b'hello'
    """
    path = existing(path)
    if path.suffix.lower() not in PACKED:
        return path.open("rb")
    with path.open("rb") as file:
        head = file.read(6)
    kind = next((ending for magic, ending in MAGIC.items() if head.startswith(magic)), None)
    if kind is None:
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r} but starts with {head.hex() or 'nothing'}, as no packed file does")
    stream, errors = unpacker(path, kind)
    return io.BufferedReader(Bounded(stream, str(path), max_bytes, errors), 1 << 18)


def unpacker(path: Path, kind: str) -> tuple[Any, tuple[type[BaseException], ...]]:
    """An unpacking stream and the errors that it raises for a damaged file."""
    if kind == ".gz":
        return gzip.open(path), BROKEN
    if kind == ".bz2":
        return bz2.open(path), BROKEN
    if kind == ".xz":
        return lzma.open(path), BROKEN
    if kind == ".zst":
        zstandard = extra("zstandard")
        check_frames(path)
        # the window, and so the memory, is what the file asks for: at most 128 MB
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        return reader, (*BROKEN, zstandard.ZstdError)
    return extra("lz4.frame").open(path), BROKEN


def check_frames(path: Path) -> None:
    """Walk over the blocks of a zstd file without unpacking them; raises ValueError when it ends inside one.

    The library's reader takes a file that is cut short for one that ends there. Format: RFC 8878, section 3.1.
    """
    end = path.stat().st_size
    with path.open("rb") as file:

        def number(size: int) -> int:
            data = file.read(size)
            if len(data) < size:
                raise ValueError(f"{str(path)!r} is cut short: it ends inside a zstd frame, at byte {end:,}")
            return int.from_bytes(data, "little")

        while file.tell() < end:
            magic = number(4)
            if magic & 0xFFFFFFF0 == 0x184D2A50:  # a frame to skip
                file.seek(number(4), 1)
            elif magic == 0xFD2FB528:
                flags = number(1)
                single, last = flags >> 5 & 1, False
                file.seek((1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6], 1)
                while not last:
                    block = number(3)
                    last = bool(block & 1)
                    file.seek(1 if block >> 1 & 3 == 1 else block >> 3, 1)
                file.seek(4 * (flags >> 2 & 1), 1)
            else:
                raise ValueError(f"{str(path)!r} is damaged at byte {file.tell() - 4:,}: no zstd frame starts there")
            if file.tell() > end:
                raise ValueError(f"{str(path)!r} is cut short: it ends inside a zstd frame, at byte {end:,}")


def extra(module: str) -> Any:
    """A module of the extra ``files``; raises ValueError saying what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"This needs the package {module.split('.')[0]}: pip install 'weft[files]'") from None
