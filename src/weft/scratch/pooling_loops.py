"""Pooling in loops, one window at a time."""

from __future__ import annotations

import numpy as np

from weft.scratch.pooling import four


def max_pool2d_loops(x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """The same as ``max_pool2d``, to be read. Shapes as there; cost: a loop of Python for each output.

    >>> max_pool2d_loops(np.arange(16.0).reshape(4, 4))
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x4 = four(x)
    y = np.zeros(pooled(x4, size, stride))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = x4[n, c, stride * i : stride * i + size, stride * j : stride * j + size].max()
    return y.reshape(*x.shape[:-2], *y.shape[2:])


def max_pool2d_loops_backward(dy: np.ndarray, x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """dx: dy goes to the first of the largest in its window."""
    x4 = four(x)
    dx = np.zeros(x4.shape)
    d = dy.reshape(pooled(x4, size, stride))
    for n, c, i, j in np.ndindex(d.shape):
        window = x4[n, c, stride * i : stride * i + size, stride * j : stride * j + size]
        u, v = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, stride * i + u, stride * j + v] += d[n, c, i, j]
    return dx.reshape(x.shape)


def avg_pool2d_loops(x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """The same as ``avg_pool2d``, to be read. Shapes as there; cost: a loop of Python for each output.

    >>> avg_pool2d_loops(np.arange(16.0).reshape(4, 4))
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x4 = four(x)
    y = np.zeros(pooled(x4, size, stride))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = x4[n, c, stride * i : stride * i + size, stride * j : stride * j + size].sum() / size**2
    return y.reshape(*x.shape[:-2], *y.shape[2:])


def avg_pool2d_loops_backward(dy: np.ndarray, x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """dx: each place of a window gets its share of dy."""
    x4 = four(x)
    dx = np.zeros(x4.shape)
    d = dy.reshape(pooled(x4, size, stride))
    for n, c, i, j in np.ndindex(d.shape):
        dx[n, c, stride * i : stride * i + size, stride * j : stride * j + size] += d[n, c, i, j] / size**2
    return dx.reshape(x.shape)


def pooled(x: np.ndarray, size: int, stride: int) -> tuple[int, int, int, int]:
    """The shape after pooling."""
    return x.shape[0], x.shape[1], (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
