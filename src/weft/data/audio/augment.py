"""Disturb waves without changing their length: noise and background at a given level, gain, shift, reverberation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random


def waves(batch: Batch, name: str) -> tuple[Float[Tensor, "b *c t"], Bool[Tensor, "b *c t"]]:
    """``input`` (B, T) or (B, C, T), and where its records really are (``attend``, else everywhere) in a shape that multiplies with it."""
    x = batch["input"]
    if x.ndim not in (2, 3) or not x.is_floating_point():
        raise ValueError(f"{name} works on waves (B, T) or (B, C, T) in floating point; input has shape {tuple(x.shape)} and type {x.dtype}")
    keep = batch.get("attend")
    keep = torch.ones(len(x), x.shape[-1], dtype=torch.bool, device=x.device) if keep is None else keep
    if keep.shape != (len(x), x.shape[-1]):
        raise ValueError(f"{name}: attend has shape {tuple(keep.shape)}; expected {(len(x), x.shape[-1])}, one number a sample")
    return x, keep if x.ndim == 2 else keep[:, None].expand_as(x)


def per_record(values: Float[Tensor, " b"], x: Float[Tensor, "b *c t"]) -> Tensor:
    """One number a record, of the shape, type and device that multiplies with ``x``."""
    return values.to(x).reshape(-1, *[1] * (x.ndim - 1))


def power_of(x: Float[Tensor, "b *c t"], keep: Bool[Tensor, "b *c t"]) -> Tensor:
    """The mean square of each record where it really is; 0 for one without samples."""
    axes = tuple(range(1, x.ndim))
    return ((x**2 * keep).sum(axes) / keep.sum(axes).clamp(min=1)).reshape(-1, *[1] * (x.ndim - 1))


def mixed(x: Tensor, keep: Tensor, other: Tensor, snr: Tensor) -> Tensor:
    """``x`` plus ``other``, scaled so that their powers differ by ``snr`` decibels; where either is silent nothing is added."""
    wanted = power_of(x, keep) / 10 ** (per_record(snr, x) / 10)
    present = power_of(other, keep)
    scale = torch.where(present > 0, (wanted / present.clamp(min=1e-30) + 1e-38).sqrt(), torch.zeros_like(present))
    return x + torch.where(wanted > 0, scale, torch.zeros_like(scale)) * other * keep


@dataclass(frozen=True)
class NoiseAtSNR:
    """Add white noise whose power lies ``snr`` decibels below the record's own, drawn evenly between two bounds.

    Exact for each record: power is measured where ``attend`` is True, and padding stays 0. A silent record stays silent.
    Shapes: (B, T) or (B, C, T). Use when recordings are noisy by unlike amounts; instead of it, ``Noise(std=0.01)`` for noise of one level.
    Cost: a normal number a sample.

    >>> x = torch.sin(torch.arange(1000.0))[None]
    >>> y = NoiseAtSNR(snr=(10, 10))({"input": x}, Random(0, 0, torch.tensor([0])))["input"]
    >>> round(10 * torch.log10(x.pow(2).mean() / (y - x).pow(2).mean()).item(), 3)
    10.0
    """

    snr: Sequence[float] = (10.0, 30.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "snr", bounds("snr", self.snr))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "NoiseAtSNR")
        if not x.numel():
            return batch
        snr = between(self.snr, random)
        return batch | {"input": mixed(x, keep, random.normal(*x.shape[1:]).to(x), snr)}


@dataclass(frozen=True, eq=False)
class BackgroundMix:
    """Add a piece of one of ``sounds``, ``snr`` decibels below the record, with some probability.

    ``sounds`` are samples (T,) or (C, T) at the batch's rate; a piece begins anywhere and the sound is repeated where it is too short. Channels
    of a sound are averaged. A silent record stays silent. Raises ValueError for no sounds or empty ones.
    Shapes: (B, T) or (B, C, T). Use when real noise is at hand; cost: one copy of the batch.

    >>> mix = BackgroundMix([torch.ones(7)], snr=(0, 0))
    >>> mix({"input": torch.ones(1, 20)}, Random(0, 0, torch.tensor([0])))["input"].unique()
    tensor([2.])
    """

    sounds: Sequence[Tensor]
    snr: Sequence[float] = (5.0, 20.0)
    probability: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "snr", bounds("snr", self.snr))
        check_probability(self.probability)
        if not self.sounds or any(sound.ndim not in (1, 2) or sound.numel() == 0 for sound in self.sounds):
            raise ValueError(f"BackgroundMix got {len(self.sounds)} sounds; expected at least one, each (T,) or (C, T) with samples")
        object.__setattr__(self, "sounds", tuple(s if s.ndim == 1 else s.mean(0) for s in self.sounds))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "BackgroundMix")
        chosen, place = random.integers(0, len(self.sounds)), random.uniform()
        snr, applied = between(self.snr, random), random.chance(self.probability)
        steps, sounds = torch.arange(x.shape[-1]), [self.sounds[i] for i in chosen.tolist()]
        pieces = [sound[(int(share * len(sound)) + steps) % len(sound)] for sound, share in zip(sounds, place.tolist(), strict=True)]
        other = torch.stack(pieces).to(x) if pieces else x.new_zeros(0, x.shape[-1])
        other = other * applied.to(x)[:, None]
        return batch | {"input": mixed(x, keep, other if x.ndim == 2 else other[:, None].expand_as(x), snr)}


@dataclass(frozen=True)
class RandomGain:
    """Multiply each record by a gain between two bounds in decibels; ``ceiling`` lowers a gain under which the record would exceed it.

    Shapes: (B, T) or (B, C, T). Use when loudness says nothing about the target; instead of it, ``NormalizeLoudness`` to remove the differences.

    >>> RandomGain(gain=(20, 20))({"input": torch.full((1, 3), 0.01)}, Random(0, 0, torch.tensor([0])))["input"]
    tensor([[0.1000, 0.1000, 0.1000]])
    """

    gain: Sequence[float] = (-6.0, 6.0)
    ceiling: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", bounds("gain", self.gain))
        if self.ceiling is not None and self.ceiling <= 0:
            raise ValueError(f"ceiling={self.ceiling}; expected a positive number")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, _ = waves(batch, "RandomGain")
        factor = per_record(10 ** (between(self.gain, random) / 20), x)
        if self.ceiling is not None and x.numel():
            peak = x.abs().amax(tuple(range(1, x.ndim)), keepdim=True)
            factor = torch.minimum(factor, self.ceiling / peak.clamp(min=1e-12))
        return batch | {"input": x * factor}


@dataclass(frozen=True)
class TimeShift:
    """Move each record by up to ``seconds`` to either side; what leaves is lost, what enters is 0, and the length never changes.

    ``wrap`` lets what leaves enter on the other side. A record is moved within its own length (``attend``), so padding stays padding; a shift
    beyond the length leaves silence. Shapes: (B, T) or (B, C, T).
    Use when the beginning of a clip is arbitrary; cost: one copy.

    >>> TimeShift(1.0, sample_rate=2)({"input": torch.ones(1, 3)}, Random(0, 0, torch.tensor([1])))["input"].shape
    torch.Size([1, 3])
    """

    seconds: float = 0.1
    sample_rate: int = 16_000
    wrap: bool = False

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.sample_rate < 1:
            raise ValueError(f"seconds={self.seconds}, sample_rate={self.sample_rate}; expected a length from 0 on and a positive rate")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "TimeShift")
        moved = ((2 * random.uniform() - 1) * self.seconds * self.sample_rate).round().long().to(x.device)
        lengths = keep.reshape(len(x), -1, x.shape[-1])[:, 0].sum(1) if x.numel() else moved
        origin = torch.arange(x.shape[-1], device=x.device) - moved[:, None]
        if self.wrap:
            origin, inside = origin % lengths.clamp(min=1)[:, None], torch.ones_like(origin, dtype=torch.bool)
        else:
            inside = (origin >= 0) & (origin < lengths[:, None])
        origin = origin.clamp(0, max(0, x.shape[-1] - 1))
        if x.ndim == 3:
            origin, inside = origin[:, None].expand_as(x), inside[:, None]
        return batch | {"input": x.gather(-1, origin) * (inside & keep)}


@dataclass(frozen=True, eq=False)
class Reverb:
    """Convolve each record with a room: the sound itself, then noise that dies away by 60 decibels in ``rt60`` seconds.

    ``direct`` is the level of the sound itself over its reverberation, in decibels; both are drawn between bounds. Given measured ``responses``
    (T,), one is drawn instead. The record's power and length stay as they were. Shapes: (B, T) or (B, C, T).

    Paper: Polack, 1988 (the model); Ko et al., 2017, doi:10.1109/ICASSP.2017.7953152 (its use).
    Use when training sounds are dry and others are not; cost: three FFTs of a record.

    >>> Reverb(sample_rate=8000)({"input": torch.randn(2, 800)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 800])
    """

    rt60: Sequence[float] = (0.1, 0.6)
    direct: Sequence[float] = (0.0, 12.0)
    sample_rate: int = 16_000
    responses: Sequence[Tensor] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rt60", bounds("rt60", self.rt60))
        object.__setattr__(self, "direct", bounds("direct", self.direct))
        if self.rt60[0] <= 0 or self.sample_rate < 1 or any(r.ndim != 1 or not r.any() for r in self.responses):
            raise ValueError(f"rt60={self.rt60}, sample_rate={self.sample_rate}; expected positive numbers, and responses (T,) that are not silent")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "Reverb")
        if not x.numel():
            return batch
        rooms = self._measured(random, x) if self.responses else self._made(random, x)
        size = x.shape[-1] + rooms.shape[-1] - 1
        rooms = rooms if x.ndim == 2 else rooms[:, None]
        wet = torch.fft.irfft(torch.fft.rfft(x * keep, size) * torch.fft.rfft(rooms, size), size)[..., : x.shape[-1]] * keep
        level = (power_of(x, keep) / power_of(wet, keep).clamp(min=1e-30) + 1e-38).sqrt()
        return batch | {"input": wet * level}

    def _made(self, random: Random, x: Tensor) -> Tensor:
        rt60, direct = between(self.rt60, random), between(self.direct, random)
        times = torch.arange(1, math.ceil(self.rt60[1] * self.sample_rate) + 1) / self.sample_rate
        tail = random.normal(len(times)) * torch.exp(-3 * math.log(10) * times / rt60[:, None])
        tail = tail * (10 ** (-direct / 20) / tail.norm(dim=1).clamp(min=1e-12))[:, None]
        return torch.cat([torch.ones(len(tail), 1), tail], 1).to(x)

    def _measured(self, random: Random, x: Tensor) -> Tensor:
        longest = max(len(response) for response in self.responses)
        rooms = torch.stack([torch.nn.functional.pad(r, (0, longest - len(r))) for r in self.responses]).to(x)
        return rooms[random.integers(0, len(rooms)).to(x.device)]


def bounds(name: str, given: Sequence[float]) -> tuple[float, float]:
    """Two numbers, the lower first."""
    if len(given) != 2 or not given[0] <= given[1]:
        raise ValueError(f"{name}={given}; expected two numbers, the lower first")
    return (float(given[0]), float(given[1]))


def between(limits: Sequence[float], random: Random) -> Float[Tensor, " b"]:
    """One number a record, evenly between two bounds."""
    return limits[0] + (limits[1] - limits[0]) * random.uniform()


def check_probability(probability: float) -> None:
    if not 0 <= probability <= 1:
        raise ValueError(f"probability={probability}; expected a number from 0 to 1")
