"""Transforms made of transforms: in a row, under a condition, by chance, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random, hashed

Condition = Callable[[Batch], Tensor | bool]


def branch(random: Random, number: int, rows: Tensor | None = None) -> Random:
    """Randomness of its own for branch ``number``, of all records or of ``rows``; it leaves ``random`` where it was."""
    key = hashed(random.key, random.draws, number)
    return Random.of(key if rows is None else key[rows], random.epoch)


def on_rows(batch: Batch, rows: Tensor, transform: Transform, random: Random) -> Batch:
    """The batch with ``transform`` applied to the records that ``rows`` (B,) marks, and only to them.

    ``random`` is that of the marked records. Raises ValueError when the transform changes shapes, types or keys, since the other records keep theirs.
    """
    chosen = rows.nonzero()[:, 0].cpu()
    if not len(chosen):
        return batch
    part = {key: value[chosen.to(value.device)] if isinstance(value, Tensor) else [value[i] for i in chosen.tolist()] for key, value in batch.items()}
    done = transform(part, random)
    name = type(transform).__name__
    if done.keys() != part.keys():
        raise ValueError(f"{name} gave the keys {sorted(done)} for {sorted(part)}; applied to some records only, it must keep them")
    out = dict(batch)
    for key, value in done.items():
        if value is part[key]:
            continue
        if not isinstance(value, Tensor):
            out[key] = list(batch[key])
            for i, item in zip(chosen.tolist(), value, strict=True):
                out[key][i] = item
            continue
        before: Any = part[key]
        if value.shape != before.shape or value.dtype != before.dtype:
            raise ValueError(
                f"{name} made {key!r} {tuple(value.shape)} {value.dtype} of {tuple(before.shape)} {before.dtype}; applied to some records only,"
                " it must keep shape and type"
            )
        out[key] = batch[key].clone()
        out[key][chosen.to(value.device)] = value
    return out


def stages(transforms: Sequence[Transform], batch: Batch, random: Random) -> list[Batch]:
    """The batch before, and after each of ``transforms``: to look at what every step does.

    Raises the step's own error with a note that names the step and the batch's keys.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> len(stages([RandomFlip(), RandomFlip()], {"input": torch.zeros(1, 1, 2, 2)}, Random(0, 0, torch.arange(1))))
    3
    """
    found = [batch]
    for number, transform in enumerate(transforms):
        try:
            found.append(transform(found[-1], random))
        except Exception as error:
            shapes = {key: tuple(value.shape) for key, value in found[-1].items() if isinstance(value, Tensor)}
            error.add_note(f"In step {number} of {len(transforms)}, {type(transform).__name__}, on a batch of {shapes}")
            raise
    return found


@dataclass(frozen=True)
class Compose:
    """Apply ``transforms`` one after the other; ``stages(compose.transforms, batch, random)`` gives every stage between.

    An error carries a note that names the step. Use to give a row of transforms to something that takes one, such as ``RandomApply``; a loader
    takes the row itself. No cost of its own.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> flips = Compose([RandomFlip(1.0), RandomFlip(1.0)])
    >>> flips({"input": torch.tensor([[1.0, 2.0]])}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[1.0, 2.0]]
    """

    transforms: Sequence[Transform]

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        return stages(self.transforms, batch, random)[-1]


@dataclass(frozen=True)
class Conditional:
    """Apply a transform to the records for which ``condition`` holds: a key of the batch with bool (B,), or a function of the batch.

    The function gives bool (B,), or one bool for the whole batch, which may then also change shapes. Raises ValueError for another shape.
    Use when only some classes, sources or sizes should change; in settings that are written down use a key. Cost: that of the marked records.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> batch = {"input": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "left": torch.tensor([True, False])}
    >>> Conditional(RandomFlip(1.0), "left")(batch, Random(0, 0, torch.arange(2)))["input"].tolist()
    [[2.0, 1.0], [3.0, 4.0]]
    """

    transform: Transform
    condition: str | Condition

    def __call__(self, batch: Batch, random: Random) -> Batch:
        if isinstance(self.condition, str):
            if self.condition not in batch:
                raise ValueError(f"Conditional asks for the key {self.condition!r}; the batch has {sorted(batch)}")
            holds = batch[self.condition]
        else:
            holds = self.condition(batch)
        random.uniform()  # what follows on the same generator differs, whether or not the condition holds
        if isinstance(holds, bool):
            return self.transform(batch, branch(random, 0)) if holds else batch
        size = len(random.key)
        if holds.shape != (size,) or holds.dtype != torch.bool:
            raise ValueError(f"The condition gave {tuple(holds.shape)} {holds.dtype}; expected bool of shape ({size},), or one bool")
        return on_rows(batch, holds, self.transform, branch(random, 0, holds.cpu()))


@dataclass(frozen=True)
class RandomApply:
    """Apply a transform to each record with some probability; ``whole`` decides once for the batch, and then shapes may change.

    Raises ValueError for a probability outside 0 to 1. Use for any transform without a probability of its own. Cost: that of the chosen records.

    >>> from weft.data.transforms.noise import Noise
    >>> x = torch.zeros(100, 1)
    >>> 20 < int((RandomApply(Noise(), 0.5)({"input": x}, Random(0, 0, torch.arange(100)))["input"] != 0).sum()) < 80
    True
    """

    transform: Transform
    probability: float = 0.5
    whole: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability={self.probability}; expected a number from 0 to 1")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        if self.whole:
            return self.transform(batch, branch(random, 0)) if together(random) < self.probability else batch
        rows = random.chance(self.probability)
        return on_rows(batch, rows, self.transform, branch(random, 0, rows))


def together(random: Random) -> float:
    """One number in [0, 1) for the whole batch, which depends on all its records and not on their order."""
    total = hashed(int(random.bits().sum()))
    return (int(total) >> 11) % 2**53 / 2**53


def check_weights(weights: Sequence[float] | None, count: int) -> Tensor:
    """Shares that sum to 1, equal by default; raises ValueError for negative ones, none above 0, or another number of them."""
    if not count:
        raise ValueError("There are no transforms to choose from; give at least one")
    if weights is None:
        return torch.full((count,), 1 / count, dtype=torch.float64)
    if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f"weights={tuple(weights)} for {count} transforms; expected as many numbers from 0 on, one of them positive")
    return torch.tensor(list(weights), dtype=torch.float64) / sum(weights)


@dataclass(frozen=True)
class RandomChoice:
    """Apply one of ``transforms`` to each record, chosen with ``weights`` (default: equally); ``whole`` chooses once for the batch.

    Raises ValueError for negative weights, a sum of 0, or another number of them.
    Use between alternatives, such as ``RandomChoice([MixUp(...), CutMix(...)], whole=True)``; cost: that of each one's share of the batch.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> always = RandomChoice([RandomFlip(1.0), RandomFlip(0.0)], weights=[1, 0])
    >>> always({"input": torch.tensor([[1.0, 2.0]])}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[2.0, 1.0]]
    """

    transforms: Sequence[Transform]
    weights: Sequence[float] | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        object.__setattr__(self, "weights", None if self.weights is None else tuple(self.weights))
        check_weights(self.weights, len(self.transforms))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        bounds = check_weights(self.weights, len(self.transforms)).cumsum(0)[:-1]
        if self.whole:
            number = int(torch.bucketize(torch.tensor(together(random), dtype=torch.float64), bounds, right=True))
            return self.transforms[number](batch, branch(random, number))
        drawn = torch.bucketize(random.uniform().double(), bounds, right=True)
        for number, transform in enumerate(self.transforms):
            rows = drawn == number
            batch = on_rows(batch, rows, transform, branch(random, number, rows))
        return batch


@dataclass(frozen=True)
class SomeOf:
    """Apply ``count`` different ones of ``transforms`` to each record, or between ``count[0]`` and ``count[1]`` of them, in their order or any.

    Raises ValueError for a count beyond the number of transforms. With ``count=len(transforms)`` and ``ordered=False`` only the order is random.
    Use for strong augmentation of varying kinds; cost: that of the chosen records, in as many passes as there are transforms and places.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> both = SomeOf([RandomFlip(1.0), RandomFlip(1.0, axis=-2)], 2)
    >>> both({"input": torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[[4.0, 3.0], [2.0, 1.0]]]
    """

    transforms: Sequence[Transform]
    count: int | Sequence[int] = 1
    ordered: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        low, high = (self.count, self.count) if isinstance(self.count, int) else self.count
        if not 0 <= low <= high <= len(self.transforms):
            raise ValueError(f"count={self.count} of {len(self.transforms)} transforms; expected a number of them, or (lowest, highest)")
        object.__setattr__(self, "count", (low, high))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        low, high = self.count  # type: ignore[misc]
        place = random.uniform(len(self.transforms)).argsort(1).argsort(1)  # (B, transforms): the place of each in a random order
        place = torch.where(place < random.integers(low, high + 1)[:, None], place, -1)
        passes = [None] if self.ordered else range(high)
        for turn in passes:
            for number, transform in enumerate(self.transforms):
                rows = place[:, number] >= 0 if turn is None else place[:, number] == turn
                batch = on_rows(batch, rows, transform, branch(random, number, rows))
        return batch


def random_order(transforms: Sequence[Transform]) -> SomeOf:
    """All of ``transforms``, in another order for each record.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> random_order([RandomFlip(), RandomFlip(axis=-2)]).ordered
    False
    """
    return SomeOf(transforms, len(transforms), ordered=False)


@dataclass(frozen=True)
class Parallel:
    """Apply each of ``transforms`` to the same batch and join what they make of ``key``: side by side along ``axis``, a new one with "stack", or
    by a function of the list of tensors.

    ``threads`` above 0 runs them at once, which helps while the work is outside Python; results keep their order. Other keys stay as they came.
    Raises ValueError for no transforms. Use for edge maps beside colours as further channels; instead of it, ``TwoViews`` for views under keys.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> both = Parallel([RandomFlip(0.0), RandomFlip(1.0)], axis=1)
    >>> both({"input": torch.tensor([[1.0, 2.0]])}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[1.0, 2.0, 2.0, 1.0]]
    """

    transforms: Sequence[Transform]
    axis: int = 1
    join: str | Callable[[list[Tensor]], Tensor] = "cat"
    threads: int = 0
    key: str = "input"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        if not self.transforms or (self.join not in ("cat", "stack") and not callable(self.join)) or self.threads < 0:
            raise ValueError(
                f"{len(self.transforms)} transforms, join={self.join!r}, threads={self.threads}; expected one, 'cat', 'stack' or a function, 0"
            )

    def __call__(self, batch: Batch, random: Random) -> Batch:
        random.uniform()
        jobs = [(transform, branch(random, number)) for number, transform in enumerate(self.transforms)]
        if self.threads:
            with ThreadPoolExecutor(self.threads) as pool:
                done = list(pool.map(lambda job: job[0](batch, job[1])[self.key], jobs))
        else:
            done = [transform(batch, own)[self.key] for transform, own in jobs]
        if callable(self.join):
            return batch | {self.key: self.join(done)}
        return batch | {self.key: torch.cat(done, self.axis) if self.join == "cat" else torch.stack(done, self.axis)}


@dataclass(frozen=True)
class ByEpoch:
    """The transform of the epoch: each of ``transforms`` holds from its epoch in ``starts`` on.

    Raises ValueError unless ``starts`` begins with 0 and rises. Use to begin mildly and end strongly, or to switch off mixing for the last epochs;
    a resumed run goes on where it was, since the epoch is the only state. No cost of its own.

    >>> from weft.data.transforms.flip import RandomFlip
    >>> late = ByEpoch([RandomFlip(0.0), RandomFlip(1.0)], starts=[0, 5])
    >>> [late({"input": torch.tensor([[1.0, 2.0]])}, Random(0, epoch, torch.arange(1)))["input"][0, 0].item() for epoch in (4, 5)]
    [1.0, 2.0]
    """

    transforms: Sequence[Transform]
    starts: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        object.__setattr__(self, "starts", tuple(self.starts))
        if len(self.starts) != len(self.transforms) or self.starts[:1] != (0,) or list(self.starts) != sorted(set(self.starts)):
            raise ValueError(f"starts={self.starts} for {len(self.transforms)} transforms; expected one epoch for each, from 0 on and rising")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        number = sum(start <= random.epoch for start in self.starts) - 1
        return self.transforms[number](batch, random)
