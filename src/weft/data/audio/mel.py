"""The mel scale: filter banks, mel spectrograms, decibels, cepstra."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weft._lazy import unknown
from weft.data.audio.spectrum import Stft, spectrogram

SCALES = ("slaney", "htk")
KNEE, PER_MEL = 1000.0, 200.0 / 3  # Slaney's scale: linear below 1 kHz, one mel = 66.7 Hz
GROWTH = math.log(6.4) / 27  # and logarithmic above


def hz_to_mel(hz: Float[Tensor, "*any"], scale: str = "slaney") -> Float[Tensor, "*any"]:
    """Hertz to mel: "slaney" (Auditory Toolbox, linear below 1 kHz) or "htk", 2595 log10(1 + f / 700).

    >>> round(hz_to_mel(torch.tensor(1000.0)).item(), 4), round(hz_to_mel(torch.tensor(1000.0), "htk").item(), 2)
    (15.0, 999.99)
    """
    _check(scale)
    if scale == "htk":
        return 2595 * torch.log10(1 + hz / 700)
    return torch.where(hz < KNEE, hz / PER_MEL, KNEE / PER_MEL + torch.log(hz.clamp(min=KNEE) / KNEE) / GROWTH)


def mel_to_hz(mel: Float[Tensor, "*any"], scale: str = "slaney") -> Float[Tensor, "*any"]:
    """The inverse of ``hz_to_mel``.

    >>> round(mel_to_hz(torch.tensor(15.0)).item(), 3)
    1000.0
    """
    _check(scale)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    knee = KNEE / PER_MEL
    return torch.where(mel < knee, mel * PER_MEL, KNEE * torch.exp(GROWTH * (mel - knee)))


def mel_filters(
    sample_rate: int, n_fft: int = 512, n_mels: int = 80, *, low: float = 0.0, high: float | None = None, scale: str = "slaney", area: bool = True
) -> Float[Tensor, "mels bins"]:
    """Triangles that are evenly spaced in mel, (n_mels, n_fft / 2 + 1); ``area`` gives each area 1 (Slaney's), else each has peak 1.

    Warns when a triangle falls between two bins and would always be 0 (fewer mels or a longer frame mend it). Kept once made; do not write
    into the result. Raises ValueError for an unknown scale or frequencies outside 0 <= low < high <= sample_rate / 2.

    Paper: Stevens, Volkmann, Newman, 1937, doi:10.1121/1.1915893; Slaney, Auditory Toolbox, 1998.

    >>> mel_filters(16000, 512, 40).shape
    torch.Size([40, 257])
    """
    _check(scale)
    high = sample_rate / 2 if high is None else high
    if not 0 <= low < high <= sample_rate / 2 or n_mels < 1:
        raise ValueError(f"{n_mels} mels from {low} to {high} Hz at {sample_rate} samples a second; expected 0 <= low < high <= {sample_rate / 2}")
    return _filters(sample_rate, n_fft, n_mels, float(low), float(high), scale, area)


@lru_cache(maxsize=64)
def _filters(sample_rate: int, n_fft: int, n_mels: int, low: float, high: float, scale: str, area: bool) -> Tensor:
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    ends = hz_to_mel(torch.tensor([low, high], dtype=torch.float64), scale)
    edges = mel_to_hz(torch.from_numpy(np.linspace(ends[0].item(), ends[1].item(), n_mels + 2)), scale)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp(min=0)
    empty = int((filters.amax(1) == 0).sum())
    if empty:
        warnings.warn(
            f"{empty} of {n_mels} mel filters lie between the bins of n_fft={n_fft} at {sample_rate} samples a second and are always 0; "
            "take fewer mels or a larger n_fft",
            stacklevel=3,
        )
    if area:
        filters = filters * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters.float()


@lru_cache(maxsize=64)
def _placed(filters: tuple[int, int, int, float, float, str, bool], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Filters by type and device: copies to a device are slow."""
    return _filters(*filters).to(dtype=dtype, device=device)


def mel_spectrogram(
    x: Float[Tensor, "*b t"], sample_rate: int, form: Stft = Stft(), *, n_mels: int = 80, power: float = 2.0, scale: str = "slaney", area: bool = True
) -> Float[Tensor, "*b mels frames"]:
    """``spectrogram`` through ``mel_filters``: energy in bands as wide as the ear's.

    Use when a network listens; instead of it, ``spectrogram`` when pitch must be exact. Cost: one matrix product beside the spectrum.

    >>> mel_spectrogram(torch.randn(2, 16000), 16000, n_mels=40).shape
    torch.Size([2, 40, 63])
    """
    mel_filters(sample_rate, form.n_fft, n_mels, scale=scale, area=area)  # checks, and warns once
    filters = _placed((sample_rate, form.n_fft, n_mels, 0.0, sample_rate / 2, scale, area), x.dtype, x.device)
    return filters @ spectrogram(x, form, power=power)


def decibels(power: Float[Tensor, "*b f t"], *, reference: float = 1.0, floor: float = 1e-10, top_db: float | None = 80.0) -> Float[Tensor, "*b f t"]:
    """10 log10(max(power, floor) / reference), cut ``top_db`` below the loudest value of each spectrogram.

    The loudest is sought over the last two axes, so a record's values do not depend on its neighbours in the batch.

    >>> decibels(torch.tensor([[1.0, 0.1, 0.0]])).tolist()
    [[0.0, -10.0, -80.0]]
    """
    if floor <= 0 or reference <= 0 or (top_db is not None and top_db < 0):
        raise ValueError(f"reference={reference}, floor={floor}, top_db={top_db}; expected positive numbers")
    db = 10 * torch.log10(power.clamp(min=floor)) - 10 * math.log10(max(reference, floor))
    if top_db is None or db.numel() == 0:
        return db
    return torch.maximum(db, db.amax((-2, -1), keepdim=True) - top_db)


@lru_cache(maxsize=16)
def dct_matrix(outputs: int, inputs: int) -> Float[Tensor, "outputs inputs"]:
    """The orthonormal DCT-II: its rows are orthogonal cosines of length 1.

    >>> torch.allclose(dct_matrix(4, 4) @ dct_matrix(4, 4).T, torch.eye(4), atol=1e-6)
    True
    """
    angle = math.pi / inputs * torch.arange(outputs, dtype=torch.float64)[:, None] * (torch.arange(inputs, dtype=torch.float64) + 0.5)
    matrix = angle.cos() * math.sqrt(2 / inputs)
    matrix[0] /= math.sqrt(2)
    return matrix.float()


def mfcc(
    x: Float[Tensor, "*b t"],
    sample_rate: int,
    form: Stft = Stft(),
    *,
    n_mfcc: int = 13,
    n_mels: int = 80,
    top_db: float | None = 80.0,
    scale: str = "slaney",
) -> Float[Tensor, "*b n frames"]:
    """Mel-frequency cepstral coefficients: the first ``n_mfcc`` of the orthonormal DCT-II of the mel spectrogram in decibels.

    Paper: Davis, Mermelstein, 1980, doi:10.1109/TASSP.1980.1163420.
    Use when features must be few and nearly uncorrelated; instead of it, ``mel_spectrogram`` for a convolutional network.

    >>> mfcc(torch.randn(16000), 16000).shape
    torch.Size([13, 63])
    """
    if not 1 <= n_mfcc <= n_mels:
        raise ValueError(f"n_mfcc={n_mfcc}; expected 1 to n_mels={n_mels}")
    mel = mel_spectrogram(x, sample_rate, form, n_mels=n_mels, scale=scale)
    return dct_matrix(n_mfcc, n_mels).to(mel) @ decibels(mel, top_db=top_db)


def _check(scale: str) -> None:
    if scale not in SCALES:
        raise unknown("mel scale", scale, SCALES)
