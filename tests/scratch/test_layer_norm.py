"""Layer normalisation against torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch import layer_norm, layer_norm_backward


@pytest.mark.parametrize("shape", [(2,), (4, 3), (2, 5, 6), (2, 3, 2, 4)], ids=str)
def test_values_and_gradients_are_torchs(shape):
    """layer_norm, parity: torch.nn.functional.layer_norm's values and all gradients in float64."""
    random = np.random.default_rng(0)
    arrays = [3 + 2 * random.normal(size=shape), random.normal(size=shape[-1]), random.normal(size=shape[-1])]
    dy = random.normal(size=shape)
    y, gradients = autograd(lambda x, gamma, beta: F.layer_norm(x, shape[-1:], gamma, beta), arrays, dy)
    assert same(layer_norm(*arrays), y) and same(list(layer_norm_backward(dy, *arrays[:2])), gradients)
    assert same(gradients, differences(layer_norm, arrays, dy), 1e-6)


def test_samples_are_alone():
    """layer_norm, property: a sample's own scale and shift change nothing, and another sample nothing either."""
    x = np.random.default_rng(1).normal(size=(3, 8))
    one, zero = np.ones(8), np.zeros(8)
    y = layer_norm(x, one, zero, eps=0.0)
    assert same(layer_norm(5 * x + 2, one, zero, eps=0.0), y) and same(layer_norm(x[:1], one, zero, eps=0.0), y[:1])
    assert np.allclose(y.mean(axis=1), 0) and np.allclose(y.var(axis=1), 1)
