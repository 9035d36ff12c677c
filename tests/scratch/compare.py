"""How the textbook is compared: with autograd in float64, and with finite differences."""

from __future__ import annotations

import numpy as np
import torch

from weft.scratch import numerical_gradient


def autograd(f, arrays, dy):
    """The value of ``f`` on float64 tensors of the arrays, and the gradient of Σ value · dy with respect to each array; None stays None."""
    tensors = [None if array is None else torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    y = f(*tensors)
    (y * torch.as_tensor(dy)).sum().backward()
    return y.detach().numpy(), [None if tensor is None else tensor.grad.numpy() for tensor in tensors]


def same(ours, theirs, tolerance=1e-10):
    """Whether two arrays, or two lists of them, have the same shapes and values."""
    if isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        return all(same(a, b, tolerance) for a, b in zip(ours, theirs, strict=True))
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return bool(np.allclose(ours, theirs, rtol=tolerance, atol=tolerance))


def differences(f, arrays, dy):
    """The gradient of Σ f(arrays) · dy with respect to each array by finite differences."""
    found = []
    for i, array in enumerate(arrays):
        found.append(numerical_gradient(lambda changed, i=i: float(np.sum(f(*arrays[:i], changed, *arrays[i + 1 :]) * dy)), array))
    return found
