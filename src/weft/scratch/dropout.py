"""Dropout: units left out by chance while training."""

from __future__ import annotations

import numpy as np


def dropout(x: np.ndarray, keep: np.ndarray, p: float = 0.5) -> np.ndarray:
    """y = x · keep / (1 - p), inverted dropout: the mean stays what it was, and predicting needs nothing at all.

    ``keep`` (True = keep) is drawn by ``kept(shape, p, random)``; with p = 1 nothing is kept and y is 0, not 0 / 0. Backwards dx = dy · keep /
    (1 - p), the same function of dy. Raises ValueError for p outside [0, 1] and for a mask of another shape.

    Paper: Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Use against overfitting of wide layers; cost: one random number a unit.

    >>> dropout(np.ones(4), np.array([True, False, True, True]), p=0.25).round(4)
    array([1.3333, 0.    , 1.3333, 1.3333])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p={p}; expected a probability, from 0 to 1")
    if keep.shape != x.shape:
        raise ValueError(f"keep of shape {keep.shape} for x of shape {x.shape}; expected the same")
    return np.where(keep, x, 0.0) / (1 - p) if p < 1 else np.zeros_like(x)


def kept(shape: tuple[int, ...], p: float, random: np.random.Generator) -> np.ndarray:
    """Which units stay (True), each with probability 1 - p.

    >>> kept((2,), 0.0, np.random.default_rng(0))
    array([ True,  True])
    """
    return random.random(shape) >= p
