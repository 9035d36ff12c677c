"""Sine layers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.nn import Sine, SineLayer


def test_a_sine_layer_is_the_sine_of_a_linear_layer():
    """Closed form: Sine and SineLayer by torch's functions."""
    layer, x = SineLayer(3, 5, 7.0), torch.randn(4, 3)
    torch.testing.assert_close(layer(x), torch.sin(7.0 * (x @ layer.linear.weight.T + layer.linear.bias)))
    torch.testing.assert_close(Sine(7.0)(x), torch.sin(7.0 * x))
    with pytest.raises(ValueError, match=r"SineLayer expects a tensor of shape \(\.\.\., 3\); got \(4, 5\)"):
        layer(torch.zeros(4, 5))


def test_spread_is_kept_through_depth():
    """Property: weights lie within the paper's bounds, and after any layer the outputs have the deviation of an arcsine law, 1 / sqrt(2)."""
    layers = [SineLayer(2, 256, first=True), *(SineLayer(256, 256) for _ in range(8))]
    assert layers[0].linear.weight.abs().max() <= 1 / 2
    assert layers[1].linear.weight.abs().max() <= math.sqrt(6 / 256) / 30
    y = 2 * torch.rand(1000, 2) - 1
    for layer in layers:
        y = layer(y)
        assert y.std().item() == pytest.approx(1 / math.sqrt(2), abs=0.05)
    plain = nn.Linear(256, 256)                                                  # torch's own weights at that frequency
    assert plain.weight.abs().max() > math.sqrt(6 / 256) / 30
