"""Time without pitch, pitch without time, and both: the phase vocoder and changes of speed at work on waves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from weft.data.audio.audio_file import waveform
from weft.data.audio.augment import between, bounds, waves
from weft.data.audio.resample import resample
from weft.data.audio.spectrum import Stft, istft, phase_vocoder, stft
from weft.data.contracts import Batch, Record
from weft.data.keyed import Random

FORM = Stft(n_fft=1024, hop=256)  # three quarters of overlap, which the phase vocoder needs


def time_stretch(x: Float[Tensor, "*b t"], rate: float, form: Stft = FORM) -> Float[Tensor, "*b n"]:
    """``x`` played ``rate`` times as fast at unchanged pitch: n = round(T / rate) samples, by the phase vocoder.

    Paper: Flanagan, Golden, 1966, doi:10.1002/j.1538-7305.1966.tb01706.x.
    Use when tempo should vary; instead of it, ``ChangeSpeed`` when pitch may follow (faster, no artefacts). Cost: two transforms.

    >>> time_stretch(torch.randn(2, 1000), rate=2.0).shape
    torch.Size([2, 500])
    """
    if not 0.01 <= rate <= 100:
        raise ValueError(f"rate={rate}; expected 0.01 to 100")
    if rate == 1:
        return x
    return istft(phase_vocoder(stft(x, form), rate, form.hop), form, max(1, round(x.shape[-1] / rate)))


def pitch_shift(x: Float[Tensor, "*b t"], steps: float, form: Stft = FORM) -> Float[Tensor, "*b t"]:
    """``x`` higher by ``steps`` semitones (lower when negative) at unchanged length: stretched, then resampled.

    Every frequency is multiplied by 2^(steps / 12), which is met within half a cent (resampling is by a fraction of small numbers).
    Use when pitch should vary; cost: two transforms and a resampling.

    >>> pitch_shift(torch.randn(2, 1000), steps=2.0).shape
    torch.Size([2, 1000])
    """
    if not -60 <= steps <= 60:
        raise ValueError(f"steps={steps}; expected at most five octaves, -60 to 60")
    ratio = Fraction(2 ** (-steps / 12)).limit_denominator(60 if abs(steps) <= 12 else 400)
    if ratio == 1:
        return x
    stretched = time_stretch(x, float(ratio), form)
    out = resample(stretched, ratio.denominator, ratio.numerator, zeros=16)[..., : x.shape[-1]]
    return F.pad(out, (0, x.shape[-1] - out.shape[-1]))


@dataclass(frozen=True)
class PitchShift:
    """Shift each record's pitch by a number of semitones between two bounds, at unchanged length.

    Shapes: (B, T) or (B, C, T); padding (``attend``) stays padding. Use when pitch says nothing about the target, as with words; cost: about
    ``pitch_shift`` for each record, one after the other.

    >>> PitchShift()({"input": torch.randn(2, 600)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 600])
    """

    steps: Sequence[float] = (-2.0, 2.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", bounds("steps", self.steps))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x, keep = waves(batch, "PitchShift")
        steps = between(self.steps, random).tolist()
        if not x.numel():
            return batch
        lengths = keep.reshape(len(x), -1, x.shape[-1])[:, 0].sum(1).tolist()
        rows = [pitch_shift(row[..., :length], step) if length else row[..., :0] for row, step, length in zip(x, steps, lengths, strict=True)]
        return batch | {"input": torch.stack([F.pad(row, (0, x.shape[-1] - row.shape[-1])) for row in rows])}


@dataclass(frozen=True)
class TimeStretch:
    """Play one raw record faster or slower at unchanged pitch, by a factor whose logarithm is drawn evenly between two bounds.

    ``record["audio"]`` is read (see ``read_audio``) and replaced by samples of another length, so this runs before the codec (``raw``).
    Use when tempo says nothing about the target; instead of it, ``ChangeSpeed``. Cost: ``time_stretch``.

    >>> stretch = TimeStretch(rate=(2.0, 2.0))
    >>> stretch({"audio": torch.randn(1000), "label": "a"}, Random(0, 0, torch.tensor([0])))["audio"].shape
    torch.Size([1, 500])
    """

    rate: Sequence[float] = (0.8, 1.25)
    raw = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", bounds("rate", self.rate))
        if not 0.01 <= self.rate[0] <= self.rate[1] <= 100:
            raise ValueError(f"rate={self.rate}; expected 0.01 to 100")

    def __call__(self, record: Record, random: Random) -> Record:
        samples, sample_rate = waveform(record)
        rate = math.exp(between([math.log(bound) for bound in self.rate], random).item())
        return replaced(record, time_stretch(samples, rate) if samples.shape[-1] else samples, sample_rate)


@dataclass(frozen=True)
class ChangeSpeed:
    """Play one raw record faster or slower, pitch and all, by one of a few factors.

    ``record["audio"]`` is read and replaced by resampled samples, so this runs before the codec (``raw``).

    Paper: Ko et al., 2015, doi:10.21437/Interspeech.2015-711.
    Use when speech is recognised; instead of it, ``TimeStretch`` when pitch must stay. Cost: one resampling.

    >>> ChangeSpeed((2.0,))({"audio": torch.randn(1000)}, Random(0, 0, torch.tensor([0])))["audio"].shape
    torch.Size([1, 500])
    """

    factors: Sequence[float] = (0.9, 1.0, 1.1)
    raw = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", tuple(self.factors))
        if not self.factors or not all(0.1 <= factor <= 10 for factor in self.factors):
            raise ValueError(f"factors={self.factors}; expected one or more numbers from 0.1 to 10")

    def __call__(self, record: Record, random: Random) -> Record:
        samples, sample_rate = waveform(record)
        factor = Fraction(self.factors[int(random.integers(0, len(self.factors)))]).limit_denominator(100)
        return replaced(record, resample(samples, factor.numerator, factor.denominator), sample_rate)


@dataclass(frozen=True)
class OnWaveform:
    """Let transforms of waves change one raw record, for a codec that makes features of it.

    ``record["audio"]`` is read, resampled to ``sample_rate`` if given, and goes through each transform as a batch of one, (1, C, T).
    Use when noise, reverberation or loudness should change the wave under a "log_mel" or "mfcc" codec; without features, give the transforms to
    the loader directly. Cost: decoding, as the codec would have done, and the transforms.

    >>> from weft.data.audio import RandomGain
    >>> louder = OnWaveform([RandomGain((6, 6))])
    >>> louder({"audio": torch.full((4,), 0.1)}, Random(0, 0, torch.tensor([0])))["audio"]
    tensor([[0.1995, 0.1995, 0.1995, 0.1995]])
    """

    transforms: Sequence[object]
    sample_rate: int | None = None
    raw = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        if not self.transforms or any(getattr(transform, "raw", False) for transform in self.transforms):
            raise ValueError("OnWaveform needs one or more transforms of batches; give those of raw records to the loader directly")

    def __call__(self, record: Record, random: Random) -> Record:
        samples, sample_rate = waveform(record, self.sample_rate)
        batch: Batch = {"input": samples[None]}
        for transform in self.transforms:
            batch = transform(batch, random)  # pyright: ignore[reportCallIssue]
        return replaced(record, batch["input"][0], sample_rate)


def replaced(record: Record, samples: Tensor, sample_rate: int) -> Record:
    """The record with other samples, at a rate that is said when it is known."""
    return record | {"audio": samples} | ({"sample_rate": sample_rate} if sample_rate else {})
