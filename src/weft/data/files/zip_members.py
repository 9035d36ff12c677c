"""The members of a zip archive, read in place: names checked, sizes bounded, nothing unpacked to the disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from weft.data.files.per_process import PerProcess
from weft.data.text_file import existing

MAX_MEMBER = 200_000_000
MAX_TOTAL = 100_000_000_000


class ZipMembers:
    """Names and bytes of the files in a zip archive; opened anew in each process.

    Raises ValueError naming archive and member for a damaged archive, a name that leads out, a link, a locked member, a name that stands twice,
    a member above ``max_bytes`` and an archive above ``max_total``, counted as unpacked, before anything is.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.zip")
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("a/b.txt", "hello")
    >>> members = ZipMembers(file)
    >>> members.names, members.read("a/b.txt")
    (['a/b.txt'], b'hello')
    """

    def __init__(self, path: str | Path, max_bytes: int = MAX_MEMBER, max_total: int = MAX_TOTAL) -> None:
        self.path, self.max_bytes = existing(path), max_bytes
        self._archive = PerProcess(opened, self.path, max_bytes, max_total)

    @property
    def names(self) -> list[str]:
        """The names of all files, sorted; folders are none."""
        return sorted(member.filename for member in self._archive().infolist() if not member.is_dir())

    def read(self, name: str) -> bytes:
        """The bytes of a file; they are counted again, because what a header says need not be true."""
        where = f"{str(self.path)!r}, member {name!r}"
        try:
            with self._archive().open(name) as file:
                data = file.read(self.max_bytes + 1)
        except KeyError:
            raise ValueError(f"{where} is not there") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise ValueError(f"{where} is damaged: {error}") from error
        if len(data) > self.max_bytes:
            raise ValueError(f"{where} unpacks to more than {self.max_bytes:,} bytes")
        return data


def opened(path: Path, max_bytes: int, max_total: int) -> zipfile.ZipFile:
    """An archive all of whose members may be read."""
    try:
        archive = zipfile.ZipFile(path)  # the caller keeps it
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} is not a whole zip archive: {error}") from error
    seen: set[str] = set()
    total = 0
    for member in archive.infolist():
        name, kind = member.filename, member.external_attr >> 28  # the kind of file as Unix has it, where the archive says so
        where = f"{str(path)!r}, member {name!r}"
        if name.startswith("/") or "\\" in name or ":" in name.split("/")[0] or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{where} has a name that leads out of the archive")
        if kind not in (0, 4, 8):
            raise ValueError(f"{where} is a link or a device; an archive of data holds plain files only")
        if member.flag_bits & 1:
            raise ValueError(f"{where} is locked by a password")
        if name in seen:
            raise ValueError(f"{where} stands there twice")
        if member.file_size > max_bytes:
            raise ValueError(f"{where} unpacks to {member.file_size:,} bytes; the limit is {max_bytes:,}")
        seen.add(name)
        total += member.file_size
    if total > max_total:
        raise ValueError(f"{str(path)!r} unpacks to {total:,} bytes; the limit is {max_total:,}")
    return archive
