"""Convolutions that pad by themselves."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.references import reference
from weft.nn import CausalConv1d, DepthwiseSeparableConv, SameConv1d, SameConv2d, SameConv3d

KINDS = {1: (SameConv1d, F.conv1d), 2: (SameConv2d, F.conv2d), 3: (SameConv3d, F.conv3d)}
SIZES = {1: (11,), 2: (9, 10), 3: (7, 8, 6)}


@pytest.mark.parametrize("ndim", KINDS)
def test_at_stride_one_it_is_torchs_same_convolution(ndim):
    """Parity: SameConv1d, SameConv2d, SameConv3d (same_conv_1d, same_conv_2d, same_conv_3d) and torch's padding="same" over kernels, dilations, groups
    and padding modes; values and gradients."""
    kind = KINDS[ndim][0]
    torchs = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[ndim - 1]
    modes = ("zeros", "reflect", "replicate", "circular")
    for kernel, dilation, groups, mode in itertools.product((1, 2, 3, 4), (1, 2), (1, 2), modes):
        ours = kind(4, 2, kernel, dilation=dilation, groups=groups, padding_mode=mode)
        theirs = torchs(4, 2, kernel, padding="same", dilation=dilation, groups=groups, padding_mode=mode)
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(2, 4, *SIZES[ndim], requires_grad=True)
        y, expected = ours(x), theirs(x)
        torch.testing.assert_close(y, expected)
        g = torch.randn_like(y)
        torch.testing.assert_close(torch.autograd.grad(y, x, g), torch.autograd.grad(expected, x, g), rtol=1e-4, atol=1e-5)


def test_with_a_stride_it_is_timms():
    """Parity: timm's Conv2dSame, which follows TensorFlow, over kernels, strides, dilations and odd sizes."""
    timm = reference("timm.layers")
    for kernel, stride, dilation, size in itertools.product((1, 2, 3, 5), (1, 2, 3), (1, 2), ((9, 10), (7, 7))):
        ours, theirs = SameConv2d(3, 4, kernel, stride, dilation=dilation), timm.Conv2dSame(3, 4, kernel, stride, dilation=dilation)
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(1, 3, *size)
        torch.testing.assert_close(ours(x), theirs(x))


@given(st.integers(1, 3), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_sizes_are_the_rounded_up_share(ndim, kernel, stride, dilation, size):
    """Property: ceil(size / stride) along every dimension, for any kernel, stride, dilation and size."""
    y = KINDS[ndim][0](1, 1, kernel, stride, dilation=dilation)(torch.zeros(1, 1, *[size] * ndim))
    assert y.shape[2:] == torch.Size([math.ceil(size / stride)] * ndim)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 14), st.integers(0, 13))
@settings(max_examples=30, deadline=None)
def test_causal_convolutions_see_no_future(kernel, stride, dilation, length, cut):
    """Property: CausalConv1d (causal_conv) gives at t what it gave before anything after t * stride changed; and it does see that place."""
    layer = CausalConv1d(2, 3, kernel, stride, dilation=dilation)
    x = torch.randn(1, 2, length)
    other = x.clone()
    other[..., cut + 1 :] += 1
    y = layer(x)
    assert y.shape[-1] == math.ceil(length / stride)
    known = cut // stride + 1
    assert torch.equal(layer(other)[..., :known], y[..., :known])
    if cut < length and cut % stride == 0:
        other = x.clone()
        other[..., cut] += 1
        assert not torch.equal(layer(other)[..., cut // stride], y[..., cut // stride])


def test_causal_convolution_is_torchs_after_zeros():
    """Parity: torch's convolution of the series with zeros before it."""
    layer, x = CausalConv1d(2, 4, 3, 2, dilation=3, groups=2), torch.randn(2, 2, 10)
    torch.testing.assert_close(layer(x), F.conv1d(F.pad(x, (6, 0)), layer.weight, layer.bias, 2, 0, 3, 2))


@pytest.mark.parametrize("ndim", KINDS)
@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_separable_is_grouped_then_pointwise_with_as_many_weights_as_stated(ndim, kernel):
    """Closed form: DepthwiseSeparableConv (depthwise_separable_conv) equals two of torch's convolutions; k^n C + C C' weights; equals one dense
    convolution whose kernel is the outer product of both."""
    layer = DepthwiseSeparableConv(4, 6, kernel, norm=None, activation="identity", ndim=ndim)
    x = torch.randn(2, 4, *SIZES[ndim])
    assert layer.depthwise.weight.numel() + layer.pointwise.weight.numel() == kernel**ndim * 4 + 4 * 6
    conv = KINDS[ndim][1]
    hidden = conv(x, layer.depthwise.weight, layer.depthwise.bias, padding="same", groups=4)
    torch.testing.assert_close(layer(x), conv(hidden, layer.pointwise.weight, layer.pointwise.bias), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        layer.depthwise.bias.zero_()
    dense = layer.pointwise.weight * layer.depthwise.weight.movedim(0, 1)
    torch.testing.assert_close(layer(x), conv(x, dense, layer.pointwise.bias, padding="same"), rtol=1e-4, atol=1e-4)
    normed = DepthwiseSeparableConv(4, 6, kernel, 2, ndim=ndim)
    assert normed.depthwise.bias is None and normed.pointwise.bias is None
    assert normed(x).shape == (2, 6, *(math.ceil(size / 2) for size in SIZES[ndim]))


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"SameConv2d expects a tensor of shape \(B, 3, H, W\); got \(1, 2, 5, 5\)"):
        SameConv2d(3, 4)(torch.zeros(1, 2, 5, 5))
    with pytest.raises(ValueError, match=r"1, 2 or 3 dimensions after the channels; got ndim=4"):
        DepthwiseSeparableConv(3, 4, ndim=4)
