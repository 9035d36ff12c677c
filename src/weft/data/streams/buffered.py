"""A bounded buffer between a flow that comes when it likes and a training that takes its time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from weft.data.contracts import Record
from weft.data.keyed import hashed
from weft.data.loading.flow import Flow, commit

POLICIES = ("block", "drop_oldest", "drop_newest", "sample")


class Buffered:
    """Reads a flow in a thread into at most ``size`` records, and says what happens when they are not fetched fast enough.

    "block" lets the flow wait (nothing is lost), "drop_oldest" and "drop_newest" leave records out, "sample" keeps each record that came
    since the buffer was full with equal probability (reservoir). ``received``, ``given`` and ``dropped`` count; ``longest`` is the fullest
    the buffer was. With "block" the position is that after the last record given out; what is dropped under another policy stays dropped.
    Leaving the loop ends the thread when the flow next gives a record or ends.
    Errors: ``ValueError`` for an unknown policy or a size below 1; an error of the flow comes out in its place.
    Paper: Vitter, 1985, doi:10.1145/3147.3165 (reservoir).
    Use when a source must not wait (sensors, live feeds), or to read ahead of a slow network; else flows wait by themselves. Cost: a thread
    and ``size`` records.

    >>> from weft.data import Chain
    >>> flow = Buffered(Chain([range(3)], lambda piece: [{"x": n} for n in piece]), size=2)
    >>> [record["x"] for record in flow], flow.dropped
    ([0, 1, 2], 0)
    """

    def __init__(self, flow: Flow, size: int = 1000, policy: str = "block", *, seed: int = 0) -> None:
        if policy not in POLICIES or size < 1:
            raise ValueError(f"size={size}, policy={policy!r}; expected at least 1, and one of {', '.join(POLICIES)}")
        self.flow, self.size, self.policy, self.seed = flow, size, policy, seed
        self.received = self.given = self.dropped = self.longest = 0
        self.position: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Record]:
        if self.position is not None:
            self.flow.load_state_dict(self.position)
        self.position = self.flow.state_dict()
        shared = Shared()
        reader = threading.Thread(target=self._read, args=(shared,), name="weft-buffer", daemon=True)
        reader.start()
        try:
            while True:
                with shared.changed:
                    shared.changed.wait_for(lambda: shared.records or shared.over)
                    if not shared.records:
                        if shared.error is not None:
                            raise shared.error
                        self.position = None
                        return
                    record, self.position = shared.records.popleft()
                    self.given += 1
                    shared.changed.notify_all()
                yield record
        finally:
            with shared.changed:
                shared.stopped = True
                shared.changed.notify_all()
            reader.join(timeout=5)

    def _read(self, shared: Shared) -> None:
        try:
            for record in self.flow:
                with shared.changed:
                    self.received += 1
                    if self.policy == "block":
                        shared.changed.wait_for(lambda: len(shared.records) < self.size or shared.stopped)
                    if shared.stopped:
                        return
                    self._put(shared, record)
                    shared.changed.notify_all()
        except BaseException as error:  # handed on to the reader of this flow
            shared.error = error
        finally:
            with shared.changed:
                shared.over = True
                shared.changed.notify_all()

    def _put(self, shared: Shared, record: Record) -> None:
        entry = (record, self.flow.state_dict())
        if len(shared.records) < self.size:
            shared.since = 0
            shared.records.append(entry)
        else:
            self.dropped += 1
            if self.policy == "drop_oldest":
                shared.records.popleft()
                shared.records.append(entry)
            elif self.policy == "sample":
                shared.since += 1
                place = int(hashed(self.seed, self.received)) % (self.size + shared.since)
                if place < self.size:
                    del shared.records[place]
                    shared.records.append(entry)
        self.longest = max(self.longest, len(shared.records))

    def committed(self, state: dict[str, Any]) -> None:
        """A position is safely on disk."""
        commit(self.flow, state)

    def state_dict(self) -> dict[str, Any]:
        return self.flow.state_dict() if self.position is None else self.position

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = None
        self.flow.load_state_dict(state)


class Shared:
    """What the reading thread and the reader of the flow have in common."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.records: deque[tuple[Record, dict[str, Any]]] = deque()
        self.stopped = self.over = False
        self.error: BaseException | None = None
        self.since = 0  # records that came since the buffer was full
