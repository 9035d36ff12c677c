"""Gradients by finite differences: slow, and free of any derivation that could be wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """df/dx_i ≈ (f(x + ε e_i) - f(x - ε e_i)) / (2 ε), one element at a time, in float64; x is left as it was.

    The error is of the order ε² from the formula and 1e-16 / ε from rounding, so ε = 1e-6 leaves about ten digits; in float32 nothing would be
    left. At a corner (ReLU at 0) the two sides differ, and no gradient is right.

    Use to check a backward pass; instead of it, a backward pass. Cost: two evaluations an element.

    >>> numerical_gradient(lambda x: float((x**2).sum()), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    x = np.array(x, np.float64)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + eps
        above = f(x)
        x[i] = value - eps
        below = f(x)
        x[i] = value
        gradient[i] = (above - below) / (2 * eps)
    return gradient
