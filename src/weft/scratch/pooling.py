"""Pooling: the largest or the mean of each window."""

from __future__ import annotations

import numpy as np

from weft.scratch.convolution import windows


def max_pool2d(x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """y[n, c, i, j] = max over u, v of x[n, c, stride · i + u, stride · j + v]; what is left at the right and below is dropped.

    Shapes: x (..., H, W) with at most two more -> (..., ⌊(H - size) / stride⌋ + 1, ...). Raises ValueError for a window beyond the picture.
    Paper: Ranzato et al., 2007, doi:10.1109/CVPR.2007.383157.

    Use after convolutions to see more of the picture; ``max_pool2d_loops`` is the same in loops. Cost: one comparison an element and window.

    >>> max_pool2d(np.arange(16.0).reshape(4, 4))
    array([[ 5.,  7.],
           [13., 15.]])
    """
    y = windows(four(x), (size, size), stride).max(axis=(4, 5))
    return y.reshape(*x.shape[:-2], *y.shape[2:])


def max_pool2d_backward(dy: np.ndarray, x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """dx: all of dy goes to the place of the largest, the first where several are; windows that overlap add up.

    >>> max_pool2d_backward(np.ones((1, 1)), np.array([[1.0, 3.0], [3.0, 2.0]]))
    array([[0., 1.],
           [0., 0.]])
    """
    view = windows(four(x), (size, size), stride)
    n, c, height, width = view.shape[:4]
    place = view.reshape(n, c, height, width, size * size).argmax(axis=4)
    rows = stride * np.arange(height)[:, None] + place // size
    columns = stride * np.arange(width) + place % size
    dx = np.zeros(four(x).shape)
    np.add.at(dx, (np.arange(n)[:, None, None, None], np.arange(c)[:, None, None], rows, columns), dy.reshape(n, c, height, width))
    return dx.reshape(x.shape)


def avg_pool2d(x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """y[n, c, i, j] = mean over u, v of x[n, c, stride · i + u, stride · j + v].

    Shapes and errors as in ``max_pool2d``. Paper: LeCun et al., 1989, doi:10.1162/neco.1989.1.4.541.

    >>> avg_pool2d(np.arange(16.0).reshape(4, 4))
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    y = windows(four(x), (size, size), stride).mean(axis=(4, 5))
    return y.reshape(*x.shape[:-2], *y.shape[2:])


def avg_pool2d_backward(dy: np.ndarray, x: np.ndarray, size: int = 2, stride: int = 2) -> np.ndarray:
    """dx: every place of a window gets dy / size²."""
    dx = np.zeros(four(x).shape)
    d = dy.reshape(*dx.shape[:2], *dy.shape[-2:])
    for u in range(size):
        for v in range(size):
            dx[:, :, u : u + stride * d.shape[2] : stride, v : v + stride * d.shape[3] : stride] += d / size**2
    return dx.reshape(x.shape)


def global_avg_pool2d(x: np.ndarray) -> np.ndarray:
    """The mean of each channel: (..., H, W) -> (...). Lin, Chen, Yan, 2013, arXiv:1312.4400.

    >>> global_avg_pool2d(np.arange(8.0).reshape(2, 2, 2))
    array([1.5, 5.5])
    """
    return x.mean(axis=(-2, -1))


def global_avg_pool2d_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx: every place gets dy / (H W)."""
    return np.broadcast_to(dy[..., None, None] / (x.shape[-2] * x.shape[-1]), x.shape).copy()


def four(x: np.ndarray) -> np.ndarray:
    """x as (N, C, H, W)."""
    if x.ndim not in (2, 3, 4):
        raise ValueError(f"x of shape {x.shape}; expected (N, C, H, W), (C, H, W) or (H, W)")
    return x.reshape((1,) * (4 - x.ndim) + x.shape)
