"""Output sizes and receptive fields against real layers."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from weft.nn import CausalConv1d, Field, SameConv1d, conv_size, output_padding_for, pool_size, receptive_field, transposed_size


def real(layer, size):
    """The size that torch's layer gives, or None where it refuses; nothing is computed."""
    try:
        with torch.device("meta"):
            return layer().to("meta")(torch.empty(1, 1, size, device="meta")).shape[-1]
    except (RuntimeError, ValueError):
        return None


def ours(function):
    try:
        return function()
    except ValueError:
        return None


def test_sizes_are_those_of_two_thousand_layers():
    """Brute force: convolution, transposed convolution, max and average pooling with random settings; what torch refuses raises."""
    draw = random.Random(0)
    refused = 0
    for _ in range(2000):
        size, kernel, stride, dilation = draw.randint(1, 40), draw.randint(1, 9), draw.randint(1, 5), draw.randint(1, 4)
        padding, kind, ceil = draw.randint(0, 5), draw.randrange(4), draw.random() < 0.5
        if kind == 0:
            same = draw.random() < 0.3 and stride == 1
            pad = "same" if same else padding
            expected = real(lambda: nn.Conv1d(1, 1, kernel, stride, pad, dilation), size)
            found = ours(lambda: conv_size(size, kernel, stride, pad, dilation))
        elif kind == 1:
            extra = draw.randrange(max(stride, dilation))
            expected = real(lambda: nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra, 1, True, dilation), size)
            found = ours(lambda: transposed_size(size, kernel, stride, padding, extra, dilation))
        elif kind == 2:
            padding = min(padding, kernel // 2)
            expected = real(lambda: nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil), size)
            found = ours(lambda: pool_size(size, kernel, stride, padding, dilation, ceil_mode=ceil))
        else:
            padding = min(padding, kernel // 2)
            expected = real(lambda: nn.AvgPool1d(kernel, stride, padding, ceil_mode=ceil), size)
            found = ours(lambda: pool_size(size, kernel, stride, padding, ceil_mode=ceil))
        assert found == expected, (kind, size, kernel, stride, padding, dilation, ceil)
        refused += expected is None
    assert 100 < refused < 900


def test_padding_of_the_output_reaches_every_size_that_can_be_made():
    """Property: for each size that shrinks to n there is an output padding that makes it of n again; others are refused with the range."""
    for kernel, stride, padding in ((3, 2, 1), (4, 3, 0), (5, 4, 2)):
        for wanted in range(8, 20):
            small = conv_size(wanted, kernel, stride, padding)
            extra = output_padding_for(wanted, small, kernel, stride, padding)
            assert nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra)(torch.zeros(1, 1, small)).shape[-1] == wanted
    with pytest.raises(ValueError, match="make sizes 7 to 8; 10 was wanted"):
        output_padding_for(10, 4, 3, 2, 1)


def test_what_leaves_nothing_says_so():
    with pytest.raises(ValueError, match=r"Nothing is left of a convolution of size 4 with a kernel that spans 9"):
        conv_size(4, 5, dilation=2)
    with pytest.raises(ValueError, match="stride must be at least 1; got 0"):
        pool_size(4, 2, 0)


def measured(layers, places):
    """The first and last input place with a gradient, for the output places given."""
    x = torch.randn(1, 1, 200, dtype=torch.float64, requires_grad=True)
    y = nn.Sequential(*layers).double()(x)
    found = []
    for place in places:
        (slope,) = torch.autograd.grad(y[0, 0, place], x, retain_graph=True)
        reached = slope[0, 0].nonzero().flatten()
        found.append((reached[0].item(), reached[-1].item()))
    return found


STACKS = {
    "strides and dilations": lambda: [nn.Conv1d(1, 1, 7, 2, 3), nn.ReLU(), nn.AvgPool1d(3, 2, 1), nn.Conv1d(1, 1, 3, dilation=4), nn.Tanh()],
    "same and causal": lambda: [SameConv1d(1, 1, 4), CausalConv1d(1, 1, 3, dilation=2), nn.Conv1d(1, 1, 4, padding="same")],
    "nested": lambda: [nn.Sequential(nn.Conv1d(1, 1, 5), nn.Sequential(nn.AvgPool1d(2))), nn.Conv1d(1, 1, 3, 3, 1)],
}


@pytest.mark.parametrize("name", STACKS)
def test_the_field_is_where_a_gradient_arrives(name):
    """Brute force: size, jump and centre of receptive_field equal the extent of an output's gradient, away from the borders."""
    layers = [layer if not isinstance(layer, nn.ReLU) else nn.Softplus() for layer in STACKS[name]()]
    field = receptive_field(layers)[-1][1]
    (a, b), (c, _) = measured(layers, (6, 7))
    assert (field.size, field.jump) == (b - a + 1, c - a)
    assert field.centre + 6 * field.jump == (a + b) / 2


def test_two_axes_are_apart_and_what_is_no_window_is_refused():
    conv = nn.Conv2d(1, 1, (3, 5), (1, 2), (1, 2), (2, 1))
    assert receptive_field([conv], 0)[-1][1] == Field(5, 1, 1.0) and receptive_field([conv], 1)[-1][1] == Field(5, 2, 0.0)
    with pytest.raises(ValueError, match="AdaptiveAvgPool2d is not that of a window"):
        receptive_field([conv, nn.AdaptiveAvgPool2d(1)])
