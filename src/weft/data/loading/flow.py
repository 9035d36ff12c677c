"""Records that come one after the other: too many to number, or without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from weft.data.contracts import Record
from weft.data.keyed import hashed


@runtime_checkable
class Flow(Protocol):
    """Records in one order. ``iter`` goes on after the last record that was given out; a finished pass makes the next one begin anew.

    ``state_dict`` is the position after the last record given out, in JSON values, and cheap: it is asked for at every batch.
    Optional: ``set_epoch(epoch)`` for flows that shuffle, ``__len__``, and ``committed(state)``, called when a checkpoint that holds this
    position is safely on disk (a queue acknowledges then).
    """

    def __iter__(self) -> Iterator[Record]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> None: ...


class Chain:
    """Pieces read one after the other: files, shards, row groups; ``open(piece)`` gives the records of one.

    With ``shuffle`` the pieces come in an order keyed by (seed, epoch). The position is (piece, records of it given out); going on reads the
    piece again up to there, or calls ``open(piece, start)`` when ``seekable``.
    Errors: ``ValueError`` for no pieces.
    Use when data lies in many files that are each read from front to back; instead of it, ``Concat`` over sources that can be indexed.
    Cost: none beyond ``open``.

    >>> flow = Chain(["ab", "c"], lambda piece: [{"text": letter} for letter in piece])
    >>> [record["text"] for record in flow], [record["text"] for record in flow]
    (['a', 'b', 'c'], ['a', 'b', 'c'])
    """

    def __init__(
        self, pieces: Sequence[Any], open: Callable[..., Iterable[Record]], *, shuffle: bool = False, seed: int = 0, seekable: bool = False
    ) -> None:
        if not len(pieces):
            raise ValueError("Chain got no pieces to read; give at least one file or shard")
        self.pieces, self.open, self.shuffle, self.seed, self.seekable = list(pieces), open, shuffle, seed, seekable
        self.epoch = self.piece = self.given = 0

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.piece, self.given = epoch, 0, 0

    def order(self) -> list[int]:
        """The numbers of the pieces in this epoch's order."""
        numbers = range(len(self.pieces))
        return sorted(numbers, key=lambda n: int(hashed(self.seed, self.epoch, n))) if self.shuffle else list(numbers)

    def __iter__(self) -> Iterator[Record]:
        order = self.order()
        while self.piece < len(order):
            piece, start = self.pieces[order[self.piece]], self.given
            records = iter(self.open(piece, start) if self.seekable else self.open(piece))
            for _ in range(0 if self.seekable else start):
                if next(records, None) is None:
                    raise ValueError(f"{piece} ended before record {start}, where the saved position stood. Has the data changed?")
            for record in records:
                self.given += 1
                yield record
            self.piece, self.given = self.piece + 1, 0
        self.epoch, self.piece, self.given = self.epoch + 1, 0, 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "piece": self.piece, "given": self.given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.piece, self.given = state["epoch"], state["piece"], state["given"]


class Changed:
    """A flow whose records are changed, or left out when ``change`` returns None.

    >>> even = Changed(Chain([range(4)], lambda numbers: [{"x": n} for n in numbers]), lambda r: r if r["x"] % 2 == 0 else None)
    >>> [record["x"] for record in even]
    [0, 2]
    """

    def __init__(self, flow: Flow, change: Callable[[Record], Record | None]) -> None:
        self.flow, self.change = flow, change

    def __iter__(self) -> Iterator[Record]:
        for record in self.flow:
            changed = self.change(record)
            if changed is not None:
                yield changed

    def set_epoch(self, epoch: int) -> None:
        turn(self.flow, epoch)

    def committed(self, state: dict[str, Any]) -> None:
        commit(self.flow, state)

    def state_dict(self) -> dict[str, Any]:
        return self.flow.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.flow.load_state_dict(state)


class Mixed:
    """Several flows interleaved: which one is next is drawn by ``weights``, keyed by (seed, epoch, place).

    ``stop``: "first" ends when a flow ends, "all" goes on with the others until every flow has ended, "repeat" begins ended flows anew
    and never ends.
    Errors: ``ValueError`` for weights that are not positive or fewer than the flows.
    Use when corpora are mixed in given shares; instead of it, ``domain_weights`` over sources that can be indexed. Cost: a hash a record.

    >>> flows = [Chain([letters], lambda piece: [{"text": x} for x in piece]) for letters in ("aaaa", "bb")]
    >>> "".join(sorted(record["text"] for record in Mixed(flows, [2, 1], stop="all")))
    'aaaabb'
    """

    def __init__(self, flows: Sequence[Flow], weights: Sequence[float] | None = None, *, seed: int = 0, stop: str = "all") -> None:
        weights = [1.0] * len(flows) if weights is None else list(weights)
        if not flows or len(weights) != len(flows) or min(weights) <= 0:
            raise ValueError(f"Mixed got {len(flows)} flows and weights {weights}; expected a positive weight for each of at least one flow")
        if stop not in ("first", "all", "repeat"):
            raise ValueError(f"stop={stop!r}; expected 'first', 'all' or 'repeat'")
        self.flows, self.weights, self.seed, self.stop = list(flows), weights, seed, stop
        self.epoch = self.place = 0
        self.ended = [False] * len(flows)

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.place, self.ended = epoch, 0, [False] * len(self.flows)
            for flow in self.flows:
                turn(flow, epoch)

    def __iter__(self) -> Iterator[Record]:
        running = [iter(flow) for flow in self.flows]
        while not all(self.ended):
            n = self._next()
            record = next(running[n], None)
            if record is None and self.stop == "repeat":
                running[n] = iter(self.flows[n])
                record = next(running[n], None)
                if record is None:
                    raise ValueError(f"Flow {n} of Mixed holds no records, so it cannot be repeated")
            if record is None:
                self.ended = [True] * len(self.flows) if self.stop == "first" else [*self.ended[:n], True, *self.ended[n + 1 :]]
                continue
            yield record
        self.epoch, self.place, self.ended = self.epoch + 1, 0, [False] * len(self.flows)
        for flow in self.flows:
            turn(flow, self.epoch)

    def _next(self) -> int:
        point = (int(hashed(self.seed, self.epoch, self.place)) % 2**53) / 2**53
        self.place += 1
        weights = [0.0 if ended else w for w, ended in zip(self.weights, self.ended, strict=True)]
        point *= sum(weights)
        for n, weight in enumerate(weights):
            if point < weight:
                return n
            point -= weight
        return max(n for n, ended in enumerate(self.ended) if not ended)

    def committed(self, state: dict[str, Any]) -> None:
        for flow, its in zip(self.flows, state["flows"], strict=True):
            commit(flow, its)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "place": self.place, "ended": list(self.ended), "flows": [flow.state_dict() for flow in self.flows]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.place, self.ended = state["epoch"], state["place"], list(state["ended"])
        for flow, its in zip(self.flows, state["flows"], strict=True):
            flow.load_state_dict(its)


def turn(flow: Flow, epoch: int) -> None:
    """Tell a flow which epoch comes, if it wants to know."""
    if hasattr(flow, "set_epoch"):
        flow.set_epoch(epoch)  # type: ignore[attr-defined]


def commit(flow: Flow, state: dict[str, Any]) -> None:
    """Tell a flow that a position is safe, if it wants to know."""
    if hasattr(flow, "committed"):
        flow.committed(state)  # type: ignore[attr-defined]
