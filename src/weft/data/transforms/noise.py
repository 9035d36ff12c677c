"""Disturb inputs: noise of four kinds, erased rectangles and holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms.crop import check_rectangles, rectangles


@dataclass(frozen=True)
class Noise:
    """Add normal noise of standard deviation ``std`` to every number of ``input``.

    Shapes: (B, ...) float. Paper: Bishop, 1995, doi:10.1162/neco.1995.7.1.108.
    Use when inputs are measured with error; cost: one normal number per entry.

    >>> Noise(std=0.1)({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))["input"].abs().max() < 1
    tensor(True)
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        check_std(self.std)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = check_float(batch["input"], "Noise")
        return batch | {"input": x + self.std * random.normal(*x.shape[1:]).to(x)}


@dataclass(frozen=True)
class Speckle:
    """Multiply every number of ``input`` by 1 + ``std`` times a normal one, as coherent light does.

    Shapes: (B, ...) float; the mean stays. Use for ultrasound and radar; instead of it, ``Noise`` where noise does not grow with the signal.
    Cost: one normal number per entry.

    >>> Speckle()({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))["input"].abs().max().item()
    0.0
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        check_std(self.std)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = check_float(batch["input"], "Speckle")
        return batch | {"input": x * (1 + self.std * random.normal(*x.shape[1:]).to(x))}


@dataclass(frozen=True)
class PoissonNoise:
    """Count light: x in [0, 1] becomes Poisson(photons x) / photons, of mean x and variance x / photons.

    Exact, by the sum of probabilities. Shapes: (B, ...) float. Raises ValueError for negative input (such as normalised: see ``InPixels``).
    Paper: Foi et al., 2008, doi:10.1109/TIP.2008.2001399. Use for dim pictures; cost: one pass for each of about photons + 8 sqrt(photons) counts.

    >>> noisy = PoissonNoise(photons=10)({"input": torch.full((2, 3), 0.5)}, Random(0, 0, torch.arange(2)))["input"]
    >>> bool(torch.allclose(noisy * 10, (noisy * 10).round(), atol=1e-5))
    True
    """

    photons: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.photons <= 500:
            raise ValueError(f"photons={self.photons}; expected a number up to 500, beyond which Noise(std=(x / photons) ** 0.5) is the same")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = check_float(batch["input"], "PoissonNoise")
        drawn = random.uniform(*x.shape[1:]).double().to(x.device)
        if not x.numel():
            return batch
        if float(x.min()) < 0:
            raise ValueError(f"PoissonNoise counts light, and input goes down to {float(x.min()):.3g}; put it into InPixels(mean, std, [...])")
        rate = x.double() * self.photons
        top = float(rate.max())
        chance, counts = (-rate).exp(), torch.zeros_like(rate)
        below = chance.clone()
        for count in range(1, int(top + 8 * top**0.5 + 10)):
            counts += drawn >= below
            chance = chance * rate / count
            below += chance
        return batch | {"input": (counts / self.photons).to(x.dtype)}


@dataclass(frozen=True)
class SaltPepper:
    """Set a ``share`` of the pixels to the lowest or the highest value, all channels of a pixel alike.

    Shapes: pictures (B, C, H, W) or (B, T, C, H, W) in ``low`` to ``high``. Raises ValueError for a share outside 0 to 1.
    Use for dead pixels and bad transmission; cost: two uniform numbers a pixel.

    >>> SaltPepper(1.0)({"input": torch.full((1, 1, 2, 8), 0.5)}, Random(0, 0, torch.arange(1)))["input"].unique().tolist()
    [0.0, 1.0]
    """

    share: float = 0.05
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_share(self.share)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        hit, white = (random.chance(p, *x.shape[1:-3], 1, *x.shape[-2:]).to(x.device) for p in (self.share, 0.5))
        value = torch.where(white, self.high, self.low).to(x.dtype)
        return batch | {"input": torch.where(hit, value, x)}


def check_float(x: torch.Tensor, name: str) -> torch.Tensor:
    """The tensor itself; raises ValueError for whole numbers."""
    if not x.is_floating_point():
        raise ValueError(f"{name} is added to numbers; input has type {x.dtype}")
    return x


def check_std(std: float) -> None:
    """Raise ValueError unless positive."""
    if std <= 0:
        raise ValueError(f"std={std}; expected a positive number")


def check_share(share: float) -> None:
    """Raise ValueError unless it lies in 0 to 1."""
    if not 0 <= share <= 1:
        raise ValueError(f"{share} is no share; expected a number from 0 to 1")


@dataclass(frozen=True)
class RandomErasing:
    """Erase a random rectangle of a picture with some probability; ``area`` bounds its share of the picture, ``ratio`` its height / width.

    The area is uniform, the ratio log-uniform among those that fit, the place uniform. ``fill`` is a number, "mean" (the picture's own, by channel)
    or "random" (normal noise a pixel). Shapes: (B, C, H, W) or (B, T, C, H, W).
    Raises ValueError for impossible ranges. Paper: Zhong et al., 2020, arXiv:1708.04896.
    Use when objects may be partly hidden; cost: one pass over the batch.

    >>> x = torch.ones(1, 1, 8, 8)
    >>> 0 < RandomErasing(probability=1.0)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].sum().item() < 64
    True
    """

    probability: float = 0.25
    area: Sequence[float] = (0.02, 0.33)
    fill: float | str = 0.0
    ratio: Sequence[float] = (0.3, 3.3)

    def __post_init__(self) -> None:
        low, high = self.area
        if not 0 <= self.probability <= 1 or not 0 < low <= high <= 1:
            raise ValueError(f"probability={self.probability}, area={self.area}; expected shares from 0 to 1, the lower first")
        if isinstance(self.fill, str) and self.fill not in ("mean", "random"):
            raise ValueError(f"fill={self.fill!r}; expected a number, 'mean' or 'random'")
        check_rectangles(self.area, self.ratio)
        object.__setattr__(self, "area", (low, high))
        object.__setattr__(self, "ratio", tuple(self.ratio))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        erased = random.chance(self.probability)
        corner, extent = rectangles(random, x.shape[-2:], self.area, [1 / self.ratio[1], 1 / self.ratio[0]])
        within = []
        for axis, length in enumerate(x.shape[-2:]):
            places, first = torch.arange(length), corner[:, axis, None]
            within.append((places >= first) & (places < first + extent[:, axis, None]))
        inside = (within[0][:, :, None] & within[1][:, None] & erased[:, None, None]).to(x.device)
        inside = inside.reshape(len(x), *(1,) * (x.ndim - 3), *x.shape[-2:])
        if self.fill == "random":
            return batch | {"input": torch.where(inside, random.normal(*x.shape[1:]).to(x), x)}
        if self.fill == "mean":
            return batch | {"input": torch.where(inside, x.float().mean((-2, -1), keepdim=True).to(x.dtype), x)}
        return batch | {"input": x.masked_fill(inside, float(self.fill))}


@dataclass(frozen=True)
class Cutout:
    """Erase ``holes`` squares of ``length`` pixels at uniform centres, cut off at the border.

    Shapes: (B, C, H, W) or (B, T, C, H, W). Raises ValueError for numbers below 1. Paper: DeVries and Taylor, 2017, arXiv:1708.04552.
    Use on small pictures (CIFAR: one hole of 16); instead of it, ``RandomErasing`` for other shapes. Cost: one pass over the batch.

    >>> x = Cutout(length=4)({"input": torch.ones(1, 1, 8, 8)}, Random(0, 0, torch.arange(1)))["input"]
    >>> 64 - 16 <= x.sum().item() <= 64 - 4
    True
    """

    length: int = 16
    holes: int = 1
    fill: float = 0.0

    def __post_init__(self) -> None:
        if self.length < 1 or self.holes < 1:
            raise ValueError(f"length={self.length}, holes={self.holes}; expected at least 1 of each")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        inside = torch.zeros(len(x), *x.shape[-2:], dtype=torch.bool)
        for _ in range(self.holes):
            within = []
            for length, draw in zip(x.shape[-2:], random.uniform(2).unbind(1), strict=True):
                places, first = torch.arange(length), (draw * length).floor()[:, None] - self.length // 2
                within.append((places >= first) & (places < first + self.length))
            inside |= within[0][:, :, None] & within[1][:, None]
        inside = inside.to(x.device).reshape(len(x), *(1,) * (x.ndim - 3), *x.shape[-2:])
        return batch | {"input": x.masked_fill(inside, self.fill)}
