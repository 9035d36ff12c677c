"""The plain recurrent network against torch.nn.RNN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, differences, same
from weft.scratch import rnn, rnn_backward

SHAPES = [(1, 1, 1, 1), (3, 5, 2, 4), (2, 7, 4, 3)]


def drawn(n, steps, inputs, size, gates=1):
    """x, h0 and the four weights, and a gradient of the outputs."""
    random = np.random.default_rng(0)
    shapes = [(n, steps, inputs), (n, size), (gates * size, inputs), (gates * size, size), (gates * size,), (gates * size,)]
    return [random.normal(size=shape) for shape in shapes], random.normal(size=(n, steps, size))


def of_torch(kind, weights):
    """torch's layer of these weights as a function of everything."""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    layer = kind(weights[0].shape[1], weights[1].shape[1], batch_first=True, dtype=torch.float64)
    return lambda inputs, *tensors: torch.func.functional_call(layer, dict(zip(names, tensors, strict=True)), inputs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_torchs(shape):
    """rnn, parity: every output of torch.nn.RNN, and the gradients of input, first state and weights through time, in float64."""
    arrays, dy = drawn(*shape)
    layer = of_torch(torch.nn.RNN, arrays[2:])
    y, gradients = autograd(lambda x, h, *weights: layer((x, h[None]), *weights)[0], arrays, dy)
    dx, dh, dweights = rnn_backward(dy, *arrays[:2], tuple(arrays[2:]))
    assert same(rnn(*arrays[:2], tuple(arrays[2:])), y) and same([dx, dh, *dweights], gradients)
    if shape[1] < 6:
        assert same(gradients, differences(lambda x, h, *weights: rnn(x, h, weights), arrays, dy), 1e-7)


def test_what_came_first_is_felt_at_the_end():
    """rnn, closed form: with a recurrent weight a and no input, small states shrink by a each step, and so does the gradient of the first."""
    one, zero = np.ones((1, 1)), np.zeros(1)
    weights = (one, 0.5 * one, zero, zero)
    y = rnn(np.zeros((1, 8, 1)), 1e-6 * one, weights)
    assert np.allclose(y[0, :, 0], 1e-6 * 0.5 ** np.arange(1, 9))
    last = np.zeros((1, 8, 1))
    last[0, -1] = 1
    assert np.isclose(rnn_backward(last, np.zeros((1, 8, 1)), 1e-6 * one, weights)[1].item(), 0.5**8)
