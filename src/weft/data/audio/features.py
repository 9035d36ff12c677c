"""What a sound is like, frame by frame: shape of the spectrum, energy, change, pitch classes, rhythm."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from weft.data.audio.framing import check_hop
from weft.data.audio.mel import decibels, mel_spectrogram
from weft.data.audio.spectrum import Stft


def frame_level(x: Float[Tensor, "*b t"], length: int = 512, hop: int = 256) -> Float[Tensor, "*b 1 frames"]:
    """Root mean square of each frame, centred on its sample.

    >>> frame_level(torch.ones(1024))[0, 1:4]
    tensor([1., 1., 1.])
    """
    return _centred(x, length, hop).square().mean(-1).clamp(min=1e-30).sqrt()[..., None, :]


def zero_crossing_rate(x: Float[Tensor, "*b t"], length: int = 512, hop: int = 256) -> Float[Tensor, "*b 1 frames"]:
    """The share of samples of each frame whose sign is another than the sample's before; the edges are repeated outwards.

    >>> zero_crossing_rate(torch.tensor([1.0, -1.0]).repeat(512))[0, 1].item()
    0.998046875
    """
    crossed = torch.signbit(_centred(x, length, hop, "replicate")).to(x.dtype).diff(dim=-1).abs()
    return (crossed.sum(-1) / length)[..., None, :]


def spectral_centroid(spectrum: Float[Tensor, "*b bins frames"], sample_rate: int) -> Float[Tensor, "*b 1 frames"]:
    """The mean frequency in Hz, weighted with a magnitude spectrogram: how bright a sound is; 0 at silence.

    >>> spectral_centroid(torch.tensor([[0.0], [1.0], [1.0]]), 8000).item()
    3000.0
    """
    return (_hertz(spectrum, sample_rate) * _shares(spectrum)).sum(-2, keepdim=True)


def spectral_bandwidth(spectrum: Float[Tensor, "*b bins frames"], sample_rate: int, order: float = 2.0) -> Float[Tensor, "*b 1 frames"]:
    """How far the energy lies from the centroid: (sum |f - centroid|^order share)^(1 / order) in Hz.

    >>> spectral_bandwidth(torch.tensor([[1.0], [0.0], [1.0]]), 8000).item()
    2000.0
    """
    away = (_hertz(spectrum, sample_rate) - spectral_centroid(spectrum, sample_rate)).abs()
    return (away**order * _shares(spectrum)).sum(-2, keepdim=True) ** (1 / order)


def spectral_rolloff(spectrum: Float[Tensor, "*b bins frames"], sample_rate: int, share: float = 0.85) -> Float[Tensor, "*b 1 frames"]:
    """The lowest frequency in Hz below which ``share`` of a frame's magnitude lies.

    >>> spectral_rolloff(torch.tensor([[1.0], [1.0], [8.0]]), 8000).item()
    4000.0
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share}; expected a number between 0 and 1")
    total = spectrum.cumsum(-2)
    first = (total >= share * total[..., -1:, :]).to(torch.uint8).argmax(-2, keepdim=True)
    return _hertz(spectrum, sample_rate)[:, 0][first]


