"""Pooling in loops against its fast form and torch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scratch.compare import autograd, same
from tests.scratch.test_pooling import CASES, PEERS
from weft.scratch import pooling, pooling_loops


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", PEERS)
def test_the_loops_are_the_fast_form_and_torchs(name, case):
    """max_pool2d_loops, avg_pool2d_loops, parity: values and gradients of torch and of the fast form."""
    shape, size, stride = case
    random = np.random.default_rng(5)
    x = random.integers(0, 5, shape).astype(float)  # with equals
    ours = getattr(pooling_loops, f"{name}_loops")(x, size, stride)
    dy = random.normal(size=ours.shape)
    y, (gradient,) = autograd(lambda x: PEERS[name](x, size, stride), [x], dy)
    found = getattr(pooling_loops, f"{name}_loops_backward")(dy, x, size, stride)
    assert same(ours, y) and same(found, gradient)
    assert same(ours, getattr(pooling, name)(x, size, stride)) and same(found, getattr(pooling, f"{name}_backward")(dy, x, size, stride))
    assert same(getattr(pooling_loops, f"{name}_loops")(x[0, 0], size, stride), ours[0, 0])
