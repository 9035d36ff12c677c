"""The fundamental frequency of a sound, and spectra on a scale of notes."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

from weft.data.audio.framing import check_hop, window_of
from weft.data.audio.spectrum import Stft, stft


def yin(
    x: Float[Tensor, "*b t"], sample_rate: int, *, low: float = 65.0, high: float = 2093.0, length: int = 2048, hop: int = 512, trough: float = 0.1
) -> Float[Tensor, "*b frames"]:
    """The fundamental frequency in Hz of each frame, by YIN: the shortest lag at which the frame nearly repeats itself.

    d(tau) = sum_j (x_j - x_{j + tau})^2 over half a frame, divided by its mean up to tau; the first trough below ``trough`` wins, or the deepest
    point when there is none, and a parabola refines it. Every frame gets an answer, noise too; 1 + T // hop frames, the outer ones moved inwards.
    Raises ValueError for frequencies outside 0 < low < high <= sample_rate / 2 or a frame that is too short for ``low``.

    Paper: de Cheveigné, Kawahara, 2002, doi:10.1121/1.1458024.
    Use when one voice sounds at a time; cost: three FFTs a frame.

    >>> x = torch.sin(2 * math.pi * 220 * torch.arange(16000) / 16000)
    >>> round(yin(x, 16000)[5].item(), 1)
    220.0
    """
    check_hop(length, hop)
    half = length // 2
    shortest, longest = _lags(sample_rate, low, high, length - half - 1)
    difference = _difference(_around(x, hop, half + longest), half, longest)
    taus = torch.arange(1, longest + 1, dtype=x.dtype, device=x.device)
    mean = difference[..., 1:].cumsum(-1) / taus
    normal = difference[..., shortest:] / (mean[..., shortest - 1 :] + torch.finfo(x.dtype).tiny)  # lags shortest to longest
    lag = _trough(normal, trough)
    return sample_rate / (shortest + lag + _parabola(normal, lag))


def autocorrelation_pitch(
    x: Float[Tensor, "*b t"], sample_rate: int, *, low: float = 65.0, high: float = 2093.0, length: int = 2048, hop: int = 512
) -> tuple[Float[Tensor, "*b frames"], Float[Tensor, "*b frames"]]:
    """The frequency in Hz at the highest peak of each frame's normalised autocorrelation, and its height: near 1 at a tone, near 0 at noise.

    The cross-correlation of half a frame with what follows, divided by the energies of both, so that no lag is favoured.
    Paper: Boersma, 1993 (normalisation); Talkin, 1995 (cross-correlation).
    Use when it matters whether there is a pitch at all; instead of it, ``yin`` for fewer octave errors. Cost: two FFTs a frame.

    >>> x = torch.sin(2 * math.pi * 220 * torch.arange(16000) / 16000)
    >>> hz, height = autocorrelation_pitch(x, 16000, low=150)
    >>> round(hz[5].item()), bool(height[5] > 0.99)
    (220, True)
    """
    check_hop(length, hop)
    half = length // 2
    shortest, longest = _lags(sample_rate, low, high, length - half - 1)
    product, energy, later = _products(_around(x, hop, half + longest), half, longest)
    likeness = product / (energy[..., None] * later).clamp(min=1e-20).sqrt()
    likeness = likeness[..., shortest:]
    # a tone repeats after two periods as well as after one: the first peak nearly as high as the highest is the period
    peaks = torch.zeros_like(likeness, dtype=torch.bool)
    peaks[..., 1:-1] = (likeness[..., 1:-1] >= likeness[..., :-2]) & (likeness[..., 1:-1] > likeness[..., 2:])
    good = peaks & (likeness > 0.97 * likeness.amax(-1, keepdim=True))
    lag = torch.where(good.any(-1), good.to(torch.uint8).argmax(-1), likeness.argmax(-1))
    height = likeness.gather(-1, lag[..., None])[..., 0]
    return sample_rate / (shortest + lag + _parabola(-likeness, lag)), height


def constant_q(
    x: Float[Tensor, "*b t"],
    sample_rate: int,
    *,
    hop: int = 512,
    low: float = 32.70319566257483,
    bins: int = 84,
    per_octave: int = 12,
    window: str = "hann",
) -> Complex[Tensor, "*b bins frames"]:
    """A spectrum whose ``bins`` are notes: ``per_octave`` to an octave from ``low`` (C1), each seen through the same number of periods.

    X(k, n) = sum_t x(t) conj(a_k(t - nH)) / sqrt(N_k), a_k a windowed wave of N_k = Q sample_rate / f_k samples, Q = (r^2 + 1) / (r^2 - 1),
    r = 2^(1 / per_octave), whose absolute values add up to N_k: librosa's scale, but at the full rate for every octave.
    Raises ValueError when the highest note lies above half the sample rate.

    Paper: Brown, 1991, doi:10.1121/1.400476; Brown, Puckette, 1992, doi:10.1121/1.404385 (by products of spectra).
    Use when notes matter; instead of it, ``mel_spectrogram`` for speech. Cost: an FFT of the longest wave a frame.

    >>> x = torch.sin(2 * math.pi * 440 * torch.arange(16000) / 16000)
    >>> constant_q(x, 16000, bins=60).abs().mean(-1).argmax().item()  # A4 is 45 semitones above C1
    45
    """
    top = low * 2 ** ((bins - 1) / per_octave)
    if bins < 1 or per_octave < 1 or not 0 < low <= top < sample_rate / 2:
        raise ValueError(f"{bins} bins from {low} Hz reach {top:.0f} Hz; expected less than half of {sample_rate} samples a second")
    waves, n_fft = _waves(sample_rate, low, bins, per_octave, window)
    hop = min(hop, n_fft)
    spectrum = stft(x, Stft(n_fft, hop, "rect"))
    return waves.to(spectrum) @ spectrum


@lru_cache(maxsize=8)
def _waves(sample_rate: int, low: float, bins: int, per_octave: int, window: str) -> tuple[Tensor, int]:
    """The spectra of the windowed waves, conjugated, and the FFT's size."""
    ratio = 2 ** (1 / per_octave)
    q = 1 / (ratio - 1) if bins == 1 else (ratio**2 + 1) / (ratio**2 - 1)  # librosa's width, between the neighbours on both sides
    hertz = low * ratio ** torch.arange(bins, dtype=torch.float64)
    lengths = q * sample_rate / hertz
    n_fft = 1 << (math.ceil(lengths[0].item()) - 1).bit_length()
    waves = torch.zeros(bins, n_fft, dtype=torch.complex128)
    for row, hz, length in zip(waves, hertz.tolist(), lengths.tolist(), strict=True):
        place = torch.arange(math.floor(-length / 2), math.floor(length / 2), dtype=torch.float64)
        shape = window_of(window, len(place), like=place)
        wave = torch.polar(shape / shape.sum(), 2 * math.pi * hz / sample_rate * place)
        start = (n_fft - len(place)) // 2
        row[start : start + len(place)] = wave * math.sqrt(length)
    return torch.fft.fft(waves)[:, : n_fft // 2 + 1].conj().resolve_conj() / n_fft, n_fft


def _lags(sample_rate: int, low: float, high: float, most: int) -> tuple[int, int]:
    if not 0 < low < high <= sample_rate / 2:
        raise ValueError(f"low={low}, high={high}; expected 0 < low < high <= {sample_rate / 2}")
    shortest, longest = max(1, math.floor(sample_rate / high)), math.ceil(sample_rate / low)
    if longest > most:
        raise ValueError(f"A period of low={low} Hz is {longest} samples, the frame has room for {most}; take length={4 * longest} or a higher low")
    return shortest, longest


def _around(x: Tensor, hop: int, span: int) -> Tensor:
    """``span`` samples around every hop-th sample; at the edges the first and last whole ones, for half of nothing has no period."""
    starts = torch.arange(0, x.shape[-1] + 1, hop, device=x.device) - span // 2
    x = F.pad(x, (0, max(0, span - x.shape[-1])))
    starts = starts.clamp(0, x.shape[-1] - span)
    return x[..., starts[:, None] + torch.arange(span, device=x.device)]


def _products(frames: Tensor, half: int, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """sum_j x_j x_{j + tau} over half a frame for lags 0 to ``longest``, the energy of the half, and that of the half ``tau`` later."""
    length = frames.shape[-1]
    spectrum = torch.fft.rfft(frames, 2 * length)
    first = torch.fft.rfft(frames[..., :half], 2 * length)
    product = torch.fft.irfft(spectrum * first.conj(), 2 * length)[..., : longest + 1]
    energy = F.pad(frames.square().cumsum(-1), (1, 0))
    later = energy[..., half : half + longest + 1] - energy[..., : longest + 1]
    return product, later[..., 0], later


def _difference(frames: Tensor, half: int, longest: int) -> Tensor:
    product, energy, later = _products(frames, half, longest)
    return (energy[..., None] + later - 2 * product).clamp(min=0)


def _trough(normal: Tensor, threshold: float) -> Tensor:
    """The first local minimum below the threshold, or else the least value."""
    inner = torch.zeros_like(normal, dtype=torch.bool)
    inner[..., 1:-1] = (normal[..., 1:-1] < normal[..., :-2]) & (normal[..., 1:-1] <= normal[..., 2:])
    inner[..., 0] = normal[..., 0] < normal[..., 1]
    good = inner & (normal < threshold)
    return torch.where(good.any(-1), good.to(torch.uint8).argmax(-1), normal.argmin(-1))


def _parabola(values: Tensor, place: Tensor) -> Tensor:
    """How far from ``place`` the parabola through it and its neighbours is least; 0 at the ends."""
    inner = place.clamp(1, values.shape[-1] - 2)
    left, middle, right = (values.gather(-1, (inner + step)[..., None])[..., 0] for step in (-1, 0, 1))
    curve, slope = left + right - 2 * middle, (right - left) / 2
    shift = torch.where(slope.abs() < curve.abs(), -slope / torch.where(curve == 0, torch.ones_like(curve), curve), torch.zeros_like(curve))
    return torch.where(place == inner, shift, torch.zeros_like(shift))
