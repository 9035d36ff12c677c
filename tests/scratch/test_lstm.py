"""Long short-term memory against torch.nn.LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, differences, same
from tests.scratch.test_rnn import SHAPES, drawn, of_torch
from weft.scratch import lstm, lstm_backward


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_torchs(shape):
    """lstm, parity: every output and the last cell of torch.nn.LSTM, and all gradients through time, that of the last cell too, in float64."""
    (x, h0, *weights), dy = drawn(*shape, gates=4)
    random = np.random.default_rng(1)
    c0, dc = random.normal(size=h0.shape), random.normal(size=h0.shape)
    layer = of_torch(torch.nn.LSTM, weights)

    def both(x, h, c, *weights):
        y, (_, last) = layer((x, (h[None], c[None])), *weights)
        return torch.cat([y, last.swapaxes(0, 1)], 1)

    y, gradients = autograd(both, [x, h0, c0, *weights], np.concatenate([dy, dc[:, None]], 1))
    hs, cs = lstm(x, h0, c0, tuple(weights))
    dx, dh, dcell, dweights = lstm_backward(dy, x, h0, c0, tuple(weights), dc)
    assert same(np.concatenate([hs, cs[:, -1:]], 1), y) and same([dx, dh, dcell, *dweights], gradients)
    if shape[1] < 6:
        without = lstm_backward(dy, x, h0, c0, tuple(weights))
        assert same([*without[:3], *without[3]], differences(lambda x, h, c, *w: lstm(x, h, c, w)[0], [x, h0, c0, *weights], dy), 1e-7)


def test_gates_one_by_one():
    """lstm, closed form: the four gates as four separate layers, in the order i, f, g, o."""
    (x, h, *weights), _ = drawn(2, 3, 2, 4, gates=4)
    c = np.zeros_like(h)
    hs, cs = lstm(x, h, c, tuple(weights))
    for t in range(3):
        i, f, g, o = (x[:, t] @ w.T + b + h @ u.T + d for w, u, b, d in zip(*(np.split(part, 4) for part in weights), strict=True))
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        assert same(hs[:, t], h) and same(cs[:, t], c)


def test_an_open_forget_gate_remembers():
    """lstm, closed form: with the forget gate open and the input gate shut the cell stays as it was over 50 steps, and its gradient too."""
    zero = np.zeros
    weights = (zero((4, 1)), zero((4, 1)), np.array([-50.0, 50.0, 0.0, 0.0]), zero(4))
    _, cs = lstm(zero((1, 50, 1)), zero((1, 1)), np.array([[0.7]]), weights)
    _, _, dc0, _ = lstm_backward(zero((1, 50, 1)), zero((1, 50, 1)), zero((1, 1)), np.array([[0.7]]), weights, np.ones((1, 1)))
    assert np.isclose(cs[0, -1, 0], 0.7) and np.isclose(dc0.item(), 1.0)
