"""Convolution blocks against hand-written code."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.references import reference
from weft.nn import Bottleneck, ConvBlock, ConvNormAct, DepthwiseSeparableConv, ResidualBlock, SqueezeExcitation
from weft.observe import summary


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


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7])
def test_any_kernel_and_dilation_keep_the_size(kernel, dilation):
    """Parity: at stride 1 the convolution of a ConvBlock is torch's with padding="same", for odd and even kernels."""
    block, x = ConvBlock(3, 4, kernel, dilation=dilation, norm=None, activation="identity"), torch.randn(2, 3, 9, 10)
    torch.testing.assert_close(block(x), F.conv2d(x, block.conv.weight, block.conv.bias, padding="same", dilation=dilation))


def test_conv_block_equals_torchvisions():
    """Parity: torchvision's Conv2dNormActivation with the same weights, in training mode."""
    misc, x = reference("torchvision.ops.misc"), torch.randn(2, 4, 9, 8)
    for kernel, stride, dilation, groups in ((3, 1, 1, 1), (5, 2, 1, 2), (3, 1, 3, 4), (7, 2, 2, 1)):
        ours = ConvBlock(4, 8, kernel, stride, dilation=dilation, groups=groups)
        theirs = misc.Conv2dNormActivation(4, 8, kernel, stride, groups=groups, dilation=dilation)
        theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
        torch.testing.assert_close(ours(x), theirs(x))


