"""The members of a tar file, one after the other, whatever is wrong with it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path, PurePosixPath

from weft.data.quality.findings import Problem, Problems

BLOCK = 512
MAX_MEMBER = 50_000_000
NAMES = {b"L", b"x", b"g", b"K"}  # members that only say something about the next one
KINDS = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe", b"S": "a file with holes"}
FILES = {b"0", b"\0", b"7"}


def is_archive(path: Path) -> bool:
    """Whether a file counts as a tar file, by its ending."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz"))


def members(path: Path, problems: Problems, file: str = "") -> Iterator[tuple[str, bytes]]:
    """``(name, content)`` of each ordinary file in a tar archive, also a gzipped one, read once from front to back.

    Problems: ``unreadable`` (a header whose checksum is wrong, an end that is missing), ``unsafe name`` (absolute, or with ``..``; left out),
    ``too large`` (beyond 50 MB; left out), ``not a file`` (links and devices; left out). Nothing is raised and nothing is unpacked to disk.

    >>> import io, tarfile, tempfile
    >>> archive = Path(tempfile.mkdtemp(), "a.tar")
    >>> with tarfile.open(archive, "w") as made:
    ...     item = tarfile.TarInfo("b.txt")
    ...     item.size = 2
    ...     made.addfile(item, io.BytesIO(b"hi"))
    >>> list(members(archive, Problems()))
    [('b.txt', b'hi')]
    """
    try:
        with path.open("rb") as plain:
            stream: BufferedIOBase = gzip.GzipFile(fileobj=plain) if plain.read(2) == b"\x1f\x8b" else plain
            plain.seek(0)
            yield from _walk(stream, problems, file)
    except (OSError, EOFError, zlib.error) as error:
        problems.add(Problem("unreadable", f"cannot be read to its end: {error}", file, severity="error"))


def _walk(stream: BufferedIOBase, problems: Problems, file: str) -> Iterator[tuple[str, bytes]]:
    place, longer = 0, ""

    def broken(what: str) -> None:
        problems.add(Problem("unreadable", f"{what} at byte {place:,}; what follows is not read", file, severity="error"))

    while True:
        head = stream.read(BLOCK)
        if len(head) < BLOCK:
            return broken("the end is missing")
        if not any(head):
            if any(stream.read(BLOCK)):
                broken("one empty block instead of two; more follows")
            return
        size = octal(head[124:136])
        if size is None or octal(head[148:156]) != sum(head) - sum(head[148:156]) + 8 * 32:
            return broken("the header of a member is damaged")
        kind = head[156:157]
        name = longer or member_name(head)
        place += BLOCK
        if kind in NAMES and size <= MAX_MEMBER:
            data = stream.read(size)
            longer = long_name(kind, data) or longer
        elif kind in FILES and size <= MAX_MEMBER and is_inside(name):
            data, longer = stream.read(size), ""
            if len(data) == size:
                yield name, data
        else:
            _refuse(name, kind, size, problems, file)
            data, longer = b"", ""
        skip = -(-size // BLOCK) * BLOCK - len(data)
        if (data and len(data) < size) or not _skipped(stream, skip):
            return broken(f"{name!r} is cut short, in the member that begins")
        place += -(-size // BLOCK) * BLOCK


def _refuse(name: str, kind: bytes, size: int, problems: Problems, file: str) -> None:
    if kind == b"5":  # a folder
        return
    if not is_inside(name):
        problems.add(Problem("unsafe name", f"the member {name!r} would lie outside of the folder", file, severity="error"))
    elif kind in FILES or kind in NAMES:
        problems.add(Problem("too large", f"the member {name!r} has {size:,} bytes; at most {MAX_MEMBER:,} are read", file))
    else:
        problems.add(Problem("not a file", f"the member {name!r} is {KINDS.get(kind, f'of type {kind!r}')}, which is not read", file))


def _skipped(stream: BufferedIOBase, count: int) -> bool:
    while count > 0:
        data = stream.read(min(count, 1 << 20))
        if not data:
            return False
        count -= len(data)
    return True


def octal(field: bytes) -> int | None:
    """A number of a tar header: octal digits, or binary when the first bit is set; None when it is neither.

    >>> octal(b"0000017\\0"), octal(b"9"), octal(b"\\x80\\0\\0\\x05")
    (15, None, 5)
    """
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0")[0].strip()
    return int(digits, 8) if digits and all(48 <= byte < 56 for byte in digits) else (0 if not digits else None)


def member_name(head: bytes) -> str:
    """The name in a header, with its prefix."""
    name = head[:100].split(b"\0")[0].decode("utf-8", "replace")
    prefix = head[345:500].split(b"\0")[0].decode("utf-8", "replace") if head[257:262] == b"ustar" and head[262:263] == b"\0" else ""
    return f"{prefix}/{name}" if prefix else name


def long_name(kind: bytes, data: bytes) -> str:
    """The name that a GNU (L) or a pax (x) member gives to the next one, or nothing."""
    if kind == b"L":
        return data.rstrip(b"\0").decode("utf-8", "replace")
    if kind == b"x":
        for line in data.split(b"\n"):
            key, found, value = line.partition(b" ")[2].partition(b"=")
            if found and key == b"path":
                return value.decode("utf-8", "replace")
    return ""


def is_inside(name: str) -> bool:
    """Whether a member's name stays within the folder into which it would be unpacked.

    >>> is_inside("a/b.txt"), is_inside("../b"), is_inside("/etc/passwd"), is_inside("c:\\\\x")
    (True, False, False, False)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    return bool(name) and "\0" not in name and not path.is_absolute() and ".." not in path.parts and not (len(name) > 1 and name[1] == ":")
