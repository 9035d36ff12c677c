"""Convolution in loops against its fast form and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch.nn.functional as F

from tests.scratch.compare import autograd, same
from tests.scratch.test_convolution import CASES
from weft.scratch import conv2d, conv2d_backward, conv2d_loops, conv2d_loops_backward


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_loops_are_the_fast_form_and_torchs(case):
    """conv2d_loops, parity: values and gradients of torch.nn.functional.conv2d, and of the fast form, in float64."""
    shape, kernel, *how = case
    random = np.random.default_rng(3)
    x, w, b = random.normal(size=shape), random.normal(size=kernel), random.normal(size=kernel[0])
    ours = conv2d_loops(x, w, b, *how)
    dy = random.normal(size=ours.shape)
    y, gradients = autograd(lambda x, w, b: F.conv2d(x, w, b, *how), [x, w, b], dy)
    found = list(conv2d_loops_backward(dy, x, w, *how))
    assert same(ours, y) and same(found, gradients)
    assert same(ours, conv2d(x, w, b, *how)) and same(found, list(conv2d_backward(dy, x, w, *how)))


def test_pictures_without_a_batch_are_alike():
    random = np.random.default_rng(4)
    x, w = random.normal(size=(5, 6)), random.normal(size=(2, 3))
    assert same(conv2d_loops(x, w), conv2d(x, w)) and same(list(conv2d_loops_backward(np.ones((4, 4)), x, w)), list(conv2d_backward(np.ones((4, 4)), x, w)))
