"""Which step on the way of the data is the slow one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from weft.data.arrays import stack
from weft.data.assemble import is_raw, packs
from weft.data.keyed import Random
from weft.data.loading.workers import worker_count

STAGES = ("read", "raw transforms", "encode", "collate", "batch transforms", "hand over")
ADVICE = {
    "read": "the source is slow: keep files on a faster disk, pack small files into shards or one Arrow file, or cache records (CachedSource)",
    "raw transforms": "the raw transforms are slow: more workers, or the same change on whole batches (RandomResizedCrop instead of RawResizedCrop)",
    "encode": "decoding is slow: more workers, smaller files, or a cache of encoded records (CachedSource, encoded)",
    "collate": "putting records together is slow: records of one shape, or a source with gather (Arrays, Columns, Parquet)",
    "batch transforms": "the batch transforms are slow: fewer of them, more workers, or run them on the device after Prefetch",
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


def bottleneck(loader: Any, batches: int = 5) -> Bottleneck:
    """Which stage of a ``Loader`` takes most time: its first batches are made in this process, step by step.

    With workers the cost of handing over is what serialising and reading a batch's bytes take. Positions and counters of the loader stay.
    Raises TypeError for anything but a loader over a source; what a record raises comes out.
    Use after ``measure`` has shown that training waits. Cost: ``batches`` batches, in one process.

    >>> from weft.data import Arrays, Loader
    >>> found = bottleneck(Loader(Arrays({"input": torch.zeros(64, 8)}), None, 8))
    >>> found.slowest in found.seconds
    True
    """
    if not hasattr(loader, "source") or not hasattr(loader, "batches"):
        raise TypeError(f"bottleneck takes a Loader over a source, not {type(loader).__name__}; measure() takes any iterable")
    spent: dict[str, float] = {stage: 0.0 for stage in STAGES}
    records = 0
    for index in islice(loader.batches(0, 0), batches):
        made(loader, index, Watch(spent))
        records += len(index)
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


def made(loader: Any, index: torch.Tensor, watch: Watch) -> Any:
    """One batch of a loader, each step under the watch; the steps are those of ``Assemble``."""
    source, codec, seed = loader.source, loader.codec, loader.seed
    raw = [(n, t) for n, t in enumerate(loader.transforms) if is_raw(t)]
    gather = getattr(source, "gather", None)
    packed = packs(codec)
    if codec is None and gather is not None and not raw:
        batch = watch("read", gather, index)
    else:
        records = [watch("read", source.__getitem__, i) for i in index.tolist()]
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
