"""Losses against torch.nn.functional."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch import losses

SHAPES = [(1, 1), (4, 1), (3, 5), (7, 2)]
PAIRS = {
    "mean_squared_error": lambda z, y: F.mse_loss(z, y),
    "binary_cross_entropy": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z),
    "softmax_cross_entropy": lambda z, y: F.cross_entropy(z, y),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_values_and_gradients_are_torchs(name, shape, scale):
    """mean_squared_error, binary_cross_entropy, softmax_cross_entropy, parity: value and gradient in float64, far out too."""
    random = np.random.default_rng(0)
    z, y = scale * random.normal(size=shape), random.random(shape)
    y = y / y.sum(axis=1, keepdims=True) if name == "softmax_cross_entropy" else y
    value, (gradient,) = autograd(lambda z: PAIRS[name](z, torch.tensor(y)), [z], 1.0)
    ours, backward = getattr(losses, name), getattr(losses, f"{name}_backward")
    assert same(ours(z, y), value) and same(backward(z, y), gradient)
    assert scale > 1 or same(backward(z, y), differences(lambda z: ours(z, y), [z], 1.0)[0], 1e-7)


def test_class_numbers_are_rows_with_a_single_one():
    """softmax_cross_entropy, parity: numbers of classes give torch's value and gradient too."""
    z, y = np.random.default_rng(1).normal(size=(6, 4)), np.array([0, 3, 1, 1, 2, 0])
    value, (gradient,) = autograd(lambda z: F.cross_entropy(z, torch.tensor(y)), [z], 1.0)
    assert same(losses.softmax_cross_entropy(z, y), value) and same(losses.softmax_cross_entropy_backward(z, y), gradient)


def test_the_short_form_is_the_two_long_ones():
    """softmax_cross_entropy and binary_cross_entropy, closed form: a - y is the loss's gradient taken through softmax or sigmoid; with the mean
    squared error it is not."""
    z, y = np.array([[0.3, -1.2, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    a = losses.softmax(z)
    assert same(losses.softmax_cross_entropy_backward(z, y), (-y / a) @ (np.diag(a[0]) - np.outer(a[0], a[0])))
    a = losses.sigmoid(z)
    assert same(losses.binary_cross_entropy_backward(z, y), (-y / a + (1 - y) / (1 - a)) * a * (1 - a))
    _, (gradient,) = autograd(lambda z: F.mse_loss(torch.sigmoid(z), torch.tensor(y)), [z], 1.0)
    assert not same(a - y, gradient, 0.1) and same(losses.mean_squared_error_backward(a, y) * a * (1 - a), gradient)


def test_shapes_that_would_broadcast_are_refused():
    for name in ("mean_squared_error", "binary_cross_entropy", "mean_squared_error_backward", "binary_cross_entropy_backward"):
        with pytest.raises(ValueError, match=r"shape \(4, 1\) against targets of shape \(4,\)"):
            getattr(losses, name)(np.zeros((4, 1)), np.zeros(4))
    for y in (np.array([0, 3]), np.array([-1, 0]), np.array([0.0, 1.0]), np.array([0, 1, 2]), np.zeros((2, 2))):
        with pytest.raises(ValueError, match=r"expected 2 whole numbers below 3, or shares of shape \(2, 3\)"):
            losses.softmax_cross_entropy(np.zeros((2, 3)), y)
