"""Layer normalisation: each sample by its own mean and variance."""

from __future__ import annotations

import numpy as np


def layer_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """y = γ (x - μ) / √(σ² + ε) + β, with μ and σ² (biased) over the last axis of each sample: training and predicting are the same.

    Shapes: x (..., D), gamma, beta (D,) -> (..., D).
    Paper: Ba, Kiros, Hinton, 2016, arXiv:1607.06450.

    Use in transformers and recurrent networks; instead of it, ``BatchNorm`` in convolutional ones. Cost: two passes over x.

    >>> layer_norm(np.array([1.0, 3.0]), np.ones(2), np.zeros(2)).round(4)
    array([-1.,  1.])
    """
    return gamma * normal(x, eps)[0] + beta


def layer_norm_backward(dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float = 1e-5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dγ, dβ): dx = (d - mean d - x̂ mean(d x̂)) / √(σ² + ε) with d = dy γ and means over the last axis."""
    x_hat, deviation = normal(x, eps)
    d = dy * gamma
    dx = (d - d.mean(axis=-1, keepdims=True) - x_hat * (d * x_hat).mean(axis=-1, keepdims=True)) / deviation
    others = tuple(range(x.ndim - 1))
    return dx, (dy * x_hat).sum(axis=others), dy.sum(axis=others)


def normal(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """x̂ = (x - μ) / √(σ² + ε), and that root."""
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation, deviation
