"""Bring channels to a common scale, and find that scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class Normalize:
    """(input - mean) / std per channel, on axis 1 unless ``axis`` says otherwise (-1 for channels last, 2 for clips).

    Shapes: (B, C, ...) float. ``inverse()`` is the way back. Raises ValueError when the numbers are not one per channel, and for a std of 0.
    Use when raw tensors come without a codec (validation data needs the same); instead of it, ``ImageCodec``, which normalises everywhere.

    >>> Normalize((1.0,), (2.0,))({"input": torch.ones(1, 1, 2)}, Random(0, 0, torch.tensor([0])))["input"].tolist()
    [[[0.0, 0.0]]]
    """

    mean: Sequence[float]
    std: Sequence[float]
    axis: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if len(self.mean) != len(self.std) or min(self.std, default=0) <= 0:
            raise ValueError(f"mean={self.mean}, std={self.std}; expected equally many numbers and positive deviations")

    def inverse(self) -> Normalize:
        """The transform that undoes this one: x std + mean."""
        return Normalize([-m / s for m, s in zip(self.mean, self.std, strict=True)], [1 / s for s in self.std], self.axis)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if not -x.ndim < self.axis < x.ndim or self.axis == 0 or x.shape[self.axis] != len(self.mean):
            raise ValueError(f"Normalize has {len(self.mean)} channels; input has shape {tuple(x.shape)}, channels on axis {self.axis}")
        shape = [1] * x.ndim
        shape[self.axis] = -1
        mean, std = (torch.tensor(value, dtype=x.dtype, device=x.device).reshape(shape) for value in (self.mean, self.std))
        return batch | {"input": (x - mean) / std}


@dataclass(frozen=True)
class Moments:
    """How many numbers, their mean and their sum of squared distances from it, per channel (C,) float64; sums of two are those of both together.

    Paper: Chan, Golub, LeVeque, 1983, doi:10.1080/00031305.1983.10483115.

    >>> both = moments(torch.zeros(1, 1, 2)) + moments(torch.ones(1, 1, 2))
    >>> both.mean.item(), both.std.item()
    (0.5, 0.5)
    """

    count: Tensor
    mean: Tensor
    spread: Tensor

    @property
    def std(self) -> Tensor:
        return (self.spread / self.count.clamp(min=1)).sqrt()

    def __add__(self, other: Moments) -> Moments:
        count = self.count + other.count
        apart, share = other.mean - self.mean, other.count / count.clamp(min=1)
        return Moments(count, self.mean + apart * share, self.spread + other.spread + apart**2 * self.count * share)


def moments(x: Tensor, mask: Tensor | None = None, axis: int = 1) -> Moments:
    """The moments of (B, C, ...) per channel; ``mask``, True = count, has the shape of ``x`` with 1 channel or broadcasts to it.

    >>> moments(torch.tensor([[[1.0, 3.0]]])).mean.item()
    2.0
    """
    x = x.double().movedim(axis, 0)
    keep = torch.ones_like(x) if mask is None else mask.expand(x.movedim(0, axis).shape).movedim(axis, 0).double()
    x, keep = x.flatten(1), keep.flatten(1)
    count = keep.sum(1)
    mean = (x * keep).sum(1) / count.clamp(min=1)
    return Moments(count, mean, ((x - mean[:, None]) ** 2 * keep).sum(1))


def channel_statistics(batches: Iterable[Batch], key: str = "input", mask: str | None = None) -> Moments:
    """Mean and deviation of each channel over all numbers of a loader, in float64, whatever the order and the size of the batches.

    Not the mean of the pictures' own deviations, which misses what differs between pictures. ``mask`` names a key with True = count. Processes
    that each see a part add what they found: a + b. Raises ValueError for no batches.

    >>> channel_statistics([{"input": torch.zeros(2, 1, 4, 4)}, {"input": torch.ones(2, 1, 4, 4)}]).std.item()
    0.5
    """
    total: Moments | None = None
    for batch in batches:
        found = moments(batch[key], None if mask is None else batch[mask])
        total = found if total is None else total + found
    if total is None:
        raise ValueError("There were no batches to take statistics of")
    return total
