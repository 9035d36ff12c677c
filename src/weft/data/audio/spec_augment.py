"""Masks of time and frequency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class SpecAugment:
    """Hide stripes of a spectrogram: up to ``frequency_width`` bands and up to ``time_width`` frames, several times each.

    Widths are drawn evenly from 0 to their bound, a time mask covering at most ``time_share`` of the record's own frames (``attend``). What is
    hidden becomes ``fill``; 0 is the mean of normalised features. Shapes: (B, F, T) or (B, C, F, T); masks are the same in all channels.

    Paper: Park et al., 2019, arXiv:1904.08779. Differs: no time warping, which the paper found to matter least.
    Use when spectrograms are few; cost: one pass over the batch.

    >>> x = torch.ones(1, 8, 20)
    >>> SpecAugment(frequency_width=4, time_width=5)({"input": x}, Random(0, 0, torch.tensor([0])))["input"].shape
    torch.Size([1, 8, 20])
    """

    frequency_masks: int = 2
    frequency_width: int = 27
    time_masks: int = 2
    time_width: int = 100
    time_share: float = 0.2
    fill: float = 0.0

    def __post_init__(self) -> None:
        if min(self.frequency_masks, self.frequency_width, self.time_masks, self.time_width) < 0 or not 0 <= self.time_share <= 1:
            raise ValueError(f"{self}; expected numbers from 0 on, and a share from 0 to 1")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if x.ndim not in (3, 4):
            raise ValueError(f"SpecAugment works on spectrograms (B, F, T) or (B, C, F, T); input has shape {tuple(x.shape)}")
        bands, frames = x.shape[-2:]
        keep = batch.get("attend")
        lengths = torch.full((len(x),), frames) if keep is None else keep.sum(1).cpu()
        hidden = torch.zeros(len(x), bands, frames, dtype=torch.bool)
        for _ in range(self.frequency_masks):
            stripe = stripes(random, torch.full((len(x),), bands), torch.full((len(x),), min(self.frequency_width, bands)), bands)
            hidden |= stripe[:, :, None]
        for _ in range(self.time_masks):
            widest = (lengths * self.time_share).long().clamp(max=self.time_width)
            hidden |= stripes(random, lengths, widest, frames)[:, None]
        hidden = (hidden if x.ndim == 3 else hidden[:, None]).to(x.device)
        return batch | {"input": x.masked_fill(hidden, self.fill)}


def stripes(random: Random, lengths: Tensor, widest: Tensor, size: int) -> Tensor:
    """(B, size), True on one stripe of each record: 0 to ``widest`` wide, anywhere within its ``length``."""
    width = (random.uniform() * (widest + 1)).long()
    start = (random.uniform() * (lengths - width + 1)).long()
    place = torch.arange(size)
    return (place >= start[:, None]) & (place < (start + width)[:, None])
