"""Files anywhere: any address that fsspec knows, kept in a local cache."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from weft.data.files.compressed import extra

MAX_BYTES = 50_000_000_000
PIECE = 1 << 20


def cached(
    address: str, *, sha256: str | None = None, folder: str | Path | None = None, max_bytes: int = MAX_BYTES, retries: int = 3,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:  # fmt: skip
    """The local copy of ``s3://…``, ``gs://…``, ``abfs://…``, ``https://…``, ``memory://…`` or any other address that fsspec knows.

    Copied once into ``folder`` (default ``$WEFT_CACHE/remote``), under a name made of the address, and only there when it is whole: its size,
    and with ``sha256`` its content, are checked. A copy that is there is used; give ``sha256`` when the file may change. A broken
    connection is tried again up to ``retries`` times, after 1, 2, 4 … seconds. Chained addresses (``::``) are refused.
    Raises ValueError for a size above ``max_bytes``, a checksum that differs and an unknown kind of address; FileNotFoundError; ConnectionError.

    Use when a source takes a path and the file lies elsewhere; cost: the file's size on the local disk. Needs the extra ``files`` (and the
    package that fsspec names for the kind of storage).

    >>> import fsspec, tempfile
    >>> with fsspec.open("memory://example/a.txt", "wb") as file:
    ...     _ = file.write(b"hello")
    >>> cached("memory://example/a.txt", folder=tempfile.mkdtemp()).read_bytes()
    b'hello'
    """
    system, inside = opened(address)
    name = PurePosixPath(inside).name or "file"
    place = Path(folder) if folder is not None else Path(os.environ.get("WEFT_CACHE") or Path.home() / ".cache" / "weft") / "remote"
    target = place / f"{hashlib.sha256(address.encode()).hexdigest()[:24]}-{name[-80:]}"
    if target.is_file() and (sha256 is None or digest(target) == sha256):
        return target
    place.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        again(lambda: copy(system, inside, aside, max_bytes), address, retries, sleep)
        if sha256 is not None and (found := digest(aside)) != sha256:
            raise ValueError(f"{address} has SHA-256 {found}, expected {sha256}")
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return target


def upload(path: str | Path, address: str, *, retries: int = 3, sleep: Callable[[float], None] = time.sleep) -> None:
    """Copy a local file to an address that fsspec knows; the size there is checked afterwards.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.txt")
    >>> _ = file.write_bytes(b"hello")
    >>> upload(file, "memory://example/b.txt")
    """
    system, inside = opened(address)
    path = Path(path)

    def put() -> None:
        with path.open("rb") as source, system.open(inside, "wb") as target:
            while piece := source.read(PIECE):
                target.write(piece)
        if system.info(inside)["size"] != path.stat().st_size:
            raise OSError("the size there is another than here")

    again(put, address, retries, sleep)


def opened(address: str) -> tuple[Any, str]:
    """The file system of an address and the path in it."""
    fsspec = extra("fsspec")
    if "::" in address or "://" not in address:
        raise ValueError(f"{address!r} is no plain address such as s3://bucket/file or https://host/file")
    try:
        return fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise ValueError(f"{address!r} cannot be used: {error}") from error


def copy(system: Any, inside: str, target: Path, max_bytes: int) -> None:
    """Copy a remote file piece by piece; raises OSError when fewer bytes come than were announced."""
    announced = system.info(inside).get("size")
    if announced is not None and announced > max_bytes:
        raise ValueError(f"{inside!r} has {announced:,} bytes; the limit is {max_bytes:,}")
    size = 0
    with system.open(inside, "rb") as source, target.open("wb") as file:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > max_bytes:
                raise ValueError(f"{inside!r} sends more than {max_bytes:,} bytes")
            file.write(piece)
    if announced is not None and size != announced:
        raise OSError(f"{size:,} of {announced:,} bytes came")


def again(act: Callable[[], None], address: str, retries: int, sleep: Callable[[float], None]) -> None:
    """Do something that may fail on its way, a few times."""
    for attempt in range(retries + 1):
        try:
            act()
            return
        except FileNotFoundError:
            raise FileNotFoundError(f"There is no file at {address}") from None
        except OSError as error:
            if attempt == retries:
                raise ConnectionError(f"{address} cannot be reached, tried {retries + 1} times: {error}") from error
            sleep(2.0**attempt)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
