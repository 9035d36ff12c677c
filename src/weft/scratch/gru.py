"""The gated recurrent unit in both its forms, and back-propagation through time."""

from __future__ import annotations

import numpy as np

from weft.scratch.activations import sigmoid
from weft.scratch.rnn import Weights


def gru(x: np.ndarray, h0: np.ndarray, weights: Weights, *, reset_after: bool = True) -> np.ndarray:
    """h_t = (1 - z) n + z h_(t-1), with the gates r = σ(W_r x + U_r h + b_r), z = σ(W_z x + U_z h + b_z) and the candidate n.

    ``reset_after`` (torch, cuDNN): n = tanh(W_n x + b_n + r (U_n h + c_n)), the reset gate after the product, so that c_n stands inside it. Without
    (the paper): n = tanh(W_n x + b_n + U_n (r h) + c_n). Weights learned for one do not serve the other. Papers and libraries also differ in which of
    n and h bears z: here, as in torch, z = 1 keeps the old state.

    Shapes: x (N, T, D), h0 (N, H), weights (W (3H, D), U (3H, H), b (3H,), c (3H,)), gates in the order r, z, n -> every h (N, T, H).
    Paper: Cho et al., 2014, arXiv:1406.1078.

    Use where ``lstm`` is too large; instead of it, ``torch.nn.GRU``. Cost: three times ``rnn``.

    >>> h = gru(np.zeros((1, 2, 1)), np.ones((1, 1)), (np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(3), np.zeros(3)))
    >>> h.ravel()
    array([0.5 , 0.25])
    """
    h, hs = h0, []
    for t in range(x.shape[1]):
        _, z, n, _ = step(x[:, t], h, weights, reset_after)
        h = (1 - z) * n + z * h
        hs.append(h)
    return np.stack(hs, axis=1)


def step(x: np.ndarray, h: np.ndarray, weights: Weights, reset_after: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """r, z, n of one step, and U_n h + c_n, which the reset gate multiplies where it stands after."""
    w, u, b, c = weights
    size = h.shape[1]
    from_x = x @ w.T + b
    from_h = h @ u.T + c
    r, z = sigmoid(from_x[:, :size] + from_h[:, :size]), sigmoid(from_x[:, size : 2 * size] + from_h[:, size : 2 * size])
    last = from_h[:, 2 * size :]
    inner = r * last if reset_after else (r * h) @ u[2 * size :].T + c[2 * size :]
    return r, z, np.tanh(from_x[:, 2 * size :] + inner), last


def gru_backward(
    dy: np.ndarray, x: np.ndarray, h0: np.ndarray, weights: Weights, *, reset_after: bool = True
) -> tuple[np.ndarray, np.ndarray, Weights]:
    """(dx, dh0, dweights) for the gradient dy (N, T, H) of every output.

    Back through a step: dn = dh (1 - z) (1 - n²), dz = dh (h_(t-1) - n) z (1 - z); the reset gate gets dn times what it multiplied, which is
    U_n h + c_n in one form, and h, through U_n, in the other.
    """
    w, u, b, _ = weights
    size = h0.shape[1]
    u_n = u[2 * size :]
    y = gru(x, h0, weights, reset_after=reset_after)
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dw, du, db, dc = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b), np.zeros_like(b)
    for t in reversed(range(x.shape[1])):
        before = y[:, t - 1] if t else h0
        r, z, n, last = step(x[:, t], before, weights, reset_after)
        dh = dh + dy[:, t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (before - n) * z * (1 - z)
        into_u = dn * r if reset_after else dn  # the gradient of U_n times something
        dr = (dn * last if reset_after else (dn @ u_n) * before) * r * (1 - r)
        from_x, from_h = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, into_u], axis=1)
        dw += from_x.T @ x[:, t]
        db += from_x.sum(axis=0)
        dc += from_h.sum(axis=0)
        du[: 2 * size] += from_h[:, : 2 * size].T @ before
        du[2 * size :] += into_u.T @ (before if reset_after else r * before)
        dx[:, t] = from_x @ w
        through = into_u @ u_n if reset_after else (dn @ u_n) * r
        dh = dh * z + from_h[:, : 2 * size] @ u[: 2 * size] + through
    return dx, dh, (dw, du, db, dc)
