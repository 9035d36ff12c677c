"""A handle that belongs to one process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


class PerProcess:
    """What ``open(*given)`` returns, opened when first asked for and anew in every process.

    Handles of HDF5, zip and tar files and of data bases break when two processes share them. So none goes into a pickle (spawn), and one that
    came over a fork is put aside, not closed, because it is the parent's.

    >>> handle = PerProcess(dict, [("a", 1)])
    >>> handle() is handle(), handle()
    (True, {'a': 1})
    """

    def __init__(self, open: Callable[..., Any], *given: Any) -> None:
        self.open, self.given = open, given
        self._handle: Any = None
        self._process = 0
        self._inherited: list[Any] = []

    def __call__(self) -> Any:
        if self._process != os.getpid():
            if self._handle is not None:
                self._inherited.append(self._handle)
            self._handle, self._process = self.open(*self.given), os.getpid()
        return self._handle

    def __getstate__(self) -> dict[str, Any]:
        return {"open": self.open, "given": self.given, "_handle": None, "_process": 0, "_inherited": []}
