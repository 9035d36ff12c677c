"""Activations that stay where they are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.models.tabular import SelfNormalizingMLP


@pytest.mark.parametrize("dropout", [0.0, 0.05])
def test_activations_stay_near_mean_0_and_variance_1_over_50_layers(dropout):
    """Property: SelfNormalizingMLP at the start, in training mode with alpha dropout too; relu in its place loses it."""
    network, x = SelfNormalizingMLP(256, (256,) * 50, 2, dropout=dropout).train(), torch.randn(256, 256)
    for layer in network.layers[:-1]:
        x = layer(x)
        if isinstance(layer, nn.SELU):
            assert abs(x.mean()) < 0.15 and 0.7 < x.var() < 1.4
    plain, y = SelfNormalizingMLP(256, (256,) * 50, 2), torch.randn(256, 256)
    for layer in plain.layers[:-1]:
        y = y.relu() if isinstance(layer, nn.SELU) else layer(y)
    assert y.var() < 0.01


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"SelfNormalizingMLP expects a tensor of shape \(B, 6\)"):
        SelfNormalizingMLP(6, (4,), 2)(torch.zeros(2, 5))
