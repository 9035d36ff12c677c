"""Paths and files of data: found in one order everywhere, whatever their spelling, written and held safely."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from weft._lazy import hint


def hidden(name: str) -> bool:
    """Whether a file or folder is left out: dot files, and what macOS puts into archives."""
    return name.startswith(".") or name == "__MACOSX"


def find_files(root: str | Path, pattern: str = "*", *, extensions: Sequence[str] = (), links: bool = False) -> list[Path]:
    """The files below a folder, at any depth, in the order of their ``normal_name``: the same on every machine, whatever made them first.

    ``pattern`` is that of the file's name (``img_*.png``) and ``extensions`` its endings, both whatever the case; hidden files and folders
    are left out. With ``links`` folders behind symbolic links are entered too, each folder once, so that a loop of links ends.
    Raises FileNotFoundError for a missing folder, NotADirectoryError for a file, ValueError for an ending without its dot.

    Use in place of ``glob``, whose order is that of the disk. Cost: a look at every folder.

    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.PNG", "a.png", ".c.png", "d.txt"):
    ...     _ = (folder / name).write_bytes(b"")
    >>> [file.name for file in find_files(folder, extensions=(".png",))]
    ['a.png', 'b.PNG']
    """
    root = Path(root)
    undotted = [ending for ending in extensions if not ending.startswith(".")]
    if undotted:
        raise ValueError(f"The ending {undotted[0]!r} has no dot; write {'.' + undotted[0]!r}")
    if not root.is_dir():
        kind = NotADirectoryError if root.exists() else FileNotFoundError
        raise kind(f"{str(root)!r} is {'a file' if root.exists() else 'not there'}; expected a folder")
    endings, wanted = {ending.lower() for ending in extensions}, pattern.lower()
    found, entered = [], {identity(root)}
    for place, folders, names in os.walk(root, followlinks=links):
        folders[:] = [name for name in folders if not hidden(name) and (not links or fresh(Path(place, name), entered))]
        for name in names:
            if not hidden(name) and fnmatch.fnmatchcase(name.lower(), wanted) and (not endings or Path(name).suffix.lower() in endings):
                file = Path(place, name)
                if file.is_file():
                    found.append(file)
    return sorted(found, key=lambda file: (normal_name(file.relative_to(root).as_posix()), file.as_posix()))


def identity(folder: Path) -> tuple[int, int]:
    """What a folder is, by whatever name it was reached."""
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def fresh(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Whether a folder has not been entered before; it counts as entered now. A link that leads nowhere is not."""
    try:
        which = identity(folder)
    except OSError:
        return False
    if which in entered:
        return False
    entered.add(which)
    return True


def normal_name(name: str) -> str:
    """A relative path as one spelling: forward slashes, no ``.`` and no empty steps, composed characters (NFC).

    >>> normal_name("a\\\\b/./c//d"), normal_name("e" + chr(0x301)) == chr(0xE9)
    ('a/b/c/d', True)
    """
    steps = unicodedata.normalize("NFC", name.replace("\\", "/")).split("/")
    return "/".join(step for step in steps if step not in ("", "."))


def find_path(path: str | Path) -> Path:
    """The file or folder of this name, or the only one whose name differs in upper and lower case or in its Unicode form alone.

    Raises FileNotFoundError with the nearest names; ValueError when several differ in case alone, since a guess might be wrong.
    Use for names in lists that were made on another system. Cost: a listing of each folder that is not spelled exactly.

    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "Images").mkdir()
    >>> find_path(folder / "images").name
    'Images'
    """
    path = Path(path)
    if path.exists():
        return path
    here = Path(path.anchor) if path.anchor else Path()
    for step in path.parts[1 if path.anchor else 0 :]:
        if (here / step).exists():
            here = here / step
            continue
        names = sorted(os.listdir(here)) if here.is_dir() else []
        alike = [name for name in names if folded(name) == folded(step)]
        if len(alike) > 1:
            raise ValueError(f"{str(here / step)!r} may be {' or '.join(map(repr, alike))}, which differ in case alone; write it exactly")
        if not alike:
            raise FileNotFoundError(f"There is no {step!r} in {str(here)!r}. {hint(step, names) if names else 'Nothing is there.'}")
        here = here / alike[0]
    return here


def folded(name: str) -> str:
    """A name without its case and its form of composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def made_folder(path: str | Path) -> Path:
    """The folder, made with those above it where it is missing; two processes may do so at once.

    Raises FileExistsError naming the file that stands in its way.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        blocking = next((part for part in (path, *path.parents) if part.exists() and not part.is_dir()), path)
        raise FileExistsError(f"{str(blocking)!r} is a file; {str(path)!r} needs a folder there. Move it, or choose another") from error
    return path


@contextlib.contextmanager
def scratch_file(suffix: str = "", folder: str | Path | None = None) -> Iterator[Path]:
    """An empty file of a name that nobody can foresee and no other process has; at the end it is removed, if it is still there.

    >>> with scratch_file(".png") as file:
    ...     there = file.exists()
    >>> there, file.exists(), file.suffix
    (True, False, '.png')
    """
    handle, name = tempfile.mkstemp(suffix, "weft-", folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def held(path: str | Path, seconds: float = 30.0) -> Iterator[None]:
    """Hold a file as a lock, made where it is missing: one process at a time (and one thread, since each opens it anew), others wait.

    The system frees it when the holder dies, however it dies. The file stays, so that nobody locks one that another has just removed.
    Raises TimeoutError after ``seconds``; OSError where the system has no such locks (a few network disks).

    >>> with scratch_file() as file, held(file):
    ...     pass
    """
    end = time.monotonic() + seconds
    with open(path, "a+b") as file:
        while not locked(file):
            if time.monotonic() > end:
                raise TimeoutError(f"{str(path)!r} has been held by another process for {seconds:g} s; does it hang? End it, or wait longer")
            time.sleep(0.01)
        try:
            yield
        finally:
            unlocked(file)


def locked(file: Any) -> bool:
    """Whether the open file is this process's now."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlocked(file: Any) -> None:
    """Give a locked file back."""
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)
