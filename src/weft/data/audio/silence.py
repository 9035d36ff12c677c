"""Where a sound is, and taking off the silence around it."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from weft.data.audio.audio_file import waveform
from weft.data.audio.warp import replaced
from weft.data.contracts import Record
from weft.data.keyed import Random


def active_frames(
    x: Float[Tensor, "c t"], *, length: int = 2048, hop: int = 512, below_peak: float = 60.0, threshold: float | None = None
) -> Bool[Tensor, " frames"]:
    """Whether each frame holds sound, in any channel: its RMS is less than ``below_peak`` decibels under the loudest frame's.

    With ``threshold`` the RMS must exceed this amplitude instead. Frame k is centred on sample k * hop. A wholly silent sound has no such frame.

    >>> import torch
    >>> active_frames(torch.cat([torch.zeros(1, 4096), torch.ones(1, 4096)], 1)).tolist()
    [False, False, False, False, False, False, False, True, True, True, True, True, True, True, True, True, True]
    """
    if length < 1 or hop < 1 or below_peak <= 0 or (threshold is not None and threshold < 0):
        raise ValueError(f"length={length}, hop={hop}, below_peak={below_peak}, threshold={threshold}; expected positive numbers")
    padded = F.pad(x, (length // 2, length // 2 + length % 2))  # zeros
    energy = F.avg_pool1d(padded.double()[:, None] ** 2, length, hop)[:, 0].amax(0)
    if threshold is not None:
        return energy > threshold**2
    return energy > energy.amax() * 10 ** (-below_peak / 10)


def sound_spans(
    x: Float[Tensor, "c t"], *, length: int = 2048, hop: int = 512, below_peak: float = 60.0, threshold: float | None = None
) -> list[tuple[int, int]]:
    """The stretches of sound as (first sample, one after the last); see ``active_frames``.

    >>> import torch
    >>> sound_spans(torch.cat([torch.zeros(1, 4096), torch.ones(1, 4096)], 1))
    [(3584, 8192)]
    """
    active = active_frames(x, length=length, hop=hop, below_peak=below_peak, threshold=threshold).int()
    edges = F.pad(active, (1, 1)).diff()
    starts, ends = (edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist()
    return [(start * hop, min(end * hop, x.shape[-1])) for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class TrimSilence:
    """Take silence off both ends of one raw record.

    What lies before the first and after the last frame with sound (``active_frames``: ``below_peak`` decibels, or an absolute ``threshold``) goes,
    but for ``margin`` seconds; at least ``shortest`` seconds stay. Channels are cut alike. A wholly silent record is kept whole, or with
    ``silent="raise"`` a ValueError names it. ``record["audio"]`` is read and replaced, so this runs before the codec (``raw``).
    Raises ValueError for bare samples without a rate.

    Use when clips begin and end at random; cost: one pass.

    >>> import torch
    >>> x = torch.cat([torch.zeros(8000), torch.ones(800), torch.zeros(8000)])
    >>> TrimSilence(margin=0.0)({"audio": x, "sample_rate": 8000}, Random(0, 0, torch.tensor([0])))["audio"].shape[-1] < 1400
    True
    """

    below_peak: float = 40.0
    threshold: float | None = None
    frame: float = 0.032
    hop: float = 0.008
    margin: float = 0.05
    shortest: float = 0.1
    silent: str = "keep"
    raw = True

    def __post_init__(self) -> None:
        if self.silent not in ("keep", "raise"):
            raise ValueError(f"silent={self.silent!r}; expected 'keep' or 'raise'")
        if min(self.frame, self.hop, self.below_peak) <= 0 or min(self.margin, self.shortest) < 0:
            raise ValueError(f"{self}; expected positive seconds and decibels, margin and shortest from 0 on")

    def __call__(self, record: Record, random: Random) -> Record:
        samples, rate = waveform(record)
        if not rate:
            raise ValueError("TrimSilence counts in seconds and these samples came without their rate; give record['sample_rate']")
        length, hop = max(1, round(self.frame * rate)), max(1, round(self.hop * rate))
        spans = sound_spans(samples, length=length, hop=hop, below_peak=self.below_peak, threshold=self.threshold) if samples.numel() else []
        if not spans:
            if self.silent == "raise":
                raise ValueError(f"The sound {record.get('path', '')!r} is silent throughout; leave it out, or pass silent='keep'")
            return replaced(record, samples, rate)
        total, short = samples.shape[-1], round(self.shortest * rate)
        start, end = max(0, spans[0][0] - round(self.margin * rate)), min(total, spans[-1][1] + round(self.margin * rate))
        if end - start < short:
            start = max(0, min((start + end - short) // 2, total - short))
            end = min(total, start + short)
        return replaced(record, samples[:, start:end], rate)