def delta_features(x: Float[Tensor, "*b f t"], width: int = 9, order: int = 1) -> Float[Tensor, "*b f t"]:
    """The ``order``-th derivative over time, by a least-squares polynomial of that degree through ``width`` frames (Savitzky and Golay).

    The first and last frames take the polynomial through the first and last ``width``. Raises ValueError for fewer frames than ``width``.

    Paper: Furui, 1986, doi:10.1109/TASSP.1986.1164788.

    >>> delta_features(torch.arange(10.0)[None] * 3)[0, :3].round(decimals=4)
    tensor([3., 3., 3.])
    """
    if width < 3 or width % 2 == 0 or not 1 <= order < width:
        raise ValueError(f"width={width}, order={order}; expected an odd width from 3 on and an order from 1 to below it")
    if x.shape[-1] < width:
        raise ValueError(f"{x.shape[-1]} frames are fewer than the width {width}; take a smaller width or a longer sound")
    slopes = _slopes(width, order).to(x)
    middle = x.unfold(-1, width, 1) @ slopes[width // 2]
    first = x[..., :width] @ slopes[: width // 2].T
    last = x[..., -width:] @ slopes[width // 2 + 1 :].T
    return torch.cat([first, middle, last], -1)


@lru_cache(maxsize=16)
def _slopes(width: int, order: int) -> Tensor:
    """Row j: what to multiply ``width`` values with to get the polynomial's derivative at the j-th."""
    place = np.arange(width) - width // 2
    powers = np.vander(place, order + 1, increasing=True)
    # the derivative of that order of a polynomial of that degree is constant: factorial(order) times its leading coefficient
    leading = np.linalg.pinv(powers)[order] * math.factorial(order)
    return torch.from_numpy(np.tile(leading, (width, 1)))


def cmvn(x: Float[Tensor, "*b f t"], keep: Bool[Tensor, "*b t"] | None = None, *, variance: bool = True) -> Float[Tensor, "*b f t"]:
    """Cepstral mean and variance normalisation: each feature of each record gets mean 0 and deviation 1 over its own frames.

    ``keep`` is True at real frames; the others become 0. A feature that does not vary becomes 0.

    Paper: Viikki, Laurila, 1998, doi:10.1016/S0167-6393(98)00033-8.

    >>> cmvn(torch.tensor([[1.0, 3.0, 1.0, 3.0]]))
    tensor([[-1.,  1., -1.,  1.]])
    """
    mask = torch.ones_like(x[..., :1, :]) if keep is None else keep[..., None, :].to(x)
    count = mask.sum(-1, keepdim=True).clamp(min=1)
    centred = (x - (x * mask).sum(-1, keepdim=True) / count) * mask
    if not variance:
        return centred
    spread = (centred.square().sum(-1, keepdim=True) / count).sqrt()
    return torch.where(spread > 1e-6, centred / spread.clamp(min=1e-6), torch.zeros_like(centred))


def chroma(spectrum: Float[Tensor, "*b bins frames"], sample_rate: int, classes: int = 12) -> Float[Tensor, "*b classes frames"]:
    """The energy of each pitch class (C, C sharp, ... B at A = 440 Hz) in a power spectrogram, the loudest of a frame being 1.

    Paper: Fujishima, 1999; the filters are those of D. P. W. Ellis, 2007.

    >>> from weft.data.audio import spectrogram
    >>> x = torch.sin(2 * torch.pi * 440 * torch.arange(8192) / 16000)
    >>> chroma(spectrogram(x, Stft(2048, 512)), 16000)[:, 8].argmax().item()  # A
    9
    """
    raw = _chroma_filters(sample_rate, 2 * (spectrum.shape[-2] - 1), classes).to(spectrum) @ spectrum
    return raw / raw.abs().amax(-2, keepdim=True).clamp(min=torch.finfo(raw.dtype).tiny)


@lru_cache(maxsize=16)
def _chroma_filters(sample_rate: int, n_fft: int, classes: int) -> Tensor:
    hertz = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    place = classes * np.log2(hertz / (440.0 / 16))
    place = np.concatenate([[place[0] - 1.5 * classes], place])  # the constant lies an octave and a half below the first bin
    widths = np.concatenate([np.maximum(np.diff(place), 1.0), [1.0]])
    away = place[None] - np.arange(classes)[:, None]
    half = round(classes / 2)
    away = np.remainder(away + half + 10 * classes, classes) - half
    bumps = np.exp(-0.5 * (2 * away / widths) ** 2)
    bumps /= np.maximum(np.linalg.norm(bumps, axis=0), 1e-30)
    bumps *= np.exp(-0.5 * ((place / classes - 5) / 2) ** 2)  # octaves far from the fifth count for less
    return torch.from_numpy(np.roll(bumps, -3 * (classes // 12), axis=0)[:, : n_fft // 2 + 1].copy())


def onset_strength(x: Float[Tensor, "*b t"], sample_rate: int, form: Stft = Stft(2048, 512), n_mels: int = 128) -> Float[Tensor, "*b frames"]:
    """How much energy sets in at each frame: the mean rise of the mel spectrogram in decibels.

    Paper: Böck, Widmer, 2013, the superflux method without its maximum filter.

    >>> click = torch.zeros(8192)
    >>> click[4096:] = torch.randn(4096)
    >>> int(onset_strength(click, 16000, n_mels=40).argmax()) in (7, 8, 9)
    True
    """
    level = decibels(mel_spectrogram(x, sample_rate, form, n_mels=n_mels))
    rise = level.diff(dim=-1).clamp(min=0).mean(-2)
    shift = 1 + form.n_fft // (2 * form.hop) if form.center else 1  # a frame sees an event half a window before it is centred on it
    return F.pad(rise, (shift, 0))[..., : level.shape[-1]]


def tempogram(onsets: Float[Tensor, "*b frames"], window: int = 384) -> Float[Tensor, "*b lags frames"]:
    """The rhythm around each frame: autocorrelation of the onset strength in a Hann window of ``window`` frames, the largest lag being 1.

    Paper: Grosche, Müller, Kurth, 2010, doi:10.1109/ICASSP.2010.5495219.

    >>> tempogram(torch.rand(100), window=20).shape
    torch.Size([20, 100])
    """
    if window < 2:
        raise ValueError(f"window={window}; expected at least 2 frames")
    frames = onsets.shape[-1]
    # beyond its ends the strength falls to 0 in a straight line, over half a window
    ramp = torch.arange(0, window // 2, dtype=onsets.dtype, device=onsets.device) / (window // 2)
    padded = torch.cat([ramp * onsets[..., :1], onsets, ramp.flip(0) * onsets[..., -1:]], -1)
    pieces = padded.unfold(-1, window, 1)[..., :frames, :] * torch.hann_window(window, dtype=onsets.dtype, device=onsets.device)
    spectrum = torch.fft.rfft(pieces, 2 * window)
    lags = torch.fft.irfft(spectrum.abs() ** 2, 2 * window)[..., :window].transpose(-1, -2)
    return lags / lags.abs().amax(-2, keepdim=True).clamp(min=torch.finfo(lags.dtype).tiny)


def tempo(onsets: Float[Tensor, "*b frames"], sample_rate: int, hop: int = 512, *, start: float = 120.0, seconds: float = 8.0) -> Float[Tensor, "*b"]:
    """Beats a minute of a piece: the best lag of its mean tempogram, tempi near ``start`` being likelier.

    The likelihood is log-normal with a deviation of an octave; tempi above 320 are left out.
    Paper: Ellis, 2007, doi:10.1080/09298210701653344.

    >>> beats = torch.zeros(600)
    >>> beats[::16] = 1.0
    >>> round(tempo(beats, 16000, 512).item())
    117
    """
    if onsets.shape[-1] < 2:
        raise ValueError(f"{onsets.shape[-1]} frames hold no rhythm; expected at least 2")
    window = max(2, int(seconds * sample_rate / hop))
    strength = tempogram(onsets, window).mean(-1)
    lags = torch.arange(1, window, dtype=onsets.dtype, device=onsets.device)
    bpm = 60 * sample_rate / hop / lags
    score = (strength[..., 1:].clamp(min=0) * 1e6).log1p() - 0.5 * (torch.log2(bpm) - math.log2(start)) ** 2
    return bpm[score.masked_fill(bpm >= 320, -math.inf).argmax(-1)]


def _centred(x: Tensor, length: int, hop: int, mode: str = "constant") -> Tensor:
    """Frames (*b, frames, length), frame k centred on sample k * hop."""
    check_hop(length, hop)
    flat = F.pad(x.reshape(-1, 1, x.shape[-1]), (length // 2, length // 2), mode=mode).reshape(*x.shape[:-1], -1)
    return flat.unfold(-1, length, hop)


def _hertz(spectrum: Tensor, sample_rate: int) -> Tensor:
    return torch.linspace(0, sample_rate / 2, spectrum.shape[-2], dtype=spectrum.dtype, device=spectrum.device)[:, None]


def _shares(spectrum: Tensor) -> Tensor:
    return spectrum / spectrum.sum(-2, keepdim=True).clamp(min=torch.finfo(spectrum.dtype).tiny)
