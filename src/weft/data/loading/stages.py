"""Which step on the way of the data is the slow one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from weft.data.arrays import stack
from weft.data.assemble import is_raw, packs
from weft.data.keyed import Random
from weft.data.loading.pace import copied
from weft.data.loading.prefetch import Prefetch
from weft.data.loading.workers import worker_count

STAGES = ("read", "raw transforms", "encode", "collate", "batch transforms", "hand over", "copy")
ADVICE = {
    "read": "the source is slow: keep files on a faster disk, pack small files into shards or one Arrow file, or cache records (CachedSource)",
    "raw transforms": "the raw transforms are slow: more workers, or the same change on whole batches (RandomResizedCrop instead of RawResizedCrop)",
    "encode": "decoding is slow: more workers, smaller files, or a cache of encoded records (CachedSource, encoded)",
    "collate": "putting records together is slow: records of one shape, or a source with gather (Arrays, Columns, Parquet)",
    "batch transforms": "the batch transforms are slow: fewer of them, more workers, or run them on the device after Prefetch",
    "copy": "the copy to the device is slow: page-locked memory (loader.pinned()), Prefetch(loader, device), or bytes that become floats there",
    "hand over": "bringing batches from the workers is slow: large records should stay bytes (a codec that packs), or fewer workers",
}


@dataclass(frozen=True)
class Bottleneck:
    """Seconds a record in each stage, and the slowest of them."""

    seconds: dict[str, float]
    workers: int

    @property
    def slowest(self) -> str:
        """The stage that takes most time."""
        return max(self.seconds, key=lambda stage: self.seconds[stage])

    @property
    def advice(self) -> str:
        """What helps against the slowest stage."""
        more = f" (the loader has {self.workers}, this machine has room for {worker_count()})" if "workers" in ADVICE[self.slowest] else ""
        return ADVICE[self.slowest] + more

    def to_json(self) -> dict[str, Any]:
        """Stages, the slowest, advice."""
        return {"seconds": self.seconds, "slowest": self.slowest, "advice": self.advice}

    def __str__(self) -> str:
        whole = sum(self.seconds.values()) or 1.0
        rows = "\n".join(f"  {stage:18s} {value * 1e6:10.1f} us a record  {value / whole:4.0%}" for stage, value in self.seconds.items())
        return f"{rows}\nslowest: {self.slowest}. Advice: {self.advice}"


def bottleneck(loader: Any, batches: int = 5, *, device: str | torch.device | None = None) -> Bottleneck:
    """Which stage of a ``Loader`` or a ``FlowLoader`` takes most time: batches are made in this process, step by step.

    With workers the cost of handing over is what serialising and reading a batch's bytes take. ``device`` (that of a ``Prefetch`` when one is
    given) adds the copy there. A source is read from its beginning, a flow from where it stands; positions and counters stay.
    Raises TypeError for anything but a loader over a source or a flow; what a record raises comes out.
    Use after ``measure`` has shown that training waits. Cost: ``batches`` batches, in one process.

    >>> from weft.data import Arrays, Loader
    >>> found = bottleneck(Loader(Arrays({"input": torch.zeros(64, 8)}), None, 8))
    >>> found.slowest in found.seconds
    True
    """
    if isinstance(loader, Prefetch):
        loader, device = loader.loader, loader.device if device is None else device
    flow = getattr(loader, "flow", None)
    if flow is None and not (hasattr(loader, "source") and hasattr(loader, "batches")):
        raise TypeError(f"bottleneck takes a Loader or a FlowLoader, not {type(loader).__name__}; measure() takes any iterable")
    spent: dict[str, float] = {stage: 0.0 for stage in STAGES}
    records, watch = 0, Watch(spent)
    position = flow.state_dict() if flow is not None else None
    for index, given in flowing(flow, loader.batch_size, watch) if flow is not None else ((index, None) for index in loader.batches(0, 0)):
        batch = made(loader, index, watch, given)
        if device is not None:
            watch("copy", copied, batch, torch.device(device))
        records += len(index)
        batches -= 1
        if batches <= 0:
            break
    if flow is not None:
        flow.load_state_dict(position)
    return Bottleneck({stage: value / max(1, records) for stage, value in spent.items()}, getattr(loader, "workers", 0))


@dataclass
class Watch:
    """Adds what a call takes to its stage."""

    spent: dict[str, float]

    def __call__(self, stage: str, do: Callable[..., Any], *given: Any) -> Any:
        start = time.perf_counter()
        try:
            return do(*given)
        finally:
            self.spent[stage] += time.perf_counter() - start


def flowing(flow: Any, batch_size: int, watch: Watch) -> Iterator[tuple[torch.Tensor, list[Any]]]:
    """Records of a flow, batch by batch, with their places."""
    running, place = iter(flow), 0
    while records := [record for record in (watch("read", next, running, None) for _ in range(batch_size)) if record is not None]:
        yield torch.arange(place, place + len(records)), records
        place += len(records)


def made(loader: Any, index: torch.Tensor, watch: Watch, given: list[Any] | None = None) -> Any:
    """One batch of a loader, or of records that were read, each step under the watch; the steps are those of ``Assemble``."""
    codec, seed = loader.codec, loader.seed
    raw = [(n, t) for n, t in enumerate(loader.transforms) if is_raw(t)]
    gather = getattr(loader.source, "gather", None) if given is None else None
    packed = packs(codec)
    if codec is None and gather is not None and not raw:
        batch = watch("read", gather, index)
    else:
        records = [watch("read", loader.source.__getitem__, i) for i in index.tolist()] if given is None else given
        for n, transform in raw:
            random = Random(seed, 0, index, n)
            records = [watch("raw transforms", transform, record, random.row(place)) for place, record in enumerate(records)]
        if codec is None:
            pairs = [{"input": r[0], "target": r[1]} if isinstance(r, tuple) and len(r) == 2 else r for r in records]
            batch = watch("collate", stack, pairs)
        else:
            encoded = [watch("encode", codec.pack if packed else codec.encode, record) for record in records]
            batch = watch("collate", codec.collate, encoded)
    batch["index"] = index
    for n, transform in enumerate(loader.transforms):
        if is_raw(transform):
            continue
        if packed and not getattr(transform, "moves", False):
            batch, packed = watch("encode", codec.unpack, batch), False  # type: ignore[union-attr] - packed means that it can
        batch = watch("batch transforms", transform, batch, Random(seed, 0, index, n))
    if loader.workers:
        watch("hand over", lambda: [value.clone().share_memory_() for value in batch.values() if isinstance(value, torch.Tensor)])
    return watch("encode", codec.unpack, batch) if packed else batch  # type: ignore[union-attr]
