"""Convolution of pictures as one product of matrices, and its backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv2d(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> np.ndarray:
    """y[n, o, i, j] = b[o] + Σ_c,u,v w[o, c, u, v] · x[n, c, stride · i + dilation · u - padding, stride · j + dilation · v - padding].

    This is cross-correlation: the kernel is not turned round, and what moves in x moves alike in y (equivariance, not invariance). With ``groups``
    each group of outputs sees its own group of channels. The fast form: the windows of x are laid side by side as columns (im2col) without
    copying, and each group is one product of matrices.

    Shapes: x (N, C, H, W), w (O, C / groups, U, V), b (O,) -> (N, O, H', W'), H' = ⌊(H + 2 padding - dilation (U - 1) - 1) / stride⌋ + 1; x may
    also be (C, H, W), or (H, W) with w (U, V), and y is then alike. Raises ValueError for channels that do not fit and kernels beyond the picture.
    Paper: LeCun et al., 1989, doi:10.1162/neco.1989.1.4.541; im2col: Chellapilla, Puri, Simard, 2006.

    Use to read a convolution; ``conv2d_loops`` is the same sum in loops; instead of both, torch's. Cost: U V times x in memory.

    >>> conv2d(np.arange(9.0).reshape(3, 3), np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 2.],
           [4., 5.]])
    """
    x4, w4 = as_batch(x, w, groups)
    columns, (height, width) = columns_of(x4, w4.shape[2:], stride, padding, dilation, groups)
    y = (w4.reshape(groups, len(w4) // groups, -1) @ columns).reshape(len(x4), len(w4), height, width)
    if b is not None:
        y = y + b[:, None, None]
    return y.reshape(y.shape[4 - np.ndim(x) :])


def conv2d_backward(
    dy: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dw, db) for the gradient dy of ``conv2d(x, w, b, ...)``.

    dw is dy times the columns; the columns of dx are wᵀ times dy, and each goes back to the place it came from, where those of several windows
    add up (col2im).

    >>> dx, dw, db = conv2d_backward(np.ones((2, 2)), np.ones((3, 3)), np.ones((2, 2)))
    >>> dx
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    x4, w4 = as_batch(x, w, groups)
    size = w4.shape[2:]
    columns, (height, width) = columns_of(x4, size, stride, padding, dilation, groups)
    d = dy.reshape(len(x4), groups, len(w4) // groups, height * width)
    dw = (d @ columns.swapaxes(2, 3)).sum(axis=0).reshape(w.shape)
    dcolumns = w4.reshape(groups, len(w4) // groups, -1).swapaxes(1, 2) @ d
    dcolumns = dcolumns.reshape(*x4.shape[:2], *size, height, width)
    dx = np.pad(np.zeros_like(x4), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    for u in range(size[0]):
        for v in range(size[1]):
            top, left = dilation * u, dilation * v
            dx[:, :, top : top + stride * height : stride, left : left + stride * width : stride] += dcolumns[:, :, u, v]
    dx = dx[:, :, padding : padding + x4.shape[2], padding : padding + x4.shape[3]]
    return dx.reshape(x.shape), dw, d.sum(axis=(0, 3)).reshape(-1)


def as_batch(x: np.ndarray, w: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """x as (N, C, H, W) and w as (O, C / groups, U, V)."""
    if x.ndim not in (2, 3, 4) or w.ndim != (2 if x.ndim == 2 else 4):
        raise ValueError(f"x of shape {x.shape} with w of shape {w.shape}; expected (N, C, H, W) or (C, H, W) and (O, C, U, V), (H, W) with (U, V)")
    x4, w4 = x.reshape((1,) * (4 - x.ndim) + x.shape), w.reshape((1,) * (4 - w.ndim) + w.shape)
    if x4.shape[1] != w4.shape[1] * groups or len(w4) % groups:
        raise ValueError(f"{x4.shape[1]} channels and {len(w4)} outputs in {groups} groups; w takes {w4.shape[1]} channels a group")
    return x4, w4


def columns_of(x: np.ndarray, size: tuple[int, ...], stride: int, padding: int, dilation: int, groups: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The windows of x as columns (N, groups, C U V / groups, H' W'), and (H', W')."""
    view = windows(np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))), size, stride, dilation)
    n, c, height, width = view.shape[:4]
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(n, groups, c // groups * size[0] * size[1], height * width), (height, width)


def windows(x: np.ndarray, size: tuple[int, ...], stride: int, dilation: int = 1) -> np.ndarray:
    """Every window of a picture: (N, C, H, W) -> (N, C, H', W', U, V), a view that copies nothing.

    >>> windows(np.arange(16.0).reshape(1, 1, 4, 4), (2, 2), 2)[0, 0, 1, 1]
    array([[10., 11.],
           [14., 15.]])
    """
    span: Any = tuple(dilation * (side - 1) + 1 for side in size)
    if span[0] > x.shape[2] or span[1] > x.shape[3]:
        raise ValueError(f"A window that spans {span[0]} x {span[1]} in a padded picture of {x.shape[2]} x {x.shape[3]}")
    return sliding_window_view(x, span, axis=(2, 3))[:, :, ::stride, ::stride, ::dilation, ::dilation]
