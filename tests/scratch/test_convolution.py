"""Convolution in its fast form against torch.nn.functional.conv2d."""

from __future__ import annotations

import numpy as np
import pytest
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch import conv2d, conv2d_backward
from weft.scratch.convolution import windows

# x, w, stride, padding, dilation, groups
CASES = [
    ((1, 1, 3, 3), (1, 1, 3, 3), 1, 0, 1, 1),
    ((2, 3, 7, 6), (4, 3, 3, 2), 1, 0, 1, 1),
    ((2, 3, 8, 7), (5, 3, 3, 3), 2, 1, 1, 1),
    ((1, 4, 9, 9), (6, 2, 3, 3), 2, 2, 2, 2),
    ((2, 4, 6, 5), (4, 1, 3, 3), 1, 1, 1, 4),
    ((1, 2, 10, 11), (3, 2, 2, 4), 3, 1, 2, 1),
    ((3, 2, 4, 4), (2, 2, 1, 1), 1, 0, 1, 1),
    ((1, 1, 5, 5), (1, 1, 3, 3), 4, 3, 1, 1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_are_torchs(case):
    """conv2d, parity: values and the gradients of picture, kernel and bias in float64, for strides, frames, holes and groups."""
    shape, kernel, *how = case
    random = np.random.default_rng(0)
    x, w, b = random.normal(size=shape), random.normal(size=kernel), random.normal(size=kernel[0])
    ours = conv2d(x, w, b, *how)
    dy = random.normal(size=ours.shape)
    y, gradients = autograd(lambda x, w, b: F.conv2d(x, w, b, *how), [x, w, b], dy)
    assert same(ours, y) and same(list(conv2d_backward(dy, x, w, *how)), gradients)
    assert same(conv2d(x, w, None, *how), y - b[:, None, None])


@pytest.mark.parametrize("case", CASES[3:6], ids=str)
def test_gradients_are_those_of_finite_differences(case):
    """conv2d, brute force: every element of picture, kernel and bias moved a little."""
    shape, kernel, *how = case
    random = np.random.default_rng(1)
    arrays = [random.normal(size=shape), random.normal(size=kernel), random.normal(size=kernel[0])]
    dy = random.normal(size=conv2d(*arrays, *how).shape)
    assert same(list(conv2d_backward(dy, *arrays[:2], *how)), differences(lambda x, w, b: conv2d(x, w, b, *how), arrays, dy), 1e-7)


def test_one_picture_and_one_channel_are_alike():
    """conv2d, property: (C, H, W) and (H, W) give what a batch of one gives, without its axes, gradients too."""
    random = np.random.default_rng(2)
    x, w = random.normal(size=(3, 6, 6)), random.normal(size=(2, 3, 3, 3))
    assert same(conv2d(x, w, padding=1), conv2d(x[None], w, padding=1)[0])
    dy = random.normal(size=(2, 4, 4))
    assert same(list(conv2d_backward(dy, x, w)), [conv2d_backward(dy[None], x[None], w)[0][0], *conv2d_backward(dy[None], x[None], w)[1:]])
    one = conv2d(x[0], w[0, 0], stride=2)
    assert one.shape == (2, 2) and same(one, conv2d(x[:1][None], w[:1, :1], stride=2)[0, 0])
    dx, dw, db = conv2d_backward(np.ones((2, 2)), x[0], w[0, 0], stride=2)
    assert dx.shape == (6, 6) and dw.shape == (3, 3) and db.tolist() == [4.0]


def test_it_is_cross_correlation_and_moves_with_its_input():
    """conv2d, closed form: the kernel is not turned round; what moves in x moves alike in y, and does not stay."""
    x = np.zeros((1, 1, 7, 7))
    x[0, 0, 3, 3] = 1.0
    w = np.arange(9.0).reshape(1, 1, 3, 3)
    y = conv2d(x, w, padding=1)
    assert same(y[0, 0, 2:5, 2:5], w[0, 0, ::-1, ::-1])  # an impulse shows the kernel turned, so the sum did not turn it
    moved = conv2d(np.roll(x, (1, -1), (2, 3)), w, padding=1)
    assert same(moved, np.roll(y, (1, -1), (2, 3))) and not same(moved, y)


def test_windows_are_a_view():
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    view = windows(x, (2, 2), 1, 2)
    assert view.shape == (1, 1, 3, 3, 2, 2) and np.shares_memory(view, x) and view[0, 0, 1, 0].tolist() == [[5, 7], [15, 17]]


def test_what_does_not_fit_is_refused():
    for x, w, options, words in (
        ((1, 3, 5, 5), (2, 2, 3, 3), {}, "3 channels and 2 outputs in 1 groups; w takes 2 channels a group"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "4 channels and 3 outputs in 2 groups"),
        ((1, 1, 2, 5), (1, 1, 3, 3), {}, "spans 3 x 3 in a padded picture of 2 x 5"),
        ((5, 5), (1, 1, 3, 3), {}, r"x of shape \(5, 5\)"),
        ((1, 1, 1, 5, 5), (1, 1, 3, 3), {}, "expected"),
    ):
        with pytest.raises(ValueError, match=words):
            conv2d(np.zeros(x), np.zeros(w), **options)
