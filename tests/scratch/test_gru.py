"""The gated recurrent unit in both forms, against torch.nn.GRU and the paper's formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, differences, same
from tests.scratch.test_rnn import SHAPES, drawn, of_torch
from weft.scratch import gru, gru_backward


def reset_before(x, h, w, u, b, c):
    """The paper's form on tensors, z = 1 keeping the old state."""
    w_r, w_z, w_n, u_r, u_z, u_n, b_r, b_z, b_n, c_r, c_z, c_n = (part for whole in (w, u, b, c) for part in whole.chunk(3))
    ys = []
    for t in range(x.shape[1]):
        r = torch.sigmoid(x[:, t] @ w_r.T + b_r + h @ u_r.T + c_r)
        z = torch.sigmoid(x[:, t] @ w_z.T + b_z + h @ u_z.T + c_z)
        h = (1 - z) * torch.tanh(x[:, t] @ w_n.T + b_n + (r * h) @ u_n.T + c_n) + z * h
        ys.append(h)
    return torch.stack(ys, 1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reset_after", [True, False])
def test_values_and_gradients_are_torchs(shape, reset_after):
    """gru, parity: torch.nn.GRU's outputs and all gradients through time; of the paper's form, those of its formula by autograd."""
    arrays, dy = drawn(*shape, gates=3)
    layer = of_torch(torch.nn.GRU, arrays[2:])
    peer = (lambda x, h, *weights: layer((x, h[None]), *weights)[0]) if reset_after else reset_before
    y, gradients = autograd(peer, arrays, dy)
    x, h, *weights = arrays
    dx, dh, dweights = gru_backward(dy, x, h, tuple(weights), reset_after=reset_after)
    assert same(gru(x, h, tuple(weights), reset_after=reset_after), y) and same([dx, dh, *dweights], gradients)
    if shape[1] < 6:
        assert same(gradients, differences(lambda x, h, *w: gru(x, h, w, reset_after=reset_after), arrays, dy), 1e-7)


def test_the_forms_are_not_each_other():
    """gru, property: the same weights mean something else in the other form, unless the reset gate is open and its bias zero."""
    (x, h, w, u, b, c), _ = drawn(2, 4, 3, 5, gates=3)
    assert not same(gru(x, h, (w, u, b, c)), gru(x, h, (w, u, b, c), reset_after=False), 0.01)
    b[:5] = 100.0
    assert same(gru(x, h, (w, u, b, c)), gru(x, h, (w, u, b, c), reset_after=False))


def test_an_update_gate_of_one_keeps_the_state():
    """gru, closed form: z = 1 keeps h as it was, z = 0 takes the candidate."""
    (x, h, w, u, b, c), _ = drawn(2, 6, 3, 4, gates=3)
    b[4:8] = 1000.0
    assert same(gru(x, h, (w, u, b, c))[:, -1], h)
    b[4:8] = -1000.0
    b[:4] = -1000.0  # the reset gate shut: nothing of the past is left
    assert same(gru(x, h, (w, u, b, c)), np.tanh(x @ w[8:].T + b[8:]))
