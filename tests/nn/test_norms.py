"""Normalisation by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import image_norm, vector_norm


def test_names_make_torchs_layers():
    """Parity: the same numbers as torch's own layers."""
    x, picture = torch.randn(6, 12), torch.randn(3, 12, 4, 4)
    for name, layer in (("layer", nn.LayerNorm(12)), ("rms", nn.RMSNorm(12)), ("batch", nn.BatchNorm1d(12)), (None, nn.Identity())):
        torch.testing.assert_close(vector_norm(name, 12)(x), layer(x))
    for name, layer in (("batch", nn.BatchNorm2d(12)), ("group", nn.GroupNorm(4, 12)), ("instance", nn.InstanceNorm2d(12)), (None, nn.Identity())):
        torch.testing.assert_close(image_norm(name, 12)(picture), layer(picture))


@pytest.mark.parametrize("channels", [1, 3, 7, 8, 12, 32])
def test_groups_fit_any_number_of_channels(channels):
    """Property: group normalisation leaves mean 0 in each sample, whatever the channels."""
    y = image_norm("group", channels)(5 + torch.randn(2, channels, 6, 6))
    assert y.mean((1, 2, 3)).abs().max() < 1e-4


def test_unknown_names_list_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown norm 'bacth'. Did you mean 'batch'"):
        image_norm("bacth", 4)
    with pytest.raises(ValueError, match=r"Unknown norm 'group'. Known: batch, layer, rms"):
        vector_norm("group", 4)
