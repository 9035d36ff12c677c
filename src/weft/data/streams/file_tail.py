"""Lines of a file that is still being written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.data.contracts import Record

MOST = 1 << 20  # bytes of one line


class FileTail:
    """The lines of a growing file as records ``{"text": line}``, or their JSON objects; the position is a byte.

    An unfinished last line waits for its end. ``idle``: the flow ends when nothing came for that many seconds (None: never). A file that
    was replaced or cut (log rotation) is read anew from its beginning; ``rotations`` counts it.
    Errors: ``ValueError`` naming the line for one that is no JSON object or longer than a mebibyte; ``FileNotFoundError`` when the file does
    not appear within ``idle`` seconds.
    Use when a program appends to a log or an export; instead of it, ``Lines`` for a file that is complete. Cost: it looks every 50 ms.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.txt"
    >>> _ = path.write_text("a\\nb\\nhalf")
    >>> [record["text"] for record in FileTail(path, idle=0)]
    ['a', 'b']
    """

    def __init__(self, path: str | Path, *, form: str = "text", idle: float | None = None) -> None:
        if form not in ("text", "json"):
            raise ValueError(f"form={form!r}; expected 'text' or 'json'")
        self.path, self.form, self.idle = Path(path), form, idle
        self.byte = self.line = self.inode = self.rotations = 0

    def __iter__(self) -> Iterator[Record]:
        last = time.monotonic()
        while True:
            came = False
            for record in self._new():
                came = True
                yield record
            if came:
                last = time.monotonic()
            elif self.idle is not None and time.monotonic() - last >= self.idle:
                if not self.path.exists():
                    raise FileNotFoundError(f"{self.path} did not appear within {self.idle:g} s; check the name, or raise idle")
                return
            else:
                time.sleep(0.05)

    def _new(self) -> Iterator[Record]:
        """Whole lines behind the position."""
        try:
            file = open(self.path, "rb")  # noqa: SIM115 - closed below
        except FileNotFoundError:
            return
        with file:
            stat = os.fstat(file.fileno())
            if (self.inode and stat.st_ino != self.inode) or stat.st_size < self.byte:
                self.byte = self.line = 0
                self.rotations += 1
            self.inode = stat.st_ino
            file.seek(self.byte)
            while True:
                line = file.readline(MOST + 1)
                if len(line) > MOST:
                    raise ValueError(f"{self.path}, line {self.line + 1}: longer than {MOST:,} bytes; split it, or read the file another way")
                if not line.endswith(b"\n"):
                    return
                self.byte, self.line = self.byte + len(line), self.line + 1
                yield self._record(line.rstrip(b"\r\n").decode("utf-8", "replace"))

    def _record(self, text: str) -> Record:
        if self.form == "text":
            return {"text": text}
        try:
            record = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{self.path}, line {self.line}: no JSON ({error}): {text[:80]!r}") from error
        if not isinstance(record, dict):
            raise ValueError(f"{self.path}, line {self.line}: a {type(record).__name__}; expected a JSON object")
        return record

    def state_dict(self) -> dict[str, Any]:
        return {"byte": self.byte, "line": self.line, "inode": self.inode}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.byte, self.line, self.inode = state["byte"], state["line"], state["inode"]
