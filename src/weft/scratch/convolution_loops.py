"""Convolution as the sum that defines it, one output at a time."""

from __future__ import annotations

import numpy as np

from weft.scratch.convolution import as_batch


def conv2d_loops(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> np.ndarray:
    """The same as ``conv2d``, to be read: every output is a window of x times a kernel, added up.

    Shapes and Paper: as in ``conv2d``. Use to see what a convolution is; instead of it, ``conv2d``. Cost: a loop of Python for each output.

    >>> conv2d_loops(np.arange(9.0).reshape(3, 3), np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 2.],
           [4., 5.]])
    """
    x4, w4 = as_batch(x, w, groups)
    padded, height, width = framed(x4, w4.shape, stride, padding, dilation)
    y = np.zeros((len(x4), len(w4), height, width))
    for n in range(len(x4)):
        for o in range(len(w4)):
            for i in range(height):
                for j in range(width):
                    window = padded[n][window_of(o, i, j, w4.shape, stride, dilation, len(w4) // groups)]
                    y[n, o, i, j] = np.sum(window * w4[o]) + (0.0 if b is None else b[o])
    return y.reshape(y.shape[4 - x.ndim :])


def conv2d_loops_backward(
    dy: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dw, db): each output's dy goes to the kernel times its window, to its window times the kernel, and to its bias."""
    x4, w4 = as_batch(x, w, groups)
    padded, height, width = framed(x4, w4.shape, stride, padding, dilation)
    d = dy.reshape(len(x4), len(w4), height, width)
    dx, dw, db = np.zeros_like(padded), np.zeros_like(w4), np.zeros(len(w4))
    for n in range(len(x4)):
        for o in range(len(w4)):
            for i in range(height):
                for j in range(width):
                    place = window_of(o, i, j, w4.shape, stride, dilation, len(w4) // groups)
                    dw[o] += d[n, o, i, j] * padded[n][place]
                    dx[n][place] += d[n, o, i, j] * w4[o]
                    db[o] += d[n, o, i, j]
    dx = dx[:, :, padding : padding + x4.shape[2], padding : padding + x4.shape[3]]
    return dx.reshape(x.shape), dw.reshape(w.shape), db


def framed(x: np.ndarray, kernel: tuple[int, ...], stride: int, padding: int, dilation: int) -> tuple[np.ndarray, int, int]:
    """The picture with its frame of zeros, and how many windows fit down and across."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height, width = ((padded.shape[k] - dilation * (kernel[k] - 1) - 1) // stride + 1 for k in (2, 3))
    return padded, height, width


def window_of(o: int, i: int, j: int, kernel: tuple[int, ...], stride: int, dilation: int, outputs_a_group: int) -> tuple[slice, slice, slice]:
    """Where output (o, i, j) looks: its group's channels, its rows, its columns."""
    first = o // outputs_a_group * kernel[1]
    rows = slice(stride * i, stride * i + dilation * (kernel[2] - 1) + 1, dilation)
    columns = slice(stride * j, stride * j + dilation * (kernel[3] - 1) + 1, dilation)
    return slice(first, first + kernel[1]), rows, columns
