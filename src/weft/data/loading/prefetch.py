"""Batches made ready while the last one is still being learned from."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from weft.data.batch import move
from weft.data.contracts import Batch


class Prefetch:
    """Reads a loader in a thread, ``depth`` batches ahead, and moves them to ``device``.

    On CUDA the copies run on a stream of their own, beside the computation, and from page-locked memory where the loader gives it. The
    position is that after the last batch handed over, as if nothing had been read ahead. An error in the loader comes out here, once, in
    its place. Leaving the loop early ends the thread.
    Errors: ``ValueError`` for a depth below 1.
    Use when one process reads and the device waits for it; instead of it, ``workers`` of the loader when encoding is the slow part.
    Cost: ``depth`` batches of memory on the device.

    >>> from weft.data import Arrays, Loader
    >>> loader = Prefetch(Loader(Arrays({"input": torch.arange(4.0)}), None, 2))
    >>> [batch["input"].tolist() for batch in loader], loader.state_dict()["epoch"]
    ([[0.0, 1.0], [2.0, 3.0]], 1)
    """

    def __init__(self, loader: Any, device: str | torch.device = "cpu", depth: int = 2) -> None:
        if depth < 1:
            raise ValueError(f"depth={depth}; expected at least 1 batch ahead")
        self.loader, self.device, self.depth = loader, torch.device(device), depth
        self.position: dict[str, Any] | None = None  # None: the loader's own is right

    def __len__(self) -> int:
        return len(self.loader)

    def shard(self, rank: int, world: int) -> Prefetch:
        """A new one over this rank's share."""
        return Prefetch(self.loader.shard(rank, world), self.device, self.depth)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self._rewind()
        self.loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        return self.loader.state_dict() if self.position is None else self.position

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = None
        self.loader.load_state_dict(state)

    def committed(self, state: dict[str, Any]) -> None:
        """A checkpoint with this state is safely on disk."""
        if hasattr(self.loader, "committed"):
            self.loader.committed(state)

    def _rewind(self) -> None:
        """Let the loader stand where the reader of this object stands."""
        if self.position is not None:
            self.loader.load_state_dict(self.position)
            self.position = None

    def __iter__(self) -> Iterator[Batch]:
        self._rewind()
        self.position = self.loader.state_dict()
        ahead: queue.Queue[Ready] = queue.Queue(self.depth)
        stopped = threading.Event()
        reader = threading.Thread(target=self._read, args=(ahead, stopped), name="weft-prefetch")
        reader.start()
        try:
            while True:
                ready = ahead.get()
                if ready.error is not None:
                    raise ready.error
                if ready.batch is None:
                    self.position = None
                    return
                self.position = ready.position
                yield self._arrived(ready)
        finally:
            stopped.set()
            reader.join()

    def _read(self, ahead: queue.Queue[Ready], stopped: threading.Event) -> None:
        side = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        running = iter(self.loader)
        try:
            for batch in running:
                with torch.cuda.stream(side):
                    moved = move(batch, self.device, False)
                    event = side.record_event() if side is not None else None
                if not put(ahead, Ready(moved, self.loader.state_dict(), event), stopped):
                    return
            put(ahead, Ready(None), stopped)
        except BaseException as error:  # handed to the reader of the batches, whatever it is
            put(ahead, Ready(None, error=error), stopped)
        finally:
            if hasattr(running, "close"):
                running.close()

    def _arrived(self, ready: Ready) -> Batch:
        """The batch, safe to use on the current stream."""
        batch: Any = ready.batch
        if ready.event is not None:
            now = torch.cuda.current_stream(self.device)
            now.wait_event(ready.event)
            for value in batch.values():
                if isinstance(value, torch.Tensor):
                    value.record_stream(now)  # its memory is not given away while this stream still reads it
        return batch


@dataclass(frozen=True)
class Ready:
    """A batch on its way, the loader's position after it, and when its copy is done; or the end; or an error."""

    batch: Batch | None
    position: dict[str, Any] | None = None
    event: Any = None
    error: BaseException | None = None


def put(ahead: queue.Queue[Ready], ready: Ready, stopped: threading.Event) -> bool:
    """Whether there was a place before the reader left, or the program ended with a batch still waiting."""
    while not stopped.is_set() and threading.main_thread().is_alive():
        with contextlib.suppress(queue.Full):
            ahead.put(ready, timeout=0.05)
            return True
    return False
