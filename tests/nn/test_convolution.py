"""Convolution blocks against hand-written code."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import Bottleneck, ConvBlock, ResidualBlock


def normed(x, conv, norm):
    """Convolution and training-mode batch norm, by torch's functions."""
    y = F.conv2d(x, conv.weight, stride=conv.stride, padding=conv.weight.shape[-1] // 2)
    return F.batch_norm(y, None, None, norm.weight, norm.bias, training=True)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_conv_block_is_conv_norm_act(kernel, stride):
    """Parity: the same weights in torch's functions; sizes are ceil(size / stride) for odd and even pictures; no bias before a norm."""
    block = ConvBlock(3, 4, kernel, stride)
    assert block.conv.bias is None
    assert ConvBlock(3, 4, kernel, norm=None).conv.bias is not None
    for h, w in ((7, 8), (1, 5)):
        x = torch.randn(2, 3, h, w)
        y = block(x)
        assert y.shape == (2, 4, math.ceil(h / stride), math.ceil(w / stride))
        torch.testing.assert_close(y, normed(x, block.conv, block.norm).relu())


@pytest.mark.parametrize("stride", [1, 2])
def test_residual_block_is_relu_of_x_plus_f(stride):
    """Parity: the formula in torch's functions, with and without a projection."""
    x = torch.randn(2, 4, 6, 5)
    for out in (4, 8):
        block = ResidualBlock(4, out, stride)
        f = normed(normed(x, block.first.conv, block.first.norm).relu(), block.second.conv, block.second.norm)
        same = stride == 1 and out == 4
        assert isinstance(block.shortcut, nn.Identity) == same
        torch.testing.assert_close(block(x), ((x if same else normed(x, block.shortcut.conv, block.shortcut.norm)) + f).relu())


def test_bottleneck_is_relu_of_x_plus_f_with_the_stride_in_the_middle():
    """Parity: the formula in torch's functions."""
    block, x = Bottleneck(8, 16, 2), torch.randn(2, 8, 6, 5)
    assert block.first.conv.stride == (1, 1)
    assert block.second.conv.stride == (2, 2)
    hidden = normed(normed(x, block.first.conv, block.first.norm).relu(), block.second.conv, block.second.norm).relu()
    f = normed(hidden, block.third.conv, block.third.norm)
    torch.testing.assert_close(block(x), (normed(x, block.shortcut.conv, block.shortcut.norm) + f).relu())


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match=r"odd kernel.*got 4\. Use 5"):
        ConvBlock(3, 4, 4)
