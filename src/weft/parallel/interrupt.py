"""Ending in an orderly way when somebody asks for it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def graceful(ask: Callable[[int], None]) -> Iterator[None]:
    """Call ``ask(number)`` on the first SIGINT or SIGTERM, and say so; a second one ends the program at once.

    Outside the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        print(f"\n{signal.Signals(number).name}: saving a checkpoint after this step (again to leave at once).", file=sys.stderr)
        ask(number)

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
