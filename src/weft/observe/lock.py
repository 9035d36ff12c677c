"""One process at a time in a run's directory."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import time
import warnings
import weakref
from pathlib import Path
from typing import Any

HELD: weakref.WeakSet[Lock] = weakref.WeakSet()
GRACE = 2.0  # seconds to wait for the system to free the lock of a process that has just died


class LockedError(RuntimeError):
    """The directory is in use."""


class Lock:
    """A file that says who works here, locked by the system (``flock``) while that process lives.

    The system frees the lock when its holder dies, however it dies; the file it leaves is taken over with a warning. Forked children (loader workers)
    do not keep it. Raises LockedError naming the process when the lock is held.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> first = Lock(folder)
    >>> try:
    ...     Lock(folder)
    ... except LockedError as error:
    ...     print(str(error).partition(" is ")[2][:24])
    in use by this process (
    >>> first.release()
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / "lock"
        self.descriptor: int | None = None
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            before = self.acquire(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if before and before.get("pid") != os.getpid():
            warnings.warn(
                f"{self.path.parent}: took over the lock of process {before.get('pid')}, which has ended without releasing it.", stacklevel=3
            )
        self.descriptor = descriptor
        content = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content.encode(), 0)
        HELD.add(self)

    def acquire(self, descriptor: int) -> dict[str, Any]:
        """Lock, and return what the file said before; wait a little when its holder is dead but the system has not noticed."""
        deadline = time.monotonic() + GRACE
        while True:
            said = read(descriptor)
            if try_lock(descriptor, said):
                return said
            if said.get("host") != socket.gethostname() or alive(said.get("pid")) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        raise LockedError(
            f"{self.path.parent} is in use by {who(said)}. Two runs cannot share a directory: wait for it, stop it, or choose another directory."
        )

    def release(self) -> None:
        """Free the lock and remove what the file says; a second call does nothing."""
        if self.descriptor is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)
        self.descriptor = None
        HELD.discard(self)

    def __del__(self) -> None:
        if getattr(self, "descriptor", None) is not None:
            self.release()


def release_all() -> None:
    """At the end of a program that closed nothing: leave no trace of a holder."""
    for lock in list(HELD):
        lock.release()


def try_lock(descriptor: int, said: dict[str, Any]) -> bool:
    """Lock the open file; False when another holds it."""
    try:
        import fcntl
    except ImportError:  # no flock on this system: the process id in the file has to do
        return said.get("pid") is None or not alive(said["pid"])
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read(descriptor: int) -> dict[str, Any]:
    """What the holder wrote into the file; empty when that is no JSON object."""
    try:
        said = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def alive(pid: Any) -> bool:
    """Whether a process with this number runs here."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def who(said: dict[str, Any]) -> str:
    """The holder, in words."""
    if said.get("pid") == os.getpid() and said.get("host") == socket.gethostname():
        return f"this process (since {said.get('since')})"
    return f"process {said.get('pid', 'unknown')} on {said.get('host', 'this machine')} (since {said.get('since', 'unknown')})"


def forget_in_child() -> None:
    """A forked child shares its parent's lock through the open file; closing the copy leaves the lock with the parent alone."""
    for lock in list(HELD):
        if lock.descriptor is not None:
            os.close(lock.descriptor)
            lock.descriptor = None
    HELD.clear()


atexit.register(release_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_in_child)
