"""Batches of a flow: the same for any number of workers, resumable after any batch."""

from __future__ import annotations

import copy
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import torch

from weft.data.assemble import FAILED, Assemble, Failure, RecordError, bare
from weft.data.contracts import Batch, Codec, Record, Transform
from weft.data.keyed import hashed
from weft.data.loading.flow import Flow, commit, turn
from weft.data.stream import Delivery, Pool


class FlowLoader:
    """Batches of a flow. This process reads the records, ``workers`` encode and augment them.

    ``shuffle`` is the number of records among which the order is mixed (block by block, so that a position stays exact; rounded up to whole
    batches); 0 keeps the flow's order. A record's augmentation is keyed by (seed, epoch, place in the flow, transform); the batch carries the
    places as ``index``. Every rank reads the whole flow and keeps its share of every batch, number ``rank`` of each ``world`` records:
    nothing is seen twice or left out, and all ranks have equally many batches. ``state_dict`` is the position after the last batch handed
    over, whatever has been read ahead.
    Errors: ``RecordError`` naming the place of a record that could not be encoded; ``ValueError`` for sizes below 1.
    Use when records cannot be numbered: shards, queues, files larger than memory; instead of it, ``Loader``. Cost: reading is done by one
    process; parse in the codec, not in the flow.

    >>> from weft.data.loading import Chain
    >>> loader = FlowLoader(Chain([range(5)], lambda piece: [{"input": torch.tensor(n)} for n in piece]), batch_size=2)
    >>> [batch["input"].tolist() for batch in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, flow: Flow, codec: Codec | None = None, batch_size: int = 32, *,
        shuffle: int = 0, seed: int = 0, transforms: Sequence[Transform] = (), workers: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        if batch_size < 1 or shuffle < 0 or workers < 0:
            raise ValueError(f"batch_size={batch_size}, shuffle={shuffle}, workers={workers}; expected at least 1, 0 and 0")
        self.flow, self.batch_size, self.seed, self.workers, self.drop_last = flow, batch_size, seed, workers, drop_last
        self.shuffle = -(-shuffle // batch_size) * batch_size
        self.rank, self.world = 0, 1
        self._assemble = Carried(codec, tuple(transforms), seed)
        self._pool: Pool | None = None
        self._delivery = Delivery()
        self._epoch = 0
        self._position: Position | None = None  # None: wherever the flow is at the beginning of the epoch
        self.failed: dict[int, str] = {}  # places of records that could not be read, with the reason
        self.budget = 0
        self._shape: Batch | None = None  # of an empty batch

    def shard(self, rank: int, world: int) -> FlowLoader:
        """A new loader with this rank's share of every batch."""
        if not 0 <= rank < world:
            raise ValueError(f"shard({rank}, {world}): rank must lie in 0..{world - 1}")
        other = self._other()
        other.rank, other.world = rank, world
        return other

    def tolerant(self, budget: int = 10) -> FlowLoader:
        """A new loader that leaves out records which cannot be encoded; ``failed`` has each one's place and reason, of this rank's share.

        More than ``budget`` of them raise ``RecordError`` after all. Batches become smaller, and their number stays where there are several
        ranks, so that these stay in step; one process passes over a batch of which nothing is left. Raises ValueError for a budget below 1.
        """
        if budget < 1:
            raise ValueError(f"tolerant({budget}): expected a number of records from 1 on; the number of all is not known in a flow")
        other = self._other()
        other._assemble, other.budget, other.failed = replace(self._assemble, on_error="skip"), budget, {}
        return other

    def patient(self, seconds: float) -> FlowLoader:
        """A new loader that waits at most ``seconds`` for a batch of its workers, as ``Loader.patient``."""
        other = self._other()
        other._delivery = replace(self._delivery, timeout=seconds)
        return other

    def pinned(self, pin: bool | None = True) -> FlowLoader:
        """A new loader whose batches lie in page-locked memory, as ``Loader.pinned``."""
        other = self._other()
        other._delivery = replace(self._delivery, pin=pin)
        return other

    def _other(self) -> FlowLoader:
        other = copy.copy(self)
        other._pool = None
        return other

    @property
    def processes(self) -> tuple[int, ...]:
        """The numbers of the worker processes that live now."""
        return self._pool.processes if self._pool is not None else ()

    @property
    def transforms(self) -> Sequence[Transform]:
        return self._assemble.transforms

    @property
    def codec(self) -> Codec | None:
        return self._assemble.codec

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; a position loaded for another epoch is forgotten."""
        if epoch != self._epoch:
            self._epoch, self._position = epoch, None
            turn(self.flow, epoch)

    def __iter__(self) -> Iterator[Batch]:
        epoch, pending = self._epoch, deque[Position]()
        if self._position is None:
            turn(self.flow, epoch)
            self._position = Position(self.flow.state_dict(), 0, 0, False)
        if self.workers and self._pool is None:
            self._pool = Pool(self._assemble, self.workers, self._delivery)
        requests = self._requests(epoch, pending)
        made = self._pool.run(requests) if self._pool is not None else map(self._assemble.answered, requests)
        for batch in made:
            self._position = pending.popleft()
            counted = self._counted(batch)
            if counted is not None:
                yield counted
        self._epoch, self._position = epoch + 1, Position(self.flow.state_dict(), 0, 0, False)

    def _counted(self, batch: Batch) -> Batch | None:
        """The batch, what could not be read noted; None when nothing is left of it and nobody waits for it."""
        if self._assemble.on_error == "stop":
            return batch
        for place, reason in batch.pop(FAILED, ()):
            self.failed[place] = reason
            if len(self.failed) > self.budget:
                raise RecordError(f"{len(self.failed)} records could not be read, more than the budget of {self.budget}. The last: {reason}", place)
        if not bare(batch):
            self._shape = {key: value[:0] for key, value in batch.items()}
            return batch
        if self.world == 1:
            return None
        if self._shape is None:
            place, reason = next(iter(self.failed.items()), (0, "they are another rank's"))
            raise RecordError(f"None of the first records can be read, so their shapes are not known: {reason}", place)
        return dict(self._shape)  # keys, types and shapes as before, so that ranks stay in step

    def _requests(self, epoch: int, pending: deque[Position]) -> Iterator[tuple[int, list[int], list[Record]]]:
        """What is to be made, batch by batch; the position after each is noted before it is asked for."""
        at = self._position
        assert at is not None
        self.flow.load_state_dict(at.flow)
        if at.over:
            return
        number, done = at.number, at.done
        running, size = iter(self.flow), self.shuffle or self.batch_size
        while True:
            before = self.flow.state_dict()
            block = list(islice(running, size))
            order = range(len(block))
            if self.shuffle:
                order = hashed(self.seed, epoch, torch.arange(number, number + len(block))).argsort(stable=True).tolist()
            for start in range(done, len(block), self.batch_size):
                rows = list(order[start : start + self.batch_size])
                if self.drop_last and len(rows) < self.batch_size:
                    break
                end = start + len(rows)
                # a flow that has ended already stands at its next pass
                pending.append(
                    Position(self.flow.state_dict(), number + end, 0, len(block) < size)
                    if end == len(block)
                    else Position(before, number, end, False)
                )
                share = rows[self.rank :: self.world]
                yield epoch, [number + n for n in share], [block[n] for n in share or rows[:1]]
            number, done = number + len(block), 0
            if len(block) < size:
                return

    def state_dict(self) -> dict[str, Any]:
        at = self._position
        plan = {"batch_size": self.batch_size, "shuffle": self.shuffle, "seed": self.seed, "drop_last": self.drop_last}
        return {"epoch": self._epoch, "plan": plan, "position": None if at is None else asdict(at)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the batch that was last handed over; raises ValueError when what decides the batches has changed."""
        now, before = self.state_dict()["plan"], state["plan"]
        changed = [f"{k} was {before.get(k)!r}, now {now[k]!r}" for k in now if now[k] != before.get(k)]
        if changed:
            raise ValueError(f"The loader cannot go on in mid-epoch: {'; '.join(changed)}. Restore these, or start the epoch anew")
        self._epoch = state["epoch"]
        self._position = None if state["position"] is None else Position(**state["position"])

    def committed(self, state: dict[str, Any]) -> None:
        """A checkpoint with this state is safely on disk: tell the flow, which may acknowledge what came before."""
        if state["position"] is not None:
            commit(self.flow, state["position"]["flow"])


