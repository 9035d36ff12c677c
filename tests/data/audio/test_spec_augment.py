"""Masks of time and frequency."""

from __future__ import annotations

import pytest
import torch

from weft.data import Random
from weft.data.audio.spec_augment import SpecAugment

INDEX = torch.arange(400)


def runs(row):
    """Stretches of True."""
    edges = torch.nn.functional.pad(row.int(), (1, 1)).diff()
    return list(zip((edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist()))


def test_masks_are_whole_stripes_within_their_widths():
    """Property: SpecAugment hides whole bands and whole frames, each stripe at most as wide as said, every width and place occurring."""
    x = torch.rand(400, 12, 50) + 1
    before = x.clone()
    one = SpecAugment(1, 5, 1, 8, time_share=1.0)({"input": x}, Random(0, 0, INDEX))["input"]
    assert torch.equal(x, before)
    hidden = one == 0
    bands, frames = hidden.all(2), hidden.all(1)
    assert torch.equal(hidden, bands[:, :, None] | frames[:, None, :]) and torch.equal(one[~hidden], x[~hidden])
    widths = [end - start for row in bands for start, end in runs(row)]
    assert max(widths) == 5 and min(widths) == 1 and bands.any(0).all() and 0.1 < (bands.sum(1) == 0).float().mean() < 0.25
    widths = [end - start for row in frames for start, end in runs(row)]
    assert max(widths) == 8 and frames.any(0).all()
    assert all(len(runs(row)) <= 1 for row in frames)
    two = SpecAugment(0, 5, 2, 8, time_share=1.0)({"input": x}, Random(0, 0, INDEX))["input"] == 0
    assert max(len(runs(row)) for row in two.all(1)) == 2 and not two.all(2).any()


def test_time_masks_stay_within_a_share_of_the_record():
    lengths = torch.randint(10, 51, (400,), generator=torch.Generator().manual_seed(0))
    attend = torch.arange(50) < lengths[:, None]
    out = SpecAugment(0, 0, 1, 100, time_share=0.2, fill=-7.0)({"input": torch.ones(400, 3, 50), "attend": attend}, Random(0, 0, INDEX))["input"]
    gone = (out == -7).all(1)
    assert (gone.sum(1) <= (lengths * 0.2).long()).all() and (gone.sum(1) == (lengths * 0.2).long()).any() and not (gone & ~attend).any()


def test_channels_share_masks_and_odd_sizes_pass():
    x = torch.rand(5, 2, 4, 6) + 1
    out = SpecAugment(frequency_width=100, time_width=100, time_share=1.0)({"input": x}, Random(0, 0, INDEX[:5]))["input"]
    assert torch.equal(out[:, 0] == 0, out[:, 1] == 0)
    assert SpecAugment()({"input": x[:0]}, Random(0, 0, INDEX[:0]))["input"].shape == (0, 2, 4, 6)
    grown = x.clone().requires_grad_()
    SpecAugment(frequency_width=3)({"input": grown}, Random(0, 0, INDEX[:5]))["input"].sum().backward()
    assert grown.grad is not None and set(grown.grad.unique().tolist()) <= {0.0, 1.0}


def test_wrong_arguments_are_named():
    for wrong in ({"time_masks": -1}, {"time_share": 1.5}):
        with pytest.raises(ValueError, match="share from 0 to 1"):
            SpecAugment(**wrong)
    with pytest.raises(ValueError, match=r"\(B, F, T\)"):
        SpecAugment()({"input": torch.zeros(2, 5)}, Random(0, 0, INDEX[:2]))
