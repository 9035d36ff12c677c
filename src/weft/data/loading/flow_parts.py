"""A part of a flow, and several flows side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.data.contracts import Record
from weft.data.loading.flow import Flow, commit, turn


class Taken:
    """The first ``count`` records of each pass of a flow.

    After them the next pass begins where this flow was first given, in its next epoch. A flow that ends earlier is given whole.
    Errors: ``ValueError`` for a count below 1.
    Use for an epoch of so many records, a trial on a few, or with ``Skipped`` for two parts of one flow that does not shuffle (one that does
    puts other records into them in each epoch); instead of it, ``Subset`` over a source. Cost: none.

    >>> from weft.data import Chain
    >>> few = Taken(Chain([range(9)], lambda piece: [{"x": n} for n in piece]), 3)
    >>> [record["x"] for record in few], [record["x"] for record in few]
    ([0, 1, 2], [0, 1, 2])
    """

    def __init__(self, flow: Flow, count: int) -> None:
        if count < 1:
            raise ValueError(f"count={count}; expected at least 1 record")
        self.flow, self.count, self.beginning = flow, count, flow.state_dict()
        self.epoch = self.given = 0

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.given = epoch, 0
            anew(self.flow, self.beginning, epoch)

    def __iter__(self) -> Iterator[Record]:
        running = iter(self.flow)
        while self.given < self.count:
            record = next(running, None)
            if record is None:
                self.epoch, self.given = self.epoch + 1, 0  # the flow itself stands at its next pass
                return
            self.given += 1
            yield record
        self.epoch, self.given = self.epoch + 1, 0
        anew(self.flow, self.beginning, self.epoch)

    def committed(self, state: dict[str, Any]) -> None:
        commit(self.flow, state["flow"])

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "given": self.given, "flow": self.flow.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.given = state["epoch"], state["given"]
        self.flow.load_state_dict(state["flow"])


class Skipped:
    """A flow without the first ``count`` records of each pass.

    Errors: ``ValueError`` for a count below 0, and for a flow that ends before it.
    Use for what ``Taken`` leaves; instead of it, ``Subset`` over a source. Cost: the records passed over are read, once a pass.

    >>> from weft.data import Chain
    >>> [record["x"] for record in Skipped(Chain([range(5)], lambda piece: [{"x": n} for n in piece]), 3)]
    [3, 4]
    """

    def __init__(self, flow: Flow, count: int) -> None:
        if count < 0:
            raise ValueError(f"count={count}; expected 0 or more records")
        self.flow, self.count, self.epoch, self.past = flow, count, 0, False

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.past = epoch, False
            turn(self.flow, epoch)

    def __iter__(self) -> Iterator[Record]:
        running = iter(self.flow)
        for number in range(0 if self.past else self.count):
            if next(running, None) is None:
                raise ValueError(f"The flow ended after {number} records, of which {self.count} were to be skipped; skip fewer")
        self.past = True
        yield from running
        self.epoch, self.past = self.epoch + 1, False

    def committed(self, state: dict[str, Any]) -> None:
        commit(self.flow, state["flow"])

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "past": self.past, "flow": self.flow.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.past = state["epoch"], state["past"]
        self.flow.load_state_dict(state["flow"])


class Joined:
    """Several flows side by side: record n has the keys of record n of each.

    With ``strict`` flows of different lengths are an error, since records that belong together would then not meet; without, the shortest
    ends the pass.
    Errors: ``ValueError`` for no flows, a key that two flows have, and, when strict, a flow that ends before another.
    Use when inputs and labels lie in files of their own; instead of it, ``Zip`` over sources. Cost: none.

    >>> from weft.data import Chain
    >>> inputs = Chain(["ab"], lambda piece: [{"text": letter} for letter in piece])
    >>> labels = Chain([[0, 1]], lambda piece: [{"label": label} for label in piece])
    >>> list(Joined([inputs, labels]))
    [{'text': 'a', 'label': 0}, {'text': 'b', 'label': 1}]
    """

    def __init__(self, flows: Sequence[Flow], *, strict: bool = True) -> None:
        if not flows:
            raise ValueError("Joined got no flows; give at least one")
        self.flows, self.strict, self.epoch = list(flows), strict, 0
        self.beginnings = [flow.state_dict() for flow in flows]

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            for flow in self.flows:
                turn(flow, epoch)

    def __iter__(self) -> Iterator[Record]:
        running, number = [iter(flow) for flow in self.flows], 0
        while True:
            parts = [next(each, None) for each in running]
            if None in parts:
                break
            yield self._one(parts, number)  # type: ignore[arg-type]
            number += 1
        ended = [n for n, part in enumerate(parts) if part is None]
        if self.strict and len(ended) < len(parts):
            raise ValueError(
                f"Of {len(parts)} flows, number {ended[0]} ended {number} records on, while others go on; joined flows need equal lengths,"
                " or strict=False to end with the shortest"
            )
        self.epoch += 1
        for n, (flow, beginning) in enumerate(zip(self.flows, self.beginnings, strict=True)):
            if n not in ended:
                anew(flow, beginning, self.epoch)

    def _one(self, parts: Sequence[Record], number: int) -> Record:
        record: Record = {}
        for n, part in enumerate(parts):
            twice = record.keys() & part.keys()
            if twice:
                raise ValueError(f"Record {number} of flow {n} has the key {min(twice)!r} as one before it has; rename it with Changed")
            record |= part
        return record

    def committed(self, state: dict[str, Any]) -> None:
        for flow, its in zip(self.flows, state["flows"], strict=True):
            commit(flow, its)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "flows": [flow.state_dict() for flow in self.flows]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        for flow, its in zip(self.flows, state["flows"], strict=True):
            flow.load_state_dict(its)


def anew(flow: Flow, beginning: dict[str, Any], epoch: int) -> None:
    """Let a flow stand at the beginning of a pass again."""
    flow.load_state_dict(beginning)
    turn(flow, epoch)
