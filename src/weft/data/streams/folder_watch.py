"""Files that appear in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.data.contracts import Record


class FolderWatch:
    """Each file that appears in ``folder`` once, as ``{key: Path}``, oldest first; the position is (time, name) of the last one given out.

    ``pattern`` chooses by name; hidden files and those younger than ``settle`` seconds are left alone, as they may still be written (writers
    do best to write aside and rename). ``idle``: ends when nothing came for that many seconds (None: never).
    Errors: ``FileNotFoundError`` for a missing folder.
    Use when another program drops files; instead of it, ``ImageFolder`` for a folder that is complete. Cost: a listing every 50 ms.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a.png").touch()
    >>> [record["image"].name for record in FolderWatch(folder, "*.png", idle=0, settle=0)]
    ['a.png']
    """

    def __init__(self, folder: str | Path, pattern: str = "*", *, key: str = "image", idle: float | None = None, settle: float = 0.5) -> None:
        self.folder, self.pattern, self.key, self.idle, self.settle = Path(folder), pattern, key, idle, settle
        if not self.folder.is_dir():
            raise FileNotFoundError(f"There is no folder {self.folder}; make it before it is watched")
        self.last: tuple[int, str] = (0, "")

    def __iter__(self) -> Iterator[Record]:
        began = time.monotonic()
        while True:
            new = sorted(self._new())
            for stamp, name in new:
                self.last = (stamp, name)
                yield {self.key: self.folder / name}
            if new:
                began = time.monotonic()
            elif self.idle is not None and time.monotonic() - began >= self.idle:
                return
            else:
                time.sleep(0.05)

    def _new(self) -> Iterator[tuple[int, str]]:
        settled = time.time_ns() - int(self.settle * 1e9)
        for path in self.folder.glob(self.pattern):
            stamp = path.stat().st_mtime_ns
            if (stamp, path.name) > self.last and stamp <= settled and not path.name.startswith(".") and path.is_file():
                yield stamp, path.name

    def state_dict(self) -> dict[str, Any]:
        return {"time": self.last[0], "name": self.last[1]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = (state["time"], state["name"])
