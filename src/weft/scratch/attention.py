"""Attention: every place asks all others, and takes a mean of what they hold."""

from __future__ import annotations

import numpy as np

from weft.scratch.activations import softmax, softmax_backward
from weft.scratch.rnn import Weights


def scaled_dot_product_attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """softmax(q kᵀ / √K) v: each query's mean of the values, weighted by how its key fits.

    The root keeps the products of long vectors from growing with K, where softmax would have no slope. ``mask`` is True where a key may be seen; a
    query that may see nothing gets zeros, and no gradient.

    Shapes: q (..., T, K), k (..., S, K), v (..., S, V), mask (..., T, S) -> (..., T, V).
    Paper: Vaswani et al., 2017, arXiv:1706.03762.

    Use to read attention; instead of it, ``torch.nn.functional.scaled_dot_product_attention``. Cost: O(T S K).

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    return attention_weights(q, k, mask) @ v


def attention_weights(q: np.ndarray, k: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """softmax(q kᵀ / √K) over the keys (..., T, S); rows that may see nothing are zeros.

    >>> attention_weights(np.ones((1, 1)), np.ones((2, 1)), np.array([[True, False]]))
    array([[1., 0.]])
    """
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if mask is None:
        return softmax(scores)
    seen = np.broadcast_to(mask, scores.shape)
    least = np.finfo(scores.dtype).min
    return np.where(seen, softmax(np.where(seen, scores, least)), 0.0)


def scaled_dot_product_attention_backward(
    dy: np.ndarray, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dq, dk, dv): dv = pᵀ dy, dp = dy vᵀ, through the softmax ds = p (dp - Σ dp p), dq = ds k / √K, dk = dsᵀ q / √K."""
    p = attention_weights(q, k, mask)
    ds = softmax_backward(dy @ v.swapaxes(-1, -2), p) / np.sqrt(q.shape[-1])
    return ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ dy


def multi_head_attention(x: np.ndarray, weights: Weights, heads: int, mask: np.ndarray | None = None) -> np.ndarray:
    """Attention of a sequence to itself in several heads: [q, k, v] = x W_inᵀ + b_in, each head its share of them, then y = heads W_outᵀ + b_out.

    Shapes: x (N, T, D), weights (W_in (3D, D), b_in (3D,), W_out (D, D), b_out (D,)) as ``torch.nn.MultiheadAttention`` has them, mask True where
    a place may be seen, (T, T) or (N, 1, T, T) -> (N, T, D). Raises ValueError for a width that the heads do not divide.
    Paper: Vaswani et al., 2017, arXiv:1706.03762.

    Use to read the heads; instead of it, ``torch.nn.MultiheadAttention``. Cost: O(T² D + T D²).

    >>> eye = np.eye(2)
    >>> multi_head_attention(np.zeros((1, 3, 2)), (np.tile(eye, (3, 1)), np.zeros(6), eye, np.ones(2)), heads=2)[0, 0]
    array([1., 1.])
    """
    w_in, b_in, w_out, b_out = weights
    q, k, v = (split(part, heads) for part in np.split(x @ w_in.T + b_in, 3, axis=2))
    return merge(scaled_dot_product_attention(q, k, v, mask)) @ w_out.T + b_out


def multi_head_attention_backward(
    dy: np.ndarray, x: np.ndarray, weights: Weights, heads: int, mask: np.ndarray | None = None
) -> tuple[np.ndarray, Weights]:
    """(dx, dweights): back through the last layer, each head's attention, and the first layer."""
    w_in, b_in, w_out, _ = weights
    q, k, v = (split(part, heads) for part in np.split(x @ w_in.T + b_in, 3, axis=2))
    mixed = merge(scaled_dot_product_attention(q, k, v, mask))
    parts = scaled_dot_product_attention_backward(split(dy @ w_out, heads), q, k, v, mask)
    dz = np.concatenate([merge(part) for part in parts], axis=2)
    dw_in, dw_out = np.einsum("ntz,ntd->zd", dz, x), np.einsum("nto,ntd->od", dy, mixed)
    return dz @ w_in, (dw_in, dz.sum(axis=(0, 1)), dw_out, dy.sum(axis=(0, 1)))


def split(x: np.ndarray, heads: int) -> np.ndarray:
    """(N, T, D) -> (N, heads, T, D / heads)."""
    if x.shape[2] % heads:
        raise ValueError(f"{heads} heads do not divide a width of {x.shape[2]}")
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).swapaxes(1, 2)


def merge(x: np.ndarray) -> np.ndarray:
    """(N, heads, T, K) -> (N, T, heads K)."""
    return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1)
