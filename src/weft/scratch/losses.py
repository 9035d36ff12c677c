"""What is minimised, and its gradient with respect to what the network gives.

Each is a mean over the N samples of a batch. The two cross-entropies take z, the numbers before sigmoid or softmax: together with their output
function the gradient is simply (a - y) / N, and no logarithm of 0 can arise. That short form belongs to these pairs only.
"""

from __future__ import annotations

import numpy as np

from weft.scratch.activations import sigmoid, softmax


def mean_squared_error(a: np.ndarray, y: np.ndarray) -> float:
    """Σ (a - y)² / (N n) over N samples of n outputs.

    Shapes: a, y (N, n). Raises ValueError where the shapes differ, since (N, 1) against (N,) would silently compare every sample with every other.

    >>> mean_squared_error(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]))
    2.0
    """
    alike(a, y)
    return float(np.mean((a - y) ** 2))


def mean_squared_error_backward(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """da = 2 (a - y) / (N n)."""
    alike(a, y)
    return 2.0 * (a - y) / a.size


def binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """-Σ [y log σ(z) + (1 - y) log(1 - σ(z))] / N, from z before the sigmoid: max(z, 0) - z y + log(1 + e^-|z|) is the same and finite.

    Shapes: z, y (N, n), y from 0 to 1; the n outputs of a sample are added up. Raises ValueError where the shapes differ.

    >>> round(binary_cross_entropy(np.array([[0.0]]), np.array([[1.0]])), 4)
    0.6931
    """
    alike(z, y)
    return float(np.sum(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))) / len(z))


def binary_cross_entropy_backward(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dz = (σ(z) - y) / N."""
    alike(z, y)
    return (sigmoid(z) - y) / len(z)


def softmax_cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """-Σ y log softmax(z) / N, from z before the softmax: log softmax(z) = z - max z - log Σ e^(z - max z).

    Shapes: z (N, C), y the class numbers (N,), or shares (N, C) that add up to 1. Given what softmax has made already it would apply it twice.
    Raises ValueError for other shapes and for numbers that are no class.

    >>> round(softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1])), 4)
    0.6931
    """
    shifted = z - z.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-np.sum(shares(y, z.shape) * log_softmax) / len(z))


def softmax_cross_entropy_backward(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dz = (softmax(z) - y) / N."""
    return (softmax(z) - shares(y, z.shape)) / len(z)


def shares(y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Class numbers (N,) as rows with a single 1 (N, C); shares stay as they are.

    >>> shares(np.array([1, 0]), (2, 3))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    y = np.asarray(y)
    if y.shape == shape:
        return y.astype(float)
    if y.shape != shape[:1] or y.dtype.kind not in "iu" or not ((y >= 0) & (y < shape[1])).all():
        raise ValueError(f"Targets of shape {y.shape}, {y.dtype}; expected {shape[0]} whole numbers below {shape[1]}, or shares of shape {shape}")
    return np.eye(shape[1])[y]


def alike(a: np.ndarray, y: np.ndarray) -> None:
    """Raise ValueError for shapes that would broadcast."""
    if np.shape(a) != np.shape(y):
        raise ValueError(f"Outputs of shape {np.shape(a)} against targets of shape {np.shape(y)}; expected the same")
