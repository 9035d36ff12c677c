"""Short-time spectra and their inverses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from weft.data.audio.framing import check_hop, window_of
from weft.data.keyed import Random


@dataclass(frozen=True)
class Stft:
    """How spectra are taken: ``n_fft`` samples a frame, a new one every ``hop``, under ``window`` (periodic, ``length`` samples long, default n_fft).

    ``center`` pads n_fft / 2 zeros on both sides, so that frame k is centred on sample k * hop and there are 1 + T // hop frames; else frame k
    begins there.

    >>> Stft(n_fft=400, hop=160).frames(16000)
    101
    """

    n_fft: int = 512
    hop: int = 256
    window: str = "hann"
    length: int | None = None
    center: bool = True

    def __post_init__(self) -> None:
        check_hop(self.n_fft, self.hop)
        if not 1 <= (self.length or self.n_fft) <= self.n_fft:
            raise ValueError(f"A window of {self.length} samples in frames of {self.n_fft}; expected at most {self.n_fft}")

    def shape(self, like: Tensor) -> Tensor:
        """The window's values."""
        return window_of(self.window, self.length or self.n_fft, like=like.real if like.is_complex() else like)

    def frames(self, samples: int) -> int:
        """Frames of a signal of so many samples."""
        return 1 + samples // self.hop if self.center else max(0, samples - self.n_fft + self.hop) // self.hop


def stft(x: Float[Tensor, "*b t"], form: Stft = Stft()) -> Complex[Tensor, "*b bins frames"]:
    """Short-time Fourier transform: X(f, k) = sum_n w(n) x(kH + n) exp(-2 pi i f n / N), n_fft / 2 + 1 bins.

    Differentiable, on any device. Raises ValueError for a signal shorter than a frame when it is not centred.

    Paper: Allen, Rabiner, 1977, doi:10.1109/PROC.1977.10770.
    Use when a spectrum over time is needed; cost: O(N log N) a frame.

    >>> stft(torch.randn(2, 1600), Stft(n_fft=400, hop=160)).shape
    torch.Size([2, 201, 11])
    """
    if not form.center and x.shape[-1] < form.n_fft:
        raise ValueError(f"A signal of {x.shape[-1]} samples is shorter than a frame of {form.n_fft}; pad it, or take center=True")
    flat = x.reshape(-1, x.shape[-1])
    out = torch.stft(flat, form.n_fft, form.hop, form.length, form.shape(x), form.center, "constant", return_complex=True)
    return out.reshape(*x.shape[:-1], *out.shape[1:])


def istft(spectrum: Complex[Tensor, "*b bins frames"], form: Stft = Stft(), samples: int | None = None) -> Float[Tensor, "*b t"]:
    """The signal of a spectrum: least squares over the overlapping frames, exact for an unchanged ``stft``.

    ``samples`` is the length to return; without it what follows the last whole hop is lost.
    Paper: Griffin, Lim, 1984, doi:10.1109/TASSP.1984.1164317.

    >>> x = torch.randn(1000)
    >>> torch.allclose(istft(stft(x), samples=1000), x, atol=1e-5)
    True
    """
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    if flat.shape[0] == 0:
        return spectrum.real.new_zeros(*spectrum.shape[:-2], (spectrum.shape[-1] - 1) * form.hop if samples is None else samples)
    out = torch.istft(flat, form.n_fft, form.hop, form.length, form.shape(spectrum), form.center, length=samples)
    return out.reshape(*spectrum.shape[:-2], -1)


def spectrogram(x: Float[Tensor, "*b t"], form: Stft = Stft(), *, power: float = 2.0) -> Float[Tensor, "*b bins frames"]:
    """|stft|^power: 2 is energy, 1 is magnitude.

    >>> spectrogram(torch.randn(3, 1024)).shape
    torch.Size([3, 257, 5])
    """
    spectrum = stft(x, form)
    if power == 2:
        return spectrum.real**2 + spectrum.imag**2  # the gradient of abs() is not finite at silence
    return (spectrum.real**2 + spectrum.imag**2).clamp(min=1e-30) ** (power / 2)


def griffin_lim(
    magnitude: Float[Tensor, "*b bins frames"],
    form: Stft = Stft(),
    *,
    iterations: int = 32,
    momentum: float = 0.99,
    samples: int | None = None,
    random: Random | None = None,
) -> Float[Tensor, "*b t"]:
    """A signal whose spectrum has the given magnitude: phases are guessed and made consistent again and again.

    Starts from phases of ``random``, keyed by the first axis, or from 0 without it. ``momentum`` 0 is the original algorithm.

    Paper: Griffin, Lim, 1984, doi:10.1109/TASSP.1984.1164317; Perraudin et al., 2013, doi:10.1109/WASPAA.2013.6701851 (momentum).
    Use when a spectrogram has lost its phase; cost: an inverse and a forward transform an iteration.

    >>> x = torch.sin(torch.arange(4096) * 0.2)
    >>> griffin_lim(spectrogram(x, power=1), samples=4096).shape
    torch.Size([4096])
    """
    if iterations < 1 or not 0 <= momentum < 1:
        raise ValueError(f"iterations={iterations}, momentum={momentum}; expected at least 1, and 0 <= momentum < 1")
    phase = torch.zeros_like(magnitude)
    if random is not None:
        phase = (random.uniform(*magnitude.shape[1:]) * 2 * math.pi).to(magnitude)
    angles = torch.polar(torch.ones_like(phase), phase)
    before = torch.zeros_like(angles)
    for _ in range(iterations):
        rebuilt = stft(istft(magnitude * angles, form, samples), form)
        rebuilt = torch.nn.functional.pad(rebuilt, (0, magnitude.shape[-1] - rebuilt.shape[-1]))
        angles = rebuilt - before * (momentum / (1 + momentum))
        angles = angles / (angles.abs() + torch.finfo(magnitude.dtype).tiny)
        before = rebuilt
    return istft(magnitude * angles, form, samples)


def phase_vocoder(spectrum: Complex[Tensor, "*b bins frames"], rate: float, hop: int) -> Complex[Tensor, "*b bins n"]:
    """A spectrum read ``rate`` times as fast at unchanged pitch: magnitudes interpolated, phases advanced by what they advance in the original.

    n = ceil(frames / rate). Papers: Flanagan, Golden, 1966, doi:10.1002/j.1538-7305.1966.tb01706.x; after D. P. W. Ellis, 2002.

    >>> phase_vocoder(stft(torch.randn(4096)), rate=2.0, hop=256).shape
    torch.Size([257, 9])
    """
    if not 0.01 <= rate <= 100:
        raise ValueError(f"rate={rate}; expected 0.01 to 100")
    bins, frames = spectrum.shape[-2:]
    real = spectrum.real
    steps = torch.arange(0, frames, rate, device=spectrum.device, dtype=torch.float64)
    left = steps.floor().long()
    share = (steps - left).to(real)
    padded = torch.nn.functional.pad(spectrum, (0, 2))
    before, after = padded[..., left], padded[..., left + 1]
    advance = (math.pi * hop * torch.linspace(0, 1, bins, device=spectrum.device, dtype=torch.float64))[:, None]
    turn = after.angle().double() - before.angle().double() - advance
    turn = turn - 2 * math.pi * (turn / (2 * math.pi)).round() + advance
    phase = torch.cat([spectrum[..., :1].angle().double(), turn[..., :-1]], -1).cumsum(-1)  # float64: the sum grows with every frame
    magnitude = (1 - share) * before.abs() + share * after.abs()
    return torch.polar(magnitude, (phase % (2 * math.pi)).to(real))
