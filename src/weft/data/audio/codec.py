"""Sounds to tensors and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from weft.data.arrays import stack
from weft.data.audio.audio_file import waveform
from weft.data.audio.mel import mel_spectrogram, mfcc
from weft.data.audio.spectrum import Stft
from weft.data.contracts import Batch, Record, Source
from weft.data.labels import classes_of, decode_classes, target_of

FEATURES = {"wave": 1, "log_mel": 80, "mfcc": 13}
SAMPLED = 1000  # sounds from which fit takes mean and deviation


@dataclass(frozen=True)
class AudioCodec:
    """A sound as a normalised wave, log-mel spectrogram or MFCC: (value - mean) / std per feature.

    ``record["audio"]`` (see ``read_audio``; the rate of bare samples is ``record["sample_rate"]``) is mixed to one channel at ``sample_rate`` and
    becomes ``input`` (F, T) float32: F = 1 for "wave", ``num_features`` bands of ln(mel energy + 1e-6) for "log_mel" (default 80), or
    coefficients of 40 mel bands for "mfcc" (default 13). Frames are ``window`` seconds long, one every ``hop`` seconds. ``attend`` (T,) is
    True where the sound is. With ``seconds`` every sound is cut or padded to that length; without, a batch is padded to its longest; padding
    is 0, the mean. ``record["label"]`` becomes ``target``. ``fit`` learns the classes, and mean and std from up to 1,000 sounds unless given.
    Raises ValueError for an empty or unreadable sound, for bare samples without a rate and for a class not seen in training.

    Use when the input is one sound; cost: decoding, resampling and one spectrum per record.

    >>> sounds = [{"audio": torch.rand(800 + 400 * i), "sample_rate": 8000, "label": "ab"[i]} for i in (0, 1)]
    >>> codec = AudioCodec(sample_rate=8000, num_features=20).fit(sounds)
    >>> batch = codec.collate([codec.encode(sound) for sound in sounds])
    >>> batch["input"].shape, batch["attend"].sum(1).tolist(), codec.classes
    (torch.Size([2, 20, 10]), [7, 10], ('a', 'b'))
    """

    sample_rate: int = 16_000
    seconds: float | None = None
    features: str = "log_mel"
    num_features: int | None = None
    window: float = 0.032
    hop: float = 0.016
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise ValueError(f"features={self.features!r}; expected one of {', '.join(map(repr, FEATURES))}")
        if self.sample_rate < 1 or (self.seconds is not None and self.seconds * self.sample_rate < 1):
            raise ValueError(f"sample_rate={self.sample_rate}, seconds={self.seconds}; expected at least one sample")
        if not 0 < self.hop <= self.window or self.hop * self.sample_rate < 1:
            raise ValueError(f"window={self.window}, hop={self.hop}; expected seconds, 0 < hop <= window, a hop of at least one sample")
        number = FEATURES[self.features] if self.num_features is None else self.num_features
        if number < 1 or (self.features == "wave" and number != 1):
            raise ValueError(f"num_features={number} for features={self.features!r}; expected {'1' if self.features == 'wave' else 'at least 1'}")
        object.__setattr__(self, "num_features", number)
        for name in ("mean", "std", "classes"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        for name in ("mean", "std"):
            value = getattr(self, name)
            if value is not None and len(value) != number:
                raise ValueError(f"{name} has {len(value)} numbers; expected {number}, one per feature")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std={self.std}; every feature needs a positive deviation")

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    @property
    def form(self) -> Stft:
        """How spectra are taken, in samples: n_fft is the power of two that holds a window."""
        length = max(1, round(self.window * self.sample_rate))
        return Stft(n_fft=1 << (length - 1).bit_length(), hop=max(1, round(self.hop * self.sample_rate)), length=length)

    def fit(self, source: Source) -> AudioCodec:
        """Learn classes (when records have labels), mean and deviation from training data."""
        classes = self.classes
        if classes is None and "label" in source[0]:
            classes = classes_of(source[i]["label"] for i in range(len(source)))
        mean, std = (self.mean, self.std) if self.mean is not None and self.std is not None else self._statistics(source)
        return dataclasses.replace(self, classes=classes, mean=self.mean or mean, std=self.std or std)

    def _statistics(self, source: Source) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Over the frames of all sounds, long ones counting for more; padding does not count."""
        total, squares, count = torch.zeros(self.num_features or 1).double(), torch.zeros(self.num_features or 1).double(), 0
        for i in np.linspace(0, len(source) - 1, min(len(source), SAMPLED)).astype(int):
            values = self._features(source[int(i)])[0].double()
            total, squares, count = total + values.sum(1), squares + (values**2).sum(1), count + values.shape[1]
        mean = total / count
        std = (squares / count - mean**2).clamp(min=0).sqrt()
        std[std < 1e-5] = 1.0  # a feature without any variation is left as it is
        return tuple(round(v, 6) for v in mean.tolist()), tuple(round(v, 6) for v in std.tolist())

    def _features(self, record: Record) -> tuple[Tensor, int]:
        """Features of the sound without padding (F, T), and the T that ``seconds`` asks for (0 when it does not)."""
        # a little more than is wanted, so that resampling does not see the cut
        samples = waveform(record, self.sample_rate, None if self.seconds is None else self.seconds + 0.1)[0].mean(0)
        if samples.numel() == 0:
            raise ValueError("A sound has no samples; leave it out, or give at least one")
        wanted = 0 if self.seconds is None else round(self.seconds * self.sample_rate)
        samples = samples[: wanted or None]
        if self.features == "wave":
            return samples[None], wanted
        frames = self.form.frames(wanted) if wanted else 0
        number = self.num_features or 1
        if self.features == "mfcc":
            return mfcc(samples, self.sample_rate, self.form, n_mfcc=number, n_mels=max(number, 40)), frames
        return (mel_spectrogram(samples, self.sample_rate, self.form, n_mels=number) + 1e-6).log(), frames

    def encode(self, record: Record) -> dict[str, Tensor]:
        values, wanted = self._features(record)
        mean = torch.tensor(self.mean or (0.0,) * len(values))[:, None]
        std = torch.tensor(self.std or (1.0,) * len(values))[:, None]
        length = values.shape[1]
        values = torch.nn.functional.pad((values - mean) / std, (0, max(0, wanted - length)))
        encoded = {"input": values, "attend": torch.arange(values.shape[1]) < length}
        if self.classes is not None and record.get("label") is not None:
            encoded["target"] = target_of(record["label"], self.classes)
        return encoded

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        """Pad ``input`` with 0 and ``attend`` with False to the longest of the batch; stack the rest."""
        batch = stack([{key: value for key, value in e.items() if key not in ("input", "attend")} for e in encoded])
        batch["input"] = pad_sequence([e["input"].T for e in encoded], batch_first=True).transpose(1, 2).contiguous()
        batch["attend"] = pad_sequence([e["attend"] for e in encoded], batch_first=True, padding_value=False)
        return batch

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C)."""
        if self.classes is None:
            raise ValueError("This codec knows no classes; fit it on labelled sounds or pass classes=")
        return decode_classes(prediction, self.classes)

    def schema(self) -> dict[str, Any]:
        audio = {"type": "string", "contentEncoding": "base64", "contentMediaType": "audio/wav", "description": "a WAV file's bytes as base64"}
        return {"type": "object", "properties": {"audio": audio}, "required": ["audio"]}

    def spec(self) -> dict[str, Any]:
        return {"name": "audio_codec", "args": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}}
