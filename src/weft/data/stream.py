"""The delivery of batches: epochs, worker processes, shards, and a position that survives a restart."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, _utils

from weft.data.assemble import FAILED, Assemble, Failure, RecordError
from weft.data.contracts import Batch, Codec, Source, Transform
from weft.data.lent import DEEP


class Stream(ABC):
    """What every loader shares; a loader only says which records are in which batch.

    Position: ``state_dict()`` counts batches that were handed over, not those a worker has fetched ahead. After ``load_state_dict`` the next
    pass goes on there; any other pass starts at the beginning of its epoch. An epoch that ends counts up by itself, so that a plain ``for``
    over the loader shuffles anew; ``set_epoch`` overrides.
    """

    def __init__(self, source: Source, codec: Codec | None, transforms: Sequence[Transform], seed: int, workers: int) -> None:
        if len(source) == 0:
            raise ValueError("The source holds no records; a loader needs at least one")
        if workers < 0:
            raise ValueError(f"workers={workers}; expected 0 (read in this process) or a number of processes")
        self.source, self.codec, self.seed, self.workers = source, codec, seed, workers
        self.rank, self.world = 0, 1
        self._assemble = Assemble(source, codec, tuple(transforms), seed)
        self._epoch = self._position = self._resume = self._passes = 0
        self._pool: Pool | None = None
        self._delivery = Delivery()
        self.failed: dict[int, str] = {}  # records that could not be read, with the reason
        self.budget = 0.0

    @abstractmethod
    def __len__(self) -> int:
        """Batches of an epoch."""

    @abstractmethod
    def batches(self, epoch: int, start: int) -> Iterator[Tensor]:
        """The record numbers of each batch of an epoch, from batch ``start`` on, over all ranks."""

    @abstractmethod
    def plan(self) -> dict[str, Any]:
        """What decides which records are in which batch; a saved position is only good for the same plan."""

    @property
    def transforms(self) -> Sequence[Transform]:
        return self._assemble.transforms

    def shard(self, rank: int, world: int) -> Stream:
        """A new loader with this rank's share of every batch: number ``rank`` of each ``world`` records.

        ``batch_size`` stays that of the whole batch, every rank sees the same number of batches, no record is repeated, and a position
        saved under one number of ranks is good under another. A rank's share of a short last batch may be empty.
        """
        if not 0 <= rank < world:
            raise ValueError(f"shard({rank}, {world}): rank must lie in 0..{world - 1}")
        other = copy.copy(self)
        other.rank, other.world = rank, world
        return other

    def tolerant(self, how: str = "skip", budget: float = 0.01) -> Stream:
        """A new loader that goes on when a record cannot be read: it leaves the record out, or takes another one ("substitute").

        ``failed`` lists each such record with its reason. When they are more than ``budget`` (a share of the records, or a number from 1 on)
        ``RecordError`` is raised after all. The number of batches stays, so ranks stay in step.
        """
        if how not in ("skip", "substitute") or budget <= 0:
            raise ValueError(f"tolerant({how!r}, {budget}): expected 'skip' or 'substitute', and a budget above 0")
        other = copy.copy(self)
        other._assemble, other._pool = replace(self._assemble, on_error=how), None
        other.failed, other.budget = {}, int(budget) if budget >= 1 else budget * len(self.source)
        return other

    def patient(self, seconds: float) -> Stream:
        """A new loader that waits at most ``seconds`` for a batch of its workers; then they are ended and ``TimeoutError`` names the records.

        0 waits for ever, and without workers nothing can be waited for. Choose many times what ``measure`` says of the slowest batch.
        """
        return self._delivered(replace(self._delivery, timeout=seconds))

    def pinned(self, pin: bool | None = True) -> Stream:
        """A new loader whose batches lie in page-locked memory, from which copies to a device are fast: True as soon as there is a CUDA
        device, False never, None (as loaders are made) when one is in use. Without a device nothing is locked."""
        return self._delivered(replace(self._delivery, pin=pin))

    def _delivered(self, delivery: Delivery) -> Stream:
        other = copy.copy(self)
        other._delivery, other._pool = delivery, None
        return other

    @property
    def processes(self) -> tuple[int, ...]:
        """The numbers of the worker processes that live now."""
        return self._pool.processes if self._pool is not None else ()

    def _counted(self, batch: Batch) -> Batch:
        """Note the records of a batch that could not be read."""
        for index, reason in batch.pop(FAILED, ()):
            self.failed[index] = reason
            if len(self.failed) > self.budget:
                raise RecordError(f"{len(self.failed)} records could not be read, more than the budget of {self.budget:g}. The last: {reason}", index)
        return batch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; a position loaded for another epoch is forgotten."""
        if epoch != self._epoch:
            self._epoch, self._position, self._resume = epoch, 0, 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "batch": self._position, "plan": self.plan()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the batch that was last handed over; raises ValueError when the plan has changed."""
        now, before = self.plan(), state["plan"]
        changed = [f"{k} was {before.get(k)!r}, now {now.get(k)!r}" for k in sorted(now.keys() | before.keys()) if now.get(k) != before.get(k)]
        if changed:
            raise ValueError(f"The loader cannot go on in mid-epoch: {'; '.join(changed)}. Restore these, or start the epoch anew")
        self._epoch = state["epoch"]
        self._position = self._resume = state["batch"]

    def __iter__(self) -> Iterator[Batch]:
        # all of this runs when the first batch is asked for: a mere iter() does not use up a loaded position
        epoch, start, self._resume = self._epoch, self._resume, 0
        nested, before = self._passes > 0, (self._epoch, self._position)
        self._passes += 1
        try:
            for number, batch in enumerate(self._made(epoch, start, nested), start + 1):
                self._epoch, self._position = epoch, number
                yield self._counted(batch)
            self._epoch, self._position = epoch + 1, 0
        finally:
            self._passes -= 1
            if nested:  # a pass inside a pass, as when training data is also evaluated, leaves the outer position alone
                self._epoch, self._position = before

    def _made(self, epoch: int, start: int, nested: bool) -> Iterator[Batch]:
        shares = (index[self.rank :: self.world] for index in self.batches(epoch, start))
        pin = self._delivery.pins
        if self.workers:
            if self._pool is None or nested:
                pool = Pool(self._assemble, self.workers, self._delivery)
                self._pool = self._pool or pool
            else:
                pool = self._pool
            yield from pool.run((epoch, share.tolist()) for share in shares)
            return
        for share in shares:
            batch = self._assemble(epoch, share)
            yield {key: v.pin_memory() if isinstance(v, Tensor) else v for key, v in batch.items()} if pin else batch

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pool": None, "_passes": 0}  # processes are not copied


@dataclass(frozen=True)
class Delivery:
    """How batches come from the workers: the longest wait (0: any), and whether in page-locked memory (None: when a device is in use)."""

    timeout: float = 0.0
    pin: bool | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.timeout < float("inf"):
            raise ValueError(f"patient({self.timeout}): expected seconds above 0, or 0 to wait for ever")

    @property
    def pins(self) -> bool:
        """Whether batches are page-locked now; asking for it before a device is in use would start CUDA, so it must be asked for."""
        return self.pin is not False and torch.cuda.is_available() and (self.pin is True or torch.cuda.is_initialized())


class Requests:
    """What the workers shall make next, a request for each batch, and which requests have not been answered.

    Apart from ``Pool``, and emptied after each pass, so that no cycle of references keeps the workers of a dead loader alive.
    """

    def __init__(self) -> None:
        self.waiting: Iterator[Any] = iter(())
        self.open: deque[Any] = deque()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        request = next(self.waiting)
        self.open.append(request[:2])  # (epoch, record numbers)
        return request

    def begin(self, requests: Iterator[Any]) -> None:
        self.waiting = requests
        self.open.clear()


class Pool:
    """Worker processes that live from epoch to epoch and hold no state: every request says all that a batch depends on."""

    def __init__(self, assemble: Any, workers: int, delivery: Delivery) -> None:  # ``assemble[request]`` is a batch or a Failure
        self._requests, pin, self._timeout = Requests(), delivery.pins, delivery.timeout
        # a batch that shall be page-locked is finished before, by the worker: the copy to the device starts from there
        self._late, self._finished = assemble.late and not pin, assemble.finished
        self._arrived: deque[Batch] = deque(maxlen=DEEP * workers)  # memory that is filled again is known again only while it is held
        self._loader = DataLoader(
            replace(assemble, whole=True) if pin else assemble,  # pyright: ignore[reportArgumentType]
            batch_size=None,
            sampler=self._requests,  # pyright: ignore[reportArgumentType]
            num_workers=workers,
            collate_fn=unchanged,
            pin_memory=pin,
            timeout=delivery.timeout,
            worker_init_fn=prepare,
            persistent_workers=True,
            multiprocessing_context=start_method(),
            generator=torch.Generator(),  # else torch draws from the global generator and moves the model's randomness
        )

    def run(self, requests: Iterator[Any]) -> Iterator[Batch]:
        self._requests.begin(requests)
        try:
            for batch in self._loader:
                self._requests.open.popleft()
                if isinstance(batch, Failure):
                    raise batch.error()
                if self._late:
                    self._arrived.append(batch)
                    batch = self._finished(batch)
                yield batch
        except (RuntimeError, OSError) as error:  # a worker was killed: torch says so, or what it had sent cannot be fetched any more
            late = isinstance(error, RuntimeError) and "timed out after" in str(error)  # torch raises nothing more telling
            epoch, numbers = self._requests.open[0] if late and self._requests.open else (0, [])
            self._end(kill=late)
            if late:
                raise TimeoutError(
                    f"The workers gave no batch within {self._timeout:g} s; awaited are records {numbers[:20]} of epoch {epoch}. Does reading"
                    " one of them hang? Else be more patient(seconds)"
                ) from error
            if isinstance(error, OSError):
                raise RuntimeError(f"A worker process has died ({type(error).__name__}: {error}); did the machine run out of memory?") from error
            raise
        finally:
            self._requests.begin(iter(()))

    @property
    def processes(self) -> tuple[int, ...]:
        """The numbers of the worker processes that live now."""
        running: Any = getattr(self._loader, "_iterator", None)
        return tuple(worker.pid for worker in running._workers if worker.is_alive()) if running is not None else ()

    def _end(self, kill: bool = False) -> None:
        """End the other workers too; the next pass starts new ones."""
        dead: Any = getattr(self._loader, "_iterator", None)
        self._loader._iterator = None
        if dead is not None:
            for worker in dead._workers if kill else ():  # one that hangs does not hear that it shall end
                worker.kill()
            if dead._worker_pids_set:  # else torch would raise again, wherever the program is when the next of them ends
                _utils.signal_handling._remove_worker_pids(id(dead))
                dead._worker_pids_set = False
            dead._shutdown_workers()


def unchanged(batch: Any) -> Any:
    """The batch as it is: a worker makes whole ones."""
    return batch


def prepare(worker: int) -> None:
    """Make a fresh worker leave its parent's business alone.

    Ctrl-C is for the main process, which stops the workers (torch has seen to SIGTERM). Nor may this process collect what the parent was
    about to, such as other loaders' workers, or live on without it.
    """
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:  # elsewhere this process may be a grandchild, or not see its parent's end
        threading.Thread(target=follow, args=(parent.pid,), daemon=True).start()


def follow(parent: int | None, every: float = 2.0) -> None:
    """End this process when its parent has ended, even by SIGKILL.

    torch's workers look as well, but not well enough: one that starts when its parent is dead already takes the reaper of orphans for its
    parent, and one with a large batch to hand over waits for ever for its pipe to be read.
    """
    while os.getppid() == parent:
        time.sleep(every)
    os._exit(1)


def start_method() -> str | None:
    """How workers start: a fork is quick, but not safe once CUDA runs and not at home outside Linux."""
    if sys.platform != "linux":
        return None
    return "spawn" if torch.cuda.is_available() and torch.cuda.is_initialized() else "fork"
