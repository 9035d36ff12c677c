"""How loud a sound is, and making it as loud as wanted without clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from weft.data.audio.augment import waves
from weft.data.contracts import Batch
from weft.data.keyed import Random

SURROUND = (1.0, 1.0, 1.0, 1.41, 1.41)  # left, right, centre, left and right surround
BLOCK, OVERLAP, ABSOLUTE, RELATIVE = 0.4, 0.75, -70.0, -10.0


def rms_level(x: Float[Tensor, "*b c t"]) -> Float[Tensor, "*b"]:
    """Root mean square over channels and time in decibels; a constant 1 is 0, silence is -inf.

    >>> round(rms_level(torch.full((1, 10), 0.1)).item(), 3)
    -20.0
    """
    return 10 * x.double().pow(2).mean((-2, -1)).log10().to(x)


def lufs(x: Float[Tensor, "*b c t"], sample_rate: int) -> Float[Tensor, "*b"]:
    """Integrated loudness in LUFS: K-weighted power, averaged over the blocks of 0.4 s that pass two gates; silence is -inf.

    L = -0.691 + 10 log10 sum_c g_c mean z_c^2 over the blocks above -70 LUFS and above 10 below their own mean. Five channels are left, right,
    centre and two surrounds (g = 1.41); fewer have g = 1. A sound shorter than a block is one block.
    Raises ValueError for more than five channels or no samples.

    Paper: ITU-R BS.1770-4, 2015.
    Use when sounds of unlike spectra should seem equally loud; instead of it, ``rms_level`` for a plain measure. Cost: two FFTs.

    >>> tone = torch.sin(2 * math.pi * 997 * torch.arange(48000) / 48000)
    >>> round(lufs(tone[None], 48000).item(), 2)
    -3.01
    """
    channels, samples = x.shape[-2:]
    if channels > len(SURROUND) or samples == 0:
        raise ValueError(f"A sound of {channels} channels and {samples} samples; expected 1 to 5 channels and at least one sample")
    weighted = k_weighted(x.double(), sample_rate)
    block = min(samples, round(BLOCK * sample_rate))
    hop = max(1, round(BLOCK * (1 - OVERLAP) * sample_rate))
    power = weighted.pow(2).unfold(-1, block, hop).mean(-1)  # (*b, c, blocks)
    power = (power * torch.tensor(SURROUND[:channels], dtype=power.dtype, device=x.device)[:, None]).sum(-2)
    loud = -0.691 + 10 * power.log10()
    first = loud > ABSOLUTE
    gate = -0.691 + 10 * average(power, first).log10() + RELATIVE
    return (-0.691 + 10 * average(power, first & (loud > gate[..., None])).log10()).to(x)


def average(power: Tensor, keep: Tensor) -> Tensor:
    """The mean of what is kept over the last axis, 0 when nothing is."""
    return (power * keep).sum(-1) / keep.sum(-1).clamp(min=1)


def k_weighted(x: Float[Tensor, "*b c t"], sample_rate: int) -> Float[Tensor, "*b c t"]:
    """``x`` through the two filters of BS.1770: a shelf of +4 dB above 1.7 kHz for the head, and a high-pass at 38 Hz.

    The recursive filters are applied as products of spectra, padded so far that their responses have died away.
    """
    size = x.shape[-1] + sample_rate  # after a second the high-pass has fallen by far more than float64 can show
    size = 1 << (size - 1).bit_length()
    response = _k_response(sample_rate, size).to(x.device)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response.to(torch.fft.rfft(x[..., :1]).dtype), size)[..., : x.shape[-1]]


def k_coefficients(sample_rate: int) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    """The two filters as (b, a): the standard's table at 48 kHz, by the bilinear transform at any other rate."""
    shelf = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + shelf / q + shelf**2
    head = (
        [(high + band * shelf / q + shelf**2) / a0, 2 * (shelf**2 - high) / a0, (high - band * shelf / q + shelf**2) / a0],
        [1.0, 2 * (shelf**2 - 1) / a0, (1 - shelf / q + shelf**2) / a0],
    )
    low = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1 + low / q + low**2
    return head, ([1.0, -2.0, 1.0], [1.0, 2 * (low**2 - 1) / a0, (1 - low / q + low**2) / a0])


