"""Long short-term memory, and back-propagation through its gates and through time."""

from __future__ import annotations

import numpy as np

from weft.scratch.activations import sigmoid
from weft.scratch.rnn import Weights


def lstm(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Four gates of [i, f, g, o] = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh: c_t = σ(f) c_(t-1) + σ(i) tanh(g), h_t = σ(o) tanh(c_t).

    The cell c is changed by adding alone, so its gradient passes through time multiplied by nothing but the forget gate.

    Shapes: x (N, T, D), h0, c0 (N, H), weights (W_ih (4H, D), W_hh (4H, H), b_ih (4H,), b_hh (4H,)), gates in the order i, f, g, o as in torch
    -> every h and every c, both (N, T, H).
    Papers: Hochreiter and Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate: Gers, Schmidhuber, Cummins, 2000.

    Use to read the gates; instead of it, ``torch.nn.LSTM``. Cost: four times ``rnn``.

    >>> h, c = lstm(np.zeros((1, 3, 2)), np.zeros((1, 1)), np.ones((1, 1)), (np.zeros((4, 2)), np.zeros((4, 1)), np.zeros(4), np.zeros(4)))
    >>> c.ravel()
    array([0.5  , 0.25 , 0.125])
    """
    h, c, hs, cs = h0, c0, [], []
    for t in range(x.shape[1]):
        i, f, g, o = gates(x[:, t], h, weights)
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
        cs.append(c)
    return np.stack(hs, axis=1), np.stack(cs, axis=1)


def gates(x: np.ndarray, h: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """σ(i), σ(f), tanh(g), σ(o) of one step."""
    w_ih, w_hh, b_ih, b_hh = weights
    i, f, g, o = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_backward(
    dy: np.ndarray, x: np.ndarray, h0: np.ndarray, c0: np.ndarray, weights: Weights, dc: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Weights]:
    """(dx, dh0, dc0, dweights) for the gradient dy (N, T, H) of every h, and dc (N, H) of the last c, where it is used.

    Back through a step: dc += dh o (1 - tanh² c); do = dh tanh(c), di = dc g, dg = dc i, df = dc c_(t-1), each times the slope of its gate; then dc f
    is the gradient of the cell before.
    """
    w_ih, w_hh, b_ih, _ = weights
    hs, cs = lstm(x, h0, c0, weights)
    dx, dh, dc = np.zeros_like(x), np.zeros_like(h0), np.zeros_like(c0) if dc is None else dc
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(b_ih)
    for t in reversed(range(x.shape[1])):
        h_before, c_before = (hs[:, t - 1], cs[:, t - 1]) if t else (h0, c0)
        i, f, g, o = gates(x[:, t], h_before, weights)
        tanh_c = np.tanh(cs[:, t])
        dh = dh + dy[:, t]
        dc = dc + dh * o * (1 - tanh_c**2)
        dz = np.concatenate([dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)], axis=1)
        dw_ih += dz.T @ x[:, t]
        dw_hh += dz.T @ h_before
        db += dz.sum(axis=0)
        dx[:, t] = dz @ w_ih
        dh, dc = dz @ w_hh, dc * f
    return dx, dh, dc, (dw_ih, dw_hh, db, db.copy())