@dataclass(frozen=True)
class Position:
    """The flow's position at the beginning of a block, the place of the block's first record, how many of the block are handed over, and whether
    the epoch is over."""

    flow: dict[str, Any]
    number: int
    done: int
    over: bool


@dataclass(frozen=True)
class Carried:
    """Makes a batch of records that come with the request."""

    codec: Codec | None
    transforms: Sequence[Transform]
    seed: int
    on_error: str = "stop"  # or "skip"
    whole: bool = False  # whether a worker also does what ``finished`` does

    def _of(self, records: Any) -> Assemble:
        return Assemble(records, self.codec, self.transforms, self.seed, self.on_error, self.whole, passing=True)

    @property
    def late(self) -> bool:
        return self._of(()).late

    def finished(self, batch: Batch) -> Batch:
        return self._of(()).finished(batch)

    def answered(self, request: tuple[int, list[int], list[Record]]) -> Batch:
        epoch, numbers, records = request
        return self._of(Places(numbers, records))(epoch, torch.tensor(numbers, dtype=torch.int64))

    def __getitem__(self, request: tuple[int, list[int], list[Record]]) -> Any:
        """What a worker process does with a request."""
        epoch, numbers, records = request
        try:
            return self._of(Places(numbers, records)).carried(epoch, torch.tensor(numbers, dtype=torch.int64))
        except RecordError as error:
            return Failure(str(error), error.index, traceback.format_exc())


class Places:
    """Records by their place in the flow; with no places, record 0 stands for its shapes."""

    def __init__(self, numbers: list[int], records: list[Record]) -> None:
        self.records = dict(zip(numbers or [0], records, strict=True))

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> Record:
        return self.records[place]