@lru_cache(maxsize=16)
def _k_response(sample_rate: int, size: int) -> Tensor:
    z = torch.polar(torch.ones(size // 2 + 1, dtype=torch.float64), -2 * math.pi * torch.arange(size // 2 + 1, dtype=torch.float64) / size)
    response = torch.ones_like(z)
    for b, a in k_coefficients(sample_rate):
        response = response * (b[0] + b[1] * z + b[2] * z**2) / (a[0] + a[1] * z + a[2] * z**2)
    return response


def limit_peaks(x: Float[Tensor, "*b c t"], ceiling: float = 1.0, window: int = 441) -> Float[Tensor, "*b c t"]:
    """``x`` turned down around peaks above ``ceiling``, smoothly and for all channels alike; elsewhere it is unchanged.

    The gain needed at each sample is held for ``window`` samples to both sides and averaged over as many, so no sample ever exceeds the ceiling.
    Use when a few peaks stand in the way of loudness; instead of it, a gain for the whole sound, which changes nothing but its level.

    >>> limit_peaks(torch.tensor([[0.1, 0.1, 0.1, 2.0]]), window=1)
    tensor([[0.1000, 0.0833, 0.0667, 1.0000]])
    """
    if ceiling <= 0 or window < 1:
        raise ValueError(f"ceiling={ceiling}, window={window}; expected positive numbers")
    if not x.numel():
        return x
    peak = x.abs().amax(-2, keepdim=True)
    gain = (ceiling / peak.clamp(min=1e-12)).clamp(max=1.0).reshape(-1, 1, x.shape[-1])
    held = -F.max_pool1d(F.pad(-gain, (2 * window, 2 * window), value=-1.0), 2 * window + 1, 1)  # the least gain within reach
    smooth = F.avg_pool1d(held, 2 * window + 1, 1).reshape(peak.shape)
    return (x * smooth).clamp(-ceiling, ceiling)  # the clamp takes off rounding only


@dataclass(frozen=True)
class NormalizeLoudness:
    """Bring each record to ``target`` decibels of RMS, or LUFS with ``measure="lufs"``, never above ``ceiling``.

    ``peaks``: "scale" lowers the gain of a record that would exceed the ceiling, which then stays below the target; "limit" turns down around its
    peaks only (``limit_peaks``). The gain is at most ``max_gain`` decibels; a silent record is left as it is. The level is measured where
    ``attend`` is True. Shapes: (B, T) or (B, C, T).

    Use when loudness says nothing about the target, in training and evaluation alike (``normalize_loudness`` for one sound); cost: a few passes.

    >>> x = torch.full((1, 100), 0.5)
    >>> NormalizeLoudness(target=-20.0)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].unique()
    tensor([0.1000])
    """

    target: float = -20.0
    measure: str = "rms"
    ceiling: float = 1.0
    max_gain: float = 40.0
    peaks: str = "scale"
    sample_rate: int = 16_000

    def __post_init__(self) -> None:
        if self.measure not in ("rms", "lufs") or self.peaks not in ("scale", "limit"):
            raise ValueError(f"measure={self.measure!r}, peaks={self.peaks!r}; expected 'rms' or 'lufs', 'scale' or 'limit'")
        if self.ceiling <= 0 or self.sample_rate < 1:
            raise ValueError(f"ceiling={self.ceiling}, sample_rate={self.sample_rate}; expected positive numbers")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "NormalizeLoudness")
        lengths = keep.reshape(len(x), -1, x.shape[-1])[:, 0].sum(1).tolist() if x.numel() else []
        rows = [normalize_loudness(row.reshape(-1, row.shape[-1])[:, :length], self) for row, length in zip(x, lengths)]
        rows = [F.pad(row, (0, x.shape[-1] - row.shape[-1])).reshape(x.shape[1:]) for row in rows]
        return batch | {"input": torch.stack(rows) if rows else x}


def normalize_loudness(x: Float[Tensor, "c t"], form: NormalizeLoudness = NormalizeLoudness()) -> Float[Tensor, "c t"]:
    """One sound (C, T) at the loudness that ``form`` says; see ``NormalizeLoudness``.

    >>> round(rms_level(normalize_loudness(torch.full((2, 50), 0.3))).item(), 3)
    -20.0
    """
    if x.shape[-1] == 0:
        return x
    level = rms_level(x) if form.measure == "rms" else lufs(x, form.sample_rate)
    if not level.isfinite():
        return x  # silence: any gain is wrong
    gain = 10 ** ((form.target - level).clamp(max=form.max_gain) / 20)
    if form.peaks == "scale":
        return x * torch.minimum(gain, form.ceiling / x.abs().amax().clamp(min=1e-12))
    return limit_peaks(x * gain, form.ceiling, max(1, round(0.005 * form.sample_rate)))
