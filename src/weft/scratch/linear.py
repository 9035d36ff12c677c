"""A layer of units: z = a W + b, and the three gradients of it."""

from __future__ import annotations

import numpy as np


def linear(a: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """z = a W + b, samples as rows.

    Shapes: a (N, I), w (I, O), b (O,) -> (N, O). ``torch.nn.Linear`` stores the transpose of w.
    Paper: Rumelhart, Hinton, Williams, 1986, doi:10.1038/323533a0.

    >>> linear(np.ones((2, 3)), np.ones((3, 1)), np.array([0.5]))
    array([[3.5],
           [3.5]])
    """
    return a @ w + b


def linear_backward(dz: np.ndarray, a: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(da, dw, db) = (dz Wᵀ, aᵀ dz, Σ dz over the samples). With a loss that is a mean, dz already carries its 1/N.

    >>> da, dw, db = linear_backward(np.ones((2, 1)), np.ones((2, 3)), np.ones((3, 1)))
    >>> da.shape, dw.shape, db
    ((2, 3), (3, 1), array([2.]))
    """
    return dz @ w.T, a.T @ dz, dz.sum(axis=0)
