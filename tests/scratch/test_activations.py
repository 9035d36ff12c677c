"""Activations against torch.nn.functional, far out on both sides."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch.activations import ACTIVATIONS, softmax, softmax_backward

GRID = np.concatenate([np.linspace(-1000, 1000, 4001), np.linspace(-8, 8, 1001), [0.0, -0.0]])
PEERS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "identity": lambda z: z,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),  # torch.nn.functional.softplus is a straight line from 20 on
    "mish": F.mish,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_torchs(name):
    """sigmoid, tanh, relu, leaky_relu, silu, elu, selu, softplus, mish, gelu, gelu_tanh, parity: within 1e-12 of torch in float64 from -1000 to 1000, without a warning."""
    g, slope = ACTIVATIONS[name]
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise", divide="raise"):
        warnings.simplefilter("error")
        value, derivative = g(GRID), slope(GRID)
    y, (gradient,) = autograd(PEERS[name], [GRID], np.ones_like(GRID))
    assert same(value, y, 1e-12) and same(derivative, gradient, 1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_those_of_finite_differences(name):
    """sigmoid, tanh, relu, leaky_relu, silu, elu, selu, softplus, mish, gelu, gelu_tanh, brute force: the slope by two values a little apart, away from corners."""
    g, slope = ACTIVATIONS[name]
    z = np.linspace(-3, 3, 40)
    assert same(slope(z), differences(g, [z], np.ones_like(z))[0], 1e-8)


def test_ranges_are_those_of_the_textbook():
    """silu and gelu, closed form: their least values are -0.278 and -0.170; tanh z = 2 sigmoid(2z) - 1; at 0 ReLU has no slope."""
    z = np.linspace(-5, 5, 100_001)
    assert round(ACTIVATIONS["silu"][0](z).min(), 3) == -0.278 and round(ACTIVATIONS["gelu"][0](z).min(), 3) == -0.170
    assert same(2 * ACTIVATIONS["sigmoid"][0](2 * z) - 1, np.tanh(z), 1e-12)
    assert ACTIVATIONS["relu"][1](np.zeros(1)) == 0
    assert abs(ACTIVATIONS["gelu"][0](z) - ACTIVATIONS["gelu_tanh"][0](z)).max() < 1e-3


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("scale", [1.0, 500.0])
def test_softmax_and_its_backward_pass_are_torchs(shape, scale):
    """softmax, parity: torch's values and gradients along each axis, also of numbers whose exponential overflows; each row adds up to 1."""
    random = np.random.default_rng(0)
    z, dy = scale * random.normal(size=shape), random.normal(size=shape)
    for axis in range(len(shape)):
        y, (gradient,) = autograd(lambda z, axis=axis: torch.softmax(z, axis), [z], dy)
        ours = softmax(z, axis)
        assert same(ours, y) and same(softmax_backward(dy, ours, axis), gradient) and np.allclose(ours.sum(axis), 1)
    assert scale > 1 or same(softmax_backward(dy, softmax(z)), differences(softmax, [z], dy)[0], 1e-8)
