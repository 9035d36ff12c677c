"""Larger maps out of smaller ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from weft.nn import Carafe, PixelShuffleConv, ResizeConv, icnr_, resized, transposed_conv, upsample

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_transposed_convolution_is_the_adjoint_and_of_exact_size(ndim):
    """Property: <conv(x), y> = <x, transposed_conv(y)> with one weight, in float64, for kernels smaller, equal and larger than the stride; sizes are
    size * stride."""
    for kernel, stride in ((1, 2), (2, 2), (3, 2), (4, 2), (5, 3), (6, 4), (3, 1)):
        layer = transposed_conv(4, 2, kernel, stride, groups=2, bias=False, ndim=ndim).double()
        y = torch.randn(2, 4, *[4] * ndim, dtype=torch.float64)
        large = layer(y)
        assert large.shape[2:] == torch.Size([4 * stride] * ndim)
        x = torch.randn_like(large)
        padding = layer.padding[0]
        small = CONVOLUTIONS[ndim](x, layer.weight, stride=stride, padding=padding, groups=2)
        torch.testing.assert_close((small * y).sum(), (x * large).sum())
    with pytest.raises(ValueError, match="got ndim=0"):
        transposed_conv(1, 1, ndim=0)


def test_torchs_layer_takes_the_size_in_its_call():
    """Parity: the layer is torch's own, so another exact size is its own argument."""
    layer = transposed_conv(3, 2, 3, 2)
    assert type(layer) is nn.ConvTranspose2d
    assert layer(torch.zeros(1, 3, 4, 4), output_size=(7, 8)).shape == (1, 2, 7, 8)


def test_plain_enlarging_is_torchs():
    """Parity: upsample against torch's interpolation in every mode."""
    x = torch.randn(2, 3, 5, 6)
    for mode in ("nearest", "bilinear", "bicubic", "area", "nearest-exact"):
        expected = F.interpolate(x, scale_factor=3.0, mode=mode, align_corners=False if mode.startswith("bi") else None)
        torch.testing.assert_close(upsample(3, mode)(x), expected)
    with pytest.raises(ValueError, match="above 0; got 0"):
        upsample(0)


def test_resize_convolution_is_interpolation_and_convolution():
    """Parity: ResizeConv (resize_conv) by torch's functions, to a factor and to a size; of a constant map it gives no checkerboard, where a transposed
    convolution with a kernel of 3 and a stride of 2 does."""
    x = torch.randn(2, 4, 5, 6)
    for mode in ("nearest", "bilinear"):
        layer = ResizeConv(4, 3, scale=3, mode=mode)
        large = F.interpolate(x, scale_factor=3, mode=mode)
        torch.testing.assert_close(layer(x), F.conv2d(large, layer.conv.weight, layer.conv.bias, padding=1), rtol=1e-4, atol=1e-5)
        assert layer(x, (7, 11)).shape == (2, 3, 7, 11)
    flat = torch.ones(1, 4, 6, 6)
    assert ResizeConv(4, 1)(flat)[..., 2:-2, 2:-2].std() < 1e-6
    assert transposed_conv(4, 1, 3, 2)(flat)[..., 2:-2, 2:-2].std() > 1e-3
    with pytest.raises(ValueError, match=r"Unknown mode 'bilinaer'. Did you mean 'bilinear'"):
        ResizeConv(1, 1, mode="bilinaer")


def test_a_ramp_does_not_shift():
    """Closed form: a line stays the line of pixel centres, smaller and larger, away from the borders."""
    ramp = (torch.arange(16.0) + 0.5).expand(1, 1, 16, 16)
    for size in (8, 24, 32):
        expected = (torch.arange(size) + 0.5) * 16 / size
        found = resized(ramp, (size, size))[0, 0, 5]
        torch.testing.assert_close(found[2:-2], expected[2:-2])


@pytest.mark.parametrize("scale", [2, 3])
def test_pixel_shuffling_begins_as_nearest_enlarging_and_can_be_undone(scale):
    """Closed form: PixelShuffleConv (pixel_shuffle_conv) begins as its convolution at the small size, enlarged by nearest (ICNR); unshuffling undoes it."""
    layer, x = PixelShuffleConv(4, 3, scale=scale), torch.randn(2, 4, 5, 6)
    y = layer(x)
    small = F.conv2d(x, layer.conv.weight[:: scale**2], padding=1)
    torch.testing.assert_close(y, F.interpolate(small, scale_factor=scale, mode="nearest"))
    plain = PixelShuffleConv(4, 3, scale=scale)
    nn.init.normal_(plain.conv.weight)
    assert not torch.allclose(plain(x), F.interpolate(plain(x)[..., ::scale, ::scale], scale_factor=scale, mode="nearest"))
    torch.testing.assert_close(F.pixel_unshuffle(y, scale), layer.conv(x))
    with pytest.raises(ValueError, match=r"that scale\^2 = 9 divides; got a weight of shape \(8, 1, 1, 1\)"):
        icnr_(torch.empty(8, 1, 1, 1), 3)


def test_carafe_is_its_weighted_means():
    """Brute force: Carafe, pixel by pixel: the weights of (2i + p, 2j + q) over the 3 x 3 places around (i, j); each set sums to 1."""
    layer, x = Carafe(2, scale=2, reach=3, hidden=4), torch.randn(1, 2, 3, 4)
    y = layer(x)
    scores = layer.encode(layer.compress(x))                                             # (1, 9 * 4, 3, 4), laid out by pixel shuffling
    around = F.pad(x, (1, 1, 1, 1))
    for i in range(3):
        for j in range(4):
            for p in range(2):
                for q in range(2):
                    weights = scores[0, [k * 4 + p * 2 + q for k in range(9)], i, j].softmax(0)
                    expected = (around[0, :, i : i + 3, j : j + 3].reshape(2, 9) * weights).sum(1)
                    torch.testing.assert_close(y[0, :, 2 * i + p, 2 * j + q], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="odd reach"):
        Carafe(2, reach=4)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_sizes_grow_by_the_factor(channels, scale, height, width):
    """Property: every layer that enlarges by a factor does so for every size."""
    x = torch.zeros(1, channels, height, width)
    for layer in (ResizeConv(channels, 2, scale=scale), PixelShuffleConv(channels, 2, scale=scale), Carafe(channels, scale=scale, reach=3, hidden=2)):
        assert layer(x).shape[2:] == (scale * height, scale * width)
