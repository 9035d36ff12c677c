"""Activations in NumPy against torch's functions in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from weft.scratch.activations import ACTIVATIONS, softmax

X = np.concatenate([np.linspace(-12, 12, 481) + 1e-3, [-1e4, -700.0, 700.0, 1e4]])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_equal_torch(name):
    """Parity: torch's functions and their gradients in float64, also far out."""
    x = torch.tensor(X, requires_grad=True)
    function = getattr(F, name, None) or getattr(torch, name)
    y = function(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    found, found_slope = ACTIVATIONS[name](X)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found_slope, slope.numpy(), rtol=1e-9, atol=1e-12)


def test_softmax_and_its_gradient_equal_torch():
    """Parity: torch's softmax over the last dimension, also where exponentials overflow."""
    x = torch.cat([torch.randn(5, 7, dtype=torch.float64), 1e4 * torch.randn(2, 7, dtype=torch.float64)]).requires_grad_()
    g = torch.randn(7, 7, dtype=torch.float64)
    y = x.softmax(-1)
    (slope,) = torch.autograd.grad((g * y).sum(), x)
    found, found_slope = softmax(x.detach().numpy(), g.numpy())
    np.testing.assert_allclose(found, y.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(found_slope, slope.numpy(), atol=1e-12)
