"""Requests that come together are computed together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Waiting:
    """One encoded record and the promise of its answer."""

    encoded: Any
    future: Future[Any] = field(default_factory=Future)


class Batcher:
    """A thread that takes what is waiting, up to ``batch`` records, and answers it in one call.

    The first record waits at most ``wait_ms`` for others. When a batch fails, each of its records is tried alone, so that one bad
    record fails alone. A record whose future was cancelled is dropped before it is computed.
    Use when many clients send few records each; cost: ``wait_ms`` for a lone request.

    >>> batcher = Batcher(lambda items: [item * 2 for item in items], batch=8, wait_ms=1)
    >>> [future.result() for future in batcher.submit([1, 2, 3])]
    [2, 4, 6]
    >>> batcher.close()
    """

    def __init__(self, answer: Callable[[Sequence[Any]], Sequence[Any]], batch: int, wait_ms: float):
        self.answer, self.batch, self.wait = answer, batch, wait_ms / 1000
        self.waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self.guard, self.thread, self.closed = threading.Lock(), None, False

    def submit(self, encoded: Iterable[Any]) -> list[Future[Any]]:
        """Queue records; the futures are in their order. The thread starts with the first."""
        items = [Waiting(one) for one in encoded]
        with self.guard:
            if self.closed:
                raise RuntimeError("The server is stopping; nothing more is answered.")
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name="weft-batches", daemon=True)
                self.thread.start()
            for item in items:
                self.waiting.put(item)
        return [item.future for item in items]

    def close(self) -> None:
        """Answer what is queued, then end the thread."""
        with self.guard:
            self.closed = True
            self.waiting.put(None)
        if self.thread is not None:
            self.thread.join()

    def _work(self) -> None:
        last = False
        while not last:
            item = self.waiting.get()
            items: list[Waiting] = []
            until = time.monotonic() + self.wait
            while item is not None:
                items.append(item)
                if len(items) >= self.batch:
                    break
                try:
                    item = self.waiting.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
            last = item is None
            live = [item for item in items if item.future.set_running_or_notify_cancel()]
            if live:
                self._answer(live)

    def _answer(self, items: list[Waiting]) -> None:
        try:
            answers = self.answer([item.encoded for item in items])
        except Exception as error:  # whatever the network raises belongs to whoever asked, and the thread lives on
            if len(items) == 1:
                items[0].future.set_exception(error)
            else:
                for item in items:
                    self._answer([item])
            return
        for item, answer in zip(items, answers, strict=True):
            item.future.set_result(answer)
