"""Activations and their slopes, exact and finite from -1000 to 1000 and beyond.

Each function g(z) works element by element; ``g_slope(z)`` is its derivative at z. Softmax is of a whole row, so it has a backward pass instead.
``ACTIVATIONS`` has both by name.
"""

from __future__ import annotations

import math

import numpy as np

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # the fixed point with mean 0 and variance 1
ERF = np.frompyfunc(math.erf, 1, 1)  # NumPy has no erf of its own


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z) = 1 / (1 + e^-z), written in two branches so that the exponential never overflows.

    For z ≥ 0 it is 1 / (1 + e^-z), for z < 0 it is e^z / (1 + e^z): in both the exponent is -|z|. Written in the first way alone, e^1000 is
    infinite and its slope not a number.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1.0, e) / (1.0 + e)


def sigmoid_slope(z: np.ndarray) -> np.ndarray:
    """σ'(z) = σ(z) (1 - σ(z)) = σ(z) σ(-z).

    >>> float(sigmoid_slope(0.0))
    0.25
    """
    return sigmoid(z) * sigmoid(-np.asarray(z))


def tanh(z: np.ndarray) -> np.ndarray:
    """tanh(z) = (e^z - e^-z) / (e^z + e^-z) = 2 σ(2z) - 1.

    >>> tanh(np.array([-1000.0, 0.0]))
    array([-1.,  0.])
    """
    return np.tanh(z)


def tanh_slope(z: np.ndarray) -> np.ndarray:
    """tanh'(z) = 1 - tanh²(z)."""
    return 1.0 - np.tanh(z) ** 2


def relu(z: np.ndarray) -> np.ndarray:
    """max(0, z). Nair and Hinton, 2010, https://icml.cc/Conferences/2010/papers/432.pdf.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return np.maximum(z, 0.0)


def relu_slope(z: np.ndarray) -> np.ndarray:
    """1 for z > 0, else 0: at 0 itself, where there is none, the convention is 0."""
    return (np.asarray(z) > 0).astype(float)


def leaky_relu(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    """z for z > 0, else slope · z, so that no unit ever stops learning. Maas, Hannun, Ng, 2013.

    As max(slope · z, z) it would be right only for a slope below 1.

    >>> leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    return np.where(np.asarray(z) > 0, z, slope * np.asarray(z))


def leaky_relu_slope(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    """1 for z > 0, else the slope."""
    return np.where(np.asarray(z) > 0, 1.0, slope)


def elu(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """z for z > 0, else α (e^z - 1). Clevert, Unterthiner, Hochreiter, 2015, arXiv:1511.07289.

    >>> elu(np.array([-1000.0, 2.0]))
    array([-1.,  2.])
    """
    return np.where(np.asarray(z) > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def elu_slope(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """1 for z > 0, else α e^z."""
    return np.where(np.asarray(z) > 0, 1.0, alpha * np.exp(np.minimum(z, 0.0)))


def selu(z: np.ndarray) -> np.ndarray:
    """ELU times a scale, both constants chosen so that mean 0 and variance 1 stay so from layer to layer. Klambauer et al., 2017, arXiv:1706.02515.

    >>> selu(np.array([1.0])).round(4)
    array([1.0507])
    """
    return SELU_SCALE * elu(z, SELU_ALPHA)


def selu_slope(z: np.ndarray) -> np.ndarray:
    """The slope of ELU times the scale."""
    return SELU_SCALE * elu_slope(z, SELU_ALPHA)


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), a ReLU with its corner rounded; its slope is the sigmoid. Dugas et al., 2000.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03])
    """
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def mish(z: np.ndarray) -> np.ndarray:
    """z tanh(softplus(z)). Misra, 2019, arXiv:1908.08681.

    >>> mish(np.array([1.0])).round(4)
    array([0.8651])
    """
    return z * np.tanh(softplus(z))


def mish_slope(z: np.ndarray) -> np.ndarray:
    """t + z (1 - t²) σ(z), with t = tanh(softplus(z))."""
    t = np.tanh(softplus(z))
    return t + z * (1.0 - t**2) * sigmoid(z)


def silu(z: np.ndarray) -> np.ndarray:
    """z σ(z), also called swish. Elfwing, Uchibe, Doya, 2017, arXiv:1702.03118.

    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    return z * sigmoid(z)


def silu_slope(z: np.ndarray) -> np.ndarray:
    """σ(z) + z σ'(z)."""
    return sigmoid(z) + z * sigmoid_slope(z)


def gelu(z: np.ndarray) -> np.ndarray:
    """z Φ(z) with Φ(z) = (1 + erf(z / √2)) / 2, the share of a normal variable below z. Hendrycks and Gimpel, 2016, arXiv:1606.08415.

    >>> gelu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8413])
    """
    return z * normal_share(z)


def gelu_slope(z: np.ndarray) -> np.ndarray:
    """Φ(z) + z φ(z), with φ(z) = e^(-z²/2) / √(2π)."""
    z = np.asarray(z, float)
    return normal_share(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def normal_share(z: np.ndarray) -> np.ndarray:
    """Φ(z), the share of a standard normal variable below z."""
    return 0.5 * (1.0 + np.asarray(ERF(np.asarray(z, float) / math.sqrt(2)), float))


def gelu_tanh(z: np.ndarray) -> np.ndarray:
    """GELU as it was first computed: z (1 + tanh(√(2/π) (z + 0.044715 z³))) / 2; it differs from ``gelu`` by less than 0.001.

    >>> bool(abs(gelu_tanh(1.5) - gelu(1.5)) < 1e-3)
    True
    """
    z = np.asarray(z, float)
    return 0.5 * z * (1.0 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def gelu_tanh_slope(z: np.ndarray) -> np.ndarray:
    """(1 + t) / 2 + z (1 - t²) √(2/π) (1 + 3 · 0.044715 z²) / 2, with t the tanh of ``gelu_tanh``."""
    z = np.asarray(z, float)
    t = np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
    return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t**2) * math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z**2)


def identity(z: np.ndarray) -> np.ndarray:
    """z itself, for outputs that may be any number."""
    return np.asarray(z)


def identity_slope(z: np.ndarray) -> np.ndarray:
    """1 everywhere."""
    return np.ones_like(z, dtype=float)


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """e^z / Σ e^z along an axis; the largest is taken off first, which changes nothing but keeps e^z finite.

    >>> softmax(np.array([1000.0, 1000.0, -1000.0]))
    array([0.5, 0.5, 0. ])
    """
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_backward(dy: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """dz = y (dy - Σ dy y): every output depends on every input of its row. ``y`` is what ``softmax`` gave."""
    return y * (dy - (dy * y).sum(axis=axis, keepdims=True))


ACTIVATIONS = {
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "elu": (elu, elu_slope),
    "selu": (selu, selu_slope),
    "softplus": (softplus, sigmoid),
    "mish": (mish, mish_slope),
    "silu": (silu, silu_slope),
    "gelu": (gelu, gelu_slope),
    "gelu_tanh": (gelu_tanh, gelu_tanh_slope),
    "identity": (identity, identity_slope),
}
