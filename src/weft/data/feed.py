"""The feed: batches of any iterable, epoch after epoch, with a position that can be saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from weft.data import random_state
from weft.data.batch import Batch, as_batch


class Feed:
    """Reads ``data`` again and again. ``next()`` yields a batch, or None at the end of an epoch.

    Data that has ``state_dict`` keeps its own position; for any other the feed counts batches and, on resume, starts the epoch again with
    the random states it began with and passes over the batches already seen (exact for a plain ``DataLoader``, also a shuffling one).
    """

    def __init__(self, data: Iterable[Any]):
        if not isinstance(data, Iterable):
            raise TypeError(f"fit got data of type {type(data).__name__}; it needs an iterable of batches, such as a Loader or a list.")
        self.data, self.batches, self.epoch = data, 0, 0
        self.iterator: Iterator[Any] | None = None
        self.keeps_position = hasattr(data, "state_dict") and hasattr(data, "load_state_dict")
        self.beginning: dict[str, Any] | None = None
        self.resuming = False

    def next(self) -> Batch | None:
        if self.iterator is None:
            self._begin()
        assert self.iterator is not None
        try:
            raw = next(self.iterator)
        except StopIteration:
            if self.batches == 0:
                raise ValueError(
                    f"The data ({type(self.data).__name__}) yielded no batch{' in epoch ' + str(self.epoch) if self.epoch else ''}."
                    f" {self._why_empty()}"
                ) from None
            return None
        self.batches += 1
        return as_batch(raw)

    def _why_empty(self) -> str:
        if iter(self.data) is self.data:
            return "It is an iterator that can be read only once; give a list or a loader, or train for one epoch."
        return "Is it empty, or is the batch size larger than the data with drop_last?"

    def _begin(self) -> None:
        if not self.resuming and hasattr(self.data, "set_epoch"):
            self.data.set_epoch(self.epoch)  # type: ignore[attr-defined]
        if not self.keeps_position:
            now = random_state.capture()
            if self.resuming and self.beginning is not None:
                random_state.restore(self.beginning)
                if hasattr(self.data, "set_epoch"):
                    self.data.set_epoch(self.epoch)  # type: ignore[attr-defined]
            else:
                self.beginning = now
        self.iterator = iter(self.data)
        if self.resuming and not self.keeps_position:
            for _ in range(self.batches):
                if next(self.iterator, None) is None:
                    raise ValueError(f"On resume the data ended before batch {self.batches}, where the checkpoint stood. Has the data changed?")
            random_state.restore(now)
        self.resuming = False

    def advance(self) -> None:
        """The epoch is over: begin the next one when asked for a batch."""
        self.epoch += 1
        self.batches, self.iterator = 0, None

    @property
    def once(self) -> bool:
        """Whether the data can be read only once."""
        return iter(self.data) is self.data if self.iterator is None else self.iterator is self.data

    def state_dict(self) -> dict[str, Any]:
        own = self.data.state_dict() if self.keeps_position else None  # type: ignore[attr-defined]
        return {"epoch": self.epoch, "batches": self.batches, "data": own, "beginning": self.beginning}

    def committed(self, state: dict[str, Any]) -> None:
        """A checkpoint with this state is safely on disk: data that must not forget before then, such as a queue, is told."""
        if hasattr(self.data, "committed"):
            self.data.committed(state["data"])  # type: ignore[attr-defined]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.batches, self.beginning, self.iterator, self.resuming = state["epoch"], state["batches"], state["beginning"], None, True
        if self.keeps_position and state["data"] is not None:
            self.data.load_state_dict(state["data"])  # type: ignore[attr-defined]
