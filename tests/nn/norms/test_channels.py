"""Normalisation over channels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.references import reference
from weft.nn import ChannelNorm


def test_equals_timm():
    """Parity: ChannelNorm (channel_norm) against timm's LayerNorm2d and RmsNorm2d, values and gradients."""
    timm = reference("timm.layers")
    x = torch.randn(2, 6, 5, 4, requires_grad=True)
    g = torch.randn(2, 6, 5, 4)
    for ours, theirs in ((ChannelNorm(6), timm.LayerNorm2d(6)), (ChannelNorm(6, centre=False), timm.RmsNorm2d(6))):
        with torch.no_grad():
            for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                mine.copy_(other.normal_())
        torch.testing.assert_close(ours(x), theirs(x))
        torch.testing.assert_close(torch.autograd.grad(ours(x), x, g), torch.autograd.grad(theirs(x), x, g))


@given(st.integers(2, 9), st.lists(st.integers(1, 4), max_size=3), st.floats(0.1, 1e3))
@settings(max_examples=15, deadline=None)
def test_each_place_has_mean_zero_and_variance_one(channels, places, scale):
    """Property: over the channels, at every place, for any number of dimensions."""
    y = ChannelNorm(channels)(7 + scale * torch.randn(2, channels, *places, dtype=torch.float64).float())
    assert y.mean(1).abs().max() < 1e-2
    assert (y.var(1, correction=0) <= 1.001).all()


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"ChannelNorm expects a tensor of shape \(B, 4, \.\.\.\); got \(2, 3, 4\)"):
        ChannelNorm(4)(torch.zeros(2, 3, 4))
