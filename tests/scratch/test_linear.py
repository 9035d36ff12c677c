"""A layer of units against autograd."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, differences, same
from weft.scratch import linear, linear_backward


@pytest.mark.parametrize(("n", "inputs", "outputs"), [(1, 1, 1), (4, 3, 2), (2, 5, 7)])
def test_values_and_gradients_are_torchs(n, inputs, outputs):
    """linear, parity: torch.nn.Linear's values and all three gradients, the bias's added up over the batch."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in ((n, inputs), (inputs, outputs), (outputs,))]
    dy = random.normal(size=(n, outputs))
    y, gradients = autograd(lambda a, w, b: torch.nn.functional.linear(a, w.T, b), arrays, dy)
    assert same(linear(*arrays), y) and same(list(linear_backward(dy, *arrays[:2])), gradients)
    assert same(gradients, differences(linear, arrays, dy), 1e-7)


@pytest.mark.parametrize("layers", range(1, 7))
def test_layers_upon_layers_are_autograds(layers):
    """linear, parity: z = aW + b and a = tanh(z), one to six deep of random widths; every dW, db and dx is autograd's."""
    random = np.random.default_rng(layers)
    widths = random.integers(1, 6, layers + 1)
    weights = [random.normal(size=(i, o)) for i, o in pairwise(widths)]
    biases = [random.normal(size=o) for o in widths[1:]]
    x, dy = random.normal(size=(3, widths[0])), random.normal(size=(3, widths[-1]))

    def network(x, *flat):
        for w, b in zip(flat[:layers], flat[layers:], strict=True):
            x = torch.tanh(x @ w + b)
        return x

    y, gradients = autograd(network, [x, *weights, *biases], dy)
    activations = [x]
    for w, b in zip(weights, biases, strict=True):
        activations.append(np.tanh(linear(activations[-1], w, b)))
    da, found = dy, []
    for layer in reversed(range(layers)):
        dz = da * (1 - activations[layer + 1] ** 2)
        da, dw, db = linear_backward(dz, activations[layer], weights[layer])
        found.append((dw, db))
    ours = [da, *(dw for dw, _ in reversed(found)), *(db for _, db in reversed(found))]
    assert same(activations[-1], y) and same(ours, gradients)
