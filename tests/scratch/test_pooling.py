"""Pooling in its fast form against torch.nn.functional."""

from __future__ import annotations

import numpy as np
import pytest
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch import pooling

CASES = [((1, 1, 2, 2), 2, 2), ((2, 3, 6, 8), 2, 2), ((2, 2, 7, 5), 2, 2), ((1, 2, 7, 7), 3, 2), ((2, 1, 5, 6), 3, 1), ((1, 1, 9, 9), 2, 3), ((2, 2, 3, 3), 1, 1)]
PEERS = {"max_pool2d": F.max_pool2d, "avg_pool2d": F.avg_pool2d}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", PEERS)
def test_values_and_gradients_are_torchs(name, case):
    """max_pool2d, avg_pool2d, parity: values and gradients in float64, with windows that overlap, touch or leave gaps, and rests at the edge."""
    shape, size, stride = case
    random = np.random.default_rng(0)
    x = random.normal(size=shape)
    ours = getattr(pooling, name)(x, size, stride)
    dy = random.normal(size=ours.shape)
    y, (gradient,) = autograd(lambda x: PEERS[name](x, size, stride), [x], dy)
    found = getattr(pooling, f"{name}_backward")(dy, x, size, stride)
    assert same(ours, y) and same(found, gradient)
    assert same(found, differences(lambda x: getattr(pooling, name)(x, size, stride), [x], dy)[0], 1e-7)


def test_of_equals_the_first_takes_the_gradient():
    """max_pool2d, parity: where several are the largest, torch's choice; a picture all alike, and one of few numbers."""
    for x in (np.zeros((1, 1, 4, 4)), np.random.default_rng(1).integers(0, 2, (2, 2, 6, 6)).astype(float)):
        for size, stride in ((2, 2), (3, 1)):
            dy = np.random.default_rng(2).normal(size=pooling.max_pool2d(x, size, stride).shape)
            _, (gradient,) = autograd(lambda x, size=size, stride=stride: F.max_pool2d(x, size, stride), [x], dy)
            assert same(pooling.max_pool2d_backward(dy, x, size, stride), gradient)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 4, 5), (3, 4, 2)])
def test_the_mean_of_each_channel_is_torchs(shape):
    """global_avg_pool2d, parity: torch's adaptive_avg_pool2d to one place, with its gradient."""
    random = np.random.default_rng(3)
    x, dy = random.normal(size=shape), random.normal(size=shape[:-2])
    y, (gradient,) = autograd(lambda x: F.adaptive_avg_pool2d(x, 1)[..., 0, 0], [x], dy)
    assert same(pooling.global_avg_pool2d(x), y) and same(pooling.global_avg_pool2d_backward(dy, x), gradient)


def test_pictures_without_a_batch_are_alike_and_others_refused():
    x = np.random.default_rng(4).normal(size=(3, 6, 6))
    for name in PEERS:
        pool, back = getattr(pooling, name), getattr(pooling, f"{name}_backward")
        assert same(pool(x), pool(x[None])[0]) and same(pool(x[0]), pool(x)[0]) and same(back(np.ones((3, 3, 3)), x), back(np.ones((1, 3, 3, 3)), x[None])[0])
        with pytest.raises(ValueError, match="expected"):
            pool(np.zeros(4))
        with pytest.raises(ValueError, match="spans 5 x 5"):
            pool(np.zeros((4, 4)), 5)
