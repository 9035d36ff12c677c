"""The main activations and their derivatives as the textbook has them, in NumPy: each is (x) -> (f(x), f'(x)), safe at any x."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[Array, Array]

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # the fixed point with mean 0 and variance 1 (Klambauer et al., 2017)


def sigmoid(x: Array) -> Pair:
    """1 / (1 + exp(-x)); its derivative is s (1 - s). The exponential is only ever taken of a number below 0.

    >>> sigmoid(np.array([0.0, -1e4]))[0].tolist()
    [0.5, 0.0]
    """
    small = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return s, small / (1 + small) ** 2


def tanh(x: Array) -> Pair:
    """2 sigmoid(2x) - 1; its derivative is 1 - tanh^2 = 4 s (1 - s)."""
    s, slope = sigmoid(2 * x)
    return 2 * s - 1, 4 * slope


def relu(x: Array) -> Pair:
    """max(x, 0); at 0 the derivative is taken as 0."""
    return np.maximum(x, 0), (x > 0).astype(x.dtype)


def leaky_relu(x: Array, slope: float = 0.01) -> Pair:
    """Either x, or slope * x below 0: right for every slope, where max(slope * x, x) is not when slope > 1."""
    return np.where(x > 0, x, slope * x), np.where(x > 0, 1.0, slope)


def elu(x: Array, alpha: float = 1.0) -> Pair:
    """Either x, or alpha (exp(x) - 1) below 0."""
    low = np.minimum(x, 0)
    return np.where(x > 0, x, alpha * np.expm1(low)), np.where(x > 0, 1.0, alpha * np.exp(low))


def selu(x: Array) -> Pair:
    """ELU with the two constants that keep mean 0 and variance 1."""
    y, slope = elu(x, SELU_ALPHA)
    return SELU_SCALE * y, SELU_SCALE * slope


def softplus(x: Array) -> Pair:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)); its derivative is the sigmoid."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), sigmoid(x)[0]


def silu(x: Array, beta: float = 1.0) -> Pair:
    """The input weighed by a sigmoid: x sigmoid(beta x), also called swish."""
    s, slope = sigmoid(beta * x)
    return x * s, s + beta * x * slope


def gelu(x: Array) -> Pair:
    """The input weighed by Phi: x Phi(x), with Phi the normal distribution's probability below x."""
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in np.ravel(x)]).reshape(np.shape(x))
    return x * below, below + x * np.exp(-0.5 * np.minimum(x * x, 1400.0)) / math.sqrt(2 * math.pi)


def mish(x: Array) -> Pair:
    """The input weighed by tanh(softplus(x))."""
    plus, s = softplus(x)
    t, slope = tanh(plus)
    return x * t, t + x * slope * s


ACTIVATIONS: dict[str, Callable[[Array], Pair]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "mish": mish,
}


def softmax(x: Array, gradient: Array | None = None) -> Pair:
    """exp(x_i) / sum_j exp(x_j) over the last dimension, and y (g - sum_j g_j y_j): the gradient of sum(g y), g being 1 unless given.

    >>> softmax(np.array([1e4, 1e4]))[0].tolist()
    [0.5, 0.5]
    """
    power = np.exp(x - x.max(-1, keepdims=True))
    y = power / power.sum(-1, keepdims=True)
    g = np.ones_like(x) if gradient is None else gradient
    return y, y * (g - (g * y).sum(-1, keepdims=True))
