"""Remember what a transform without randomness made of a record."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

import torch
from torch import Tensor

from weft.data.arrays import stack
from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random


@dataclass(eq=False)
class Cached:
    """Apply a transform without randomness and keep what it made of the last ``size`` records, found again by their content.

    A record's key is the SHA-256 of the transform and of each tensor's name, type, shape and bytes, so that equal bytes of another shape or
    type are another record, the same in every process. What is given out is a copy. ``hits`` and ``misses`` count records.
    Raises ValueError when the transform draws random numbers: caching would freeze them.
    Use for slow steps that do not change between epochs; instead of it, ``encoded`` when all records fit in memory. Cost: hashing each record.

    >>> from weft.data.transforms.normalize import Normalize
    >>> cached = Cached(Normalize((0.5,), (0.5,)))
    >>> for _ in range(2):
    ...     batch = cached({"input": torch.ones(3, 1, 2, 2)}, Random(0, 0, torch.arange(3)))
    >>> cached.hits, cached.misses  # all three records are alike
    (5, 1)
    """

    transform: Transform
    size: int = 1000
    hits: int = field(default=0, init=False)
    misses: int = field(default=0, init=False)
    kept: OrderedDict[str, Batch] = field(default_factory=OrderedDict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size={self.size}; expected room for at least one record")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        index = batch.get("index")  # a record's number is not its content
        content = {key: value for key, value in batch.items() if key != "index"}
        size = len(next(iter(content.values())))
        if not size:
            return self.transform(content, Silent(random.key)) | ({} if index is None else {"index": index})
        records = [{key: value[i] for key, value in content.items()} for i in range(size)]
        names = [self._name(record) for record in records]
        fresh = {name: i for i, name in reversed(list(enumerate(names))) if name not in self.kept}
        self.hits, self.misses = self.hits + len(names) - len(fresh), self.misses + len(fresh)
        found = {name: self.kept[name] for name in names if name in self.kept}
        if fresh:
            rows = torch.tensor(list(fresh.values()))
            part = {key: value[rows.to(value.device)] if isinstance(value, Tensor) else [value[i] for i in rows] for key, value in content.items()}
            made = self.transform(part, Silent(random.key[rows]))
            found |= {name: {key: _copied(value[i]) for key, value in made.items()} for i, name in enumerate(fresh)}
        for name in names:
            self.kept[name] = found[name]
            self.kept.move_to_end(name)
        while len(self.kept) > self.size:
            self.kept.popitem(last=False)
        return stack([found[name] for name in names]) | ({} if index is None else {"index": index})

    def _name(self, record: Batch) -> str:
        digest = hashlib.sha256(repr(self.transform).encode())
        for key in sorted(record):
            value = record[key]
            if isinstance(value, Tensor):
                value = value.detach().cpu().contiguous()
                digest.update(f"|{key}|{value.dtype}|{tuple(value.shape)}|".encode())
                digest.update(value.flatten().view(torch.uint8).numpy().tobytes() if value.numel() else b"")
            else:
                digest.update(f"|{key}|{value!r}".encode())
        return digest.hexdigest()


def _copied(value: object) -> object:
    return value.clone() if isinstance(value, Tensor) else value


class Silent(Random):
    """Randomness that may not be drawn from."""

    def __init__(self, key: Tensor) -> None:
        self.key, self.draws, self.epoch = key, 0, 0

    def bits(self, *shape: int) -> Tensor:
        raise ValueError(
            "Cached got a transform that draws random numbers; caching would make them the same in every epoch. Cache what stands before it"
        )