CONVOLUTIONS = {
    "1-D": (nn.Conv1d(3, 4, 3), (2, 3, 9)),
    "padding 0": (nn.Conv2d(3, 4, 3), (2, 3, 9, 9)),
    "3-D": (nn.Conv3d(3, 4, 2, padding=1), (2, 3, 4, 4, 4)),
    "transposed": (nn.ConvTranspose2d(3, 4, 4, 2, 1), (2, 3, 5, 5)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("order", ["conv-norm-act", "norm-act-conv"])
def test_around_any_convolution_both_orders_are_their_sequences(name, order):
    """Parity: ConvNormAct against batch norm's function, ReLU and the convolution; the bias stays only where no norm follows."""
    conv, shape = CONVOLUTIONS[name]
    conv = type(conv)(3, 4, conv.kernel_size, conv.stride, conv.padding)
    x, bias = torch.randn(shape), conv.bias
    if order == "conv-norm-act":
        expected = F.batch_norm(conv(x), None, None, training=True).relu()
    else:
        expected = conv(F.batch_norm(x, None, None, training=True).relu())
    block = ConvNormAct(conv, order=order)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)
    assert conv.bias is (None if order == "conv-norm-act" else bias)
    assert ConvNormAct(nn.Conv2d(1, 1, 1), norm=None).conv.bias is not None


def test_dropout_of_channels_and_in_place():
    """Property: the preset 64 to 128 with dropout .2 drops whole channels while learning; an unknown order is refused."""
    block = ConvNormAct(nn.Conv2d(64, 128, 3, padding=1), dropout=0.2, inplace=True)
    assert block.act.inplace and isinstance(block.drop, nn.Dropout2d)
    gone = (block(torch.randn(4, 64, 6, 6)).flatten(2) == 0).all(-1).float().mean().item()
    assert gone == pytest.approx(0.2, abs=0.06)
    with pytest.raises(ValueError, match="'conv-norm-act' or 'norm-act-conv'; got 'act-conv'"):
        ConvNormAct(nn.Conv2d(1, 1, 1), order="act-conv")


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


def test_residual_blocks_equal_torchvisions():
    """Parity: torchvision's BasicBlock and Bottleneck (ResNeXt's too) with copied weights, values and gradients, in training mode."""
    resnet = reference("torchvision.models.resnet")
    for stride, out, groups in ((1, 8, 1), (2, 16, 1), (2, 16, 2)):
        def down(channels, out=out, stride=stride):
            return nn.Sequential(nn.Conv2d(8, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)) if stride > 1 or channels != 8 else None

        pairs = [(Bottleneck(8, out, stride, groups=groups), resnet.Bottleneck(8, out // 4, stride, down(out), groups, 64 if groups == 1 else 32))]
        if groups == 1:
            pairs.append((ResidualBlock(8, out, stride), resnet.BasicBlock(8, out, stride, down(out))))
        for ours, theirs in pairs:
            values = [value for name, value in ours.state_dict().items() if name.split(".")[0] != "drop_path"]
            theirs.load_state_dict(dict(zip(theirs.state_dict(), values, strict=True)))
            x, g = torch.randn(2, 8, 7, 6, requires_grad=True), None
            y, expected = ours(x), theirs(x)
            torch.testing.assert_close(y, expected)
            g = torch.randn_like(y)
            torch.testing.assert_close(torch.autograd.grad(y, x, g), torch.autograd.grad(expected, x, g), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("out", "stride"), [(4, 1), (8, 2)])
def test_pre_activation_is_its_formula(out, stride):
    """Closed form: x + W2 relu(bn(W1 relu(bn(x)))); a shortcut that projects takes the activated input, and the input itself is not changed."""
    block, x = ResidualBlock(4, out, stride, pre_activation=True), torch.randn(2, 4, 6, 6)
    before = x.clone()
    ready = F.batch_norm(x, None, None, training=True).relu()
    hidden = F.batch_norm(F.conv2d(ready, block.first.conv.weight, stride=stride, padding=1), None, None, training=True).relu()
    around = x if out == 4 else F.conv2d(ready, block.shortcut.weight, stride=stride)
    torch.testing.assert_close(block(x), around + F.conv2d(hidden, block.second.conv.weight, padding=1), rtol=1e-4, atol=1e-5)
    assert torch.equal(x, before)


def test_a_branch_can_begin_at_zero_and_be_dropped():
    """Closed form: with zero_init the block is relu(x), or x before activation; with drop_path 1 too, but only while learning."""
    x = torch.randn(2, 8, 5, 5)
    for block in (ResidualBlock(8, 8, zero_init=True), Bottleneck(8, 8, zero_init=True), ResidualBlock(8, 8, drop_path=1.0)):
        assert torch.equal(block(x), x.relu())
    assert torch.equal(ResidualBlock(8, 8, pre_activation=True, zero_init=True)(x), x)
    assert not torch.equal(Bottleneck(8, 8, drop_path=1.0).eval()(x), x.relu())
    with pytest.raises(ValueError, match="no norm with a weight"):
        Bottleneck(8, 8, norm=None, zero_init=True)


def test_another_number_of_channels_is_named():
    for block in (ConvBlock(3, 4), ResidualBlock(3, 4), Bottleneck(3, 4)):
        with pytest.raises(ValueError, match=rf"{type(block).__name__} expects a tensor of shape \(B, 3, H, W\); got \(2, 5, 4, 4\)"):
            block(torch.zeros(2, 5, 4, 4))


FORMULAS = {
    "linear": (nn.Linear(16, 5), (3, 16), 3 * 16 * 5),
    "convolution": (nn.Conv2d(8, 6, 3, 2, 1, bias=False), (2, 8, 10, 12), 2 * 5 * 6 * 6 * 8 * 9),
    "block": (ConvBlock(8, 4, 3), (2, 8, 10, 12), 2 * 120 * 4 * 8 * 9),
    "grouped block": (ConvBlock(8, 8, 5, groups=4), (2, 8, 10, 12), 2 * 120 * 8 * 2 * 25),
    "separable": (DepthwiseSeparableConv(8, 4, 3), (2, 8, 10, 12), 2 * 120 * (8 * 9 + 8 * 4)),
    "squeeze": (SqueezeExcitation(8, 2), (2, 8, 10, 12), 2 * 2 * 8 * 4),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_costs_are_those_of_the_formula(name):
    """Closed form: multiply-adds counted by summary are places * out * in / groups * kernel^2, or items * in * out."""
    layer, shape, expected = FORMULAS[name]
    assert summary(layer, shape).macs == expected
