"""The plain recurrent network, and back-propagation through time."""

from __future__ import annotations

import numpy as np

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rnn(x: np.ndarray, h0: np.ndarray, weights: Weights) -> np.ndarray:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), for every t.

    Shapes: x (N, T, D), h0 (N, H), weights (W_ih (H, D), W_hh (H, H), b_ih (H,), b_hh (H,)), as torch has them -> every h (N, T, H).
    Paper: Elman, 1990, doi:10.1207/s15516709cog1402_1.

    Use to read recurrence at its plainest; instead of it, ``lstm`` or ``gru``, which remember longer. Cost: T steps, one after the other.

    >>> one = np.ones((1, 1))
    >>> rnn(np.zeros((1, 3, 1)), one, (one, one, np.zeros(1), np.zeros(1))).shape
    (1, 3, 1)
    """
    w_ih, w_hh, b_ih, b_hh = weights
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        hs.append(h)
    return np.stack(hs, axis=1)


def rnn_backward(dy: np.ndarray, x: np.ndarray, h0: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray, Weights]:
    """(dx, dh0, dweights) for the gradient dy (N, T, H) of every output: from the last step to the first, dh carrying what later steps want.

    dz_t = (dy_t + dh) (1 - h_t²); dW_ih += dz_tᵀ x_t, dW_hh += dz_tᵀ h_(t-1), dx_t = dz_t W_ih, and dh = dz_t W_hh for the step before.
    """
    w_ih, w_hh, b_ih, _ = weights
    y = rnn(x, h0, weights)
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(b_ih)
    for t in reversed(range(x.shape[1])):
        before = y[:, t - 1] if t else h0
        dz = (dy[:, t] + dh) * (1 - y[:, t] ** 2)
        dw_ih += dz.T @ x[:, t]
        dw_hh += dz.T @ before
        db += dz.sum(axis=0)
        dx[:, t] = dz @ w_ih
        dh = dz @ w_hh
    return dx, dh, (dw_ih, dw_hh, db, db.copy())
