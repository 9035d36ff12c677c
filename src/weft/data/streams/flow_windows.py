"""Windows over a flow: so many records each, or so many seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Record
from weft.data.loading.flow import Flow, commit, turn


class CountWindows:
    """Windows of ``size`` records, every ``step`` records: one record whose values are those of its records, one after the other.

    Tensors of one shape are stacked (size, …), numbers become a tensor, all else a list. With ``gap``, no window reaches over two records
    whose ``by`` (a time) lie farther apart; what is too short before the gap or the end is left out. The position is that of the oldest record
    still needed, so that after a restart the windows go on exactly, and nothing but numbers is saved.
    Errors: ``ValueError`` for sizes below 1.
    Use for models that see the last records of a stream; instead of it, ``TimeWindows`` when records come unevenly, ``Sliding`` over sequences.
    Cost: ``size`` records of memory.

    >>> from weft.data import Chain
    >>> flow = Chain([range(5)], lambda piece: [{"x": n} for n in piece])
    >>> [window["x"].tolist() for window in CountWindows(flow, size=3, step=2)]
    [[0, 1, 2], [2, 3, 4]]
    """

    def __init__(self, flow: Flow, size: int, step: int = 1, *, gap: float | None = None, by: str = "time") -> None:
        if size < 1 or step < 1 or (gap is not None and gap < 0):
            raise ValueError(f"size={size}, step={step}, gap={gap}; expected at least 1, and a gap that is not negative")
        self.flow, self.size, self.step, self.gap, self.by = flow, size, step, gap, by
        self.epoch = 0
        self.at: dict[str, Any] | None = None  # the flow's position before the next window; None: where the flow stands
        self.skip = 0  # records from there that are passed over

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.at, self.skip = epoch, None, 0
            turn(self.flow, epoch)

    def __iter__(self) -> Iterator[Record]:
        if self.at is not None:
            self.flow.load_state_dict(self.at)
        skip, kept = self.skip, deque[tuple[dict[str, Any], Record]]()
        before = self.flow.state_dict()
        for record in self.flow:
            if skip:
                skip -= 1
            else:
                if kept and self.gap is not None and record[self.by] - kept[-1][1][self.by] > self.gap:
                    kept.clear()
                kept.append((before, record))
            before = self.flow.state_dict()
            if len(kept) < self.size:
                continue
            window = joined([each for _, each in kept])
            skip = max(0, self.step - self.size)
            for _ in range(min(self.step, self.size)):
                kept.popleft()
            self.at, self.skip = (kept[0][0], 0) if kept else (before, skip)
            yield window
        self.epoch, self.at, self.skip = self.epoch + 1, None, 0

    def committed(self, state: dict[str, Any]) -> None:
        commit(self.flow, state["at"])

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "at": self.flow.state_dict() if self.at is None else self.at, "skip": self.skip}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.at, self.skip = state["epoch"], state["at"], state["skip"]
        self.flow.load_state_dict(state["at"])


class TimeWindows:
    """Windows of ``seconds`` by the records' own time ``by``, one beginning every ``step`` seconds, at whole multiples of it.

    A window [start, start + seconds) is given when a record shows that ``lateness`` more seconds have passed, or the flow ends: ``start`` and
    the values of its records in the order of their times, joined as in ``CountWindows``. Windows without records are left out. Records
    that come too late for all their windows are dropped and counted in ``late``. The position is that of the oldest record still needed.
    Errors: ``ValueError`` for a length or step that is not positive, or a step longer than the window (records would be lost).
    Paper: Akidau et al., 2015, doi:10.14778/2824032.2824076 (event time and watermarks).
    Use for events that come unevenly or out of order; instead of it, ``CountWindows``. Cost: the records of the open windows.

    >>> from weft.data import Chain
    >>> flow = Chain([[0, 1, 5, 4, 11]], lambda times: [{"time": t} for t in times])
    >>> [(window["start"], window["time"].tolist()) for window in TimeWindows(flow, 5, lateness=2)]
    [(0, [0, 1, 4]), (5, [5]), (10, [11])]
    """

    def __init__(self, flow: Flow, seconds: float, step: float | None = None, *, by: str = "time", lateness: float = 0.0) -> None:
        step = seconds if step is None else step
        if not 0 < step <= seconds or lateness < 0:
            raise ValueError(f"seconds={seconds}, step={step}, lateness={lateness}; expected 0 < step <= seconds, and a lateness from 0 on")
        self.flow, self.seconds, self.step, self.by, self.lateness = flow, seconds, step, by, lateness
        self.epoch = self.late = 0
        self._begin()

    def _begin(self) -> None:
        self.at: dict[str, Any] | None = None
        self.next: int | None = None  # windows before this one have been given or can hold nothing
        self.counted = 0  # records from ``at`` on of which it is known whether they are late
        self.over = False  # whether the last window has been given, and the flow stands at its next pass

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            self._begin()
            turn(self.flow, epoch)

    def __iter__(self) -> Iterator[Record]:
        if self.at is not None:
            self.flow.load_state_dict(self.at)
        if self.over:
            self.epoch += 1
            self._begin()
            return
        kept: list[tuple[dict[str, Any], Record, int]] = []  # with the position before, and how many records come from there on
        latest, read, known = float("-inf"), 0, self.counted
        before = self.flow.state_dict()
        for record in self.flow:
            read += 1
            time = record[self.by]
            if self.next is not None and time < self.next * self.step:
                self.late += read > known
            else:
                kept.append((before, record, read - 1))
            latest, before = max(latest, time), self.flow.state_dict()
            for window in self._over(kept, latest - self.lateness):
                self._remember(kept, before, read)
                yield window
        for window in self._over(kept, float("inf")):
            self._remember(kept, self.flow.state_dict(), read)
            self.over = not kept
            yield window
        self.epoch += 1
        self._begin()

    def _over(self, kept: list[tuple[dict[str, Any], Record, int]], now: float) -> Iterator[Record]:
        """The windows that have ended at a time, earliest first; what no later window needs is let go."""
        while kept:
            first = min(record[self.by] for _, record, _ in kept)
            number = int((first - self.seconds) // self.step) + 1  # the earliest window that reaches beyond it
            number = number if self.next is None else max(number, self.next)
            start = number * self.step
            if start + self.seconds > now:
                return
            inside = sorted((record for _, record, _ in kept if start <= record[self.by] < start + self.seconds), key=lambda r: r[self.by])
            self.next = number + 1
            kept[:] = [each for each in kept if each[1][self.by] >= self.next * self.step]
            if inside:
                yield {"start": start} | joined(inside)

    def _remember(self, kept: list[tuple[dict[str, Any], Record, int]], before: dict[str, Any], read: int) -> None:
        """The position from which everything that is still needed comes again, and how many records from there on have been counted."""
        self.at, self.counted = (kept[0][0], read - kept[0][2]) if kept else (before, 0)

    def committed(self, state: dict[str, Any]) -> None:
        commit(self.flow, state["at"])

    def state_dict(self) -> dict[str, Any]:
        at = self.flow.state_dict() if self.at is None else self.at
        return {"epoch": self.epoch, "at": at, "next": self.next, "late": self.late, "counted": self.counted, "over": self.over}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("epoch", "at", "next", "late", "counted", "over"):
            setattr(self, name, state[name])
        self.flow.load_state_dict(state["at"])


def joined(records: Sequence[Record]) -> Record:
    """The values of several records under each key: stacked tensors, a tensor of numbers, else a list."""
    made: Record = {}
    for key in records[0]:
        values = [record.get(key) for record in records]
        if all(isinstance(v, Tensor) and v.shape == values[0].shape for v in values):  # type: ignore[union-attr]
            made[key] = torch.stack(values)  # type: ignore[arg-type]
        elif all(isinstance(v, int | float) for v in values):
            made[key] = torch.tensor(values)
        else:
            made[key] = values
    return made
