"""Convolutions, pooling and resizing against Keras."""

from __future__ import annotations

import pytest
import torch

from tests.models.exchange.keras_models import assert_same, inputs_of
from tests.models.exchange.test_keras_layers import one_layer
from weft.models.exchange.keras_spatial import KerasPool, KerasUpSampling, same_padding

CASES = {
    "Conv1D causal": (lambda l: l.Conv1D(3, 3, padding="causal", dilation_rate=2), (7, 4)),
    "Conv1D groups": (lambda l: l.Conv1D(4, 2, strides=2, padding="same", groups=2), (7, 4)),
    "Conv2D same, odd and even": (lambda l: l.Conv2D(3, (2, 3), strides=(2, 3), padding="same"), (7, 8, 2)),
    "Conv2D dilated": (lambda l: l.Conv2D(3, 3, dilation_rate=2, padding="same"), (7, 8, 2)),
    "Conv3D": (lambda l: l.Conv3D(2, 2, activation="relu"), (3, 4, 5, 2)),
    "DepthwiseConv1D": (lambda l: l.DepthwiseConv1D(3, depth_multiplier=2), (6, 3)),
    "SeparableConv1D": (lambda l: l.SeparableConv1D(4, 3, strides=2), (7, 3)),
    "Conv1DTranspose": (lambda l: l.Conv1DTranspose(3, 3, strides=2), (5, 2)),
    "Conv2DTranspose same": (lambda l: l.Conv2DTranspose(3, 4, strides=2, padding="same"), (4, 5, 2)),
    "Conv2DTranspose larger": (lambda l: l.Conv2DTranspose(3, 3, strides=2, padding="valid", output_padding=1), (4, 5, 2)),
    "Conv3DTranspose": (lambda l: l.Conv3DTranspose(2, 2, strides=2), (2, 3, 2, 2)),
    "MaxPooling1D": (lambda l: l.MaxPooling1D(3, strides=2, padding="same"), (8, 2)),
    "MaxPooling2D": (lambda l: l.MaxPooling2D((2, 3)), (6, 7, 2)),
    "AveragePooling3D": (lambda l: l.AveragePooling3D(2), (4, 4, 4, 2)),
    "GlobalMaxPooling3D": (lambda l: l.GlobalMaxPooling3D(keepdims=True), (4, 4, 4, 2)),
    "ZeroPadding1D": (lambda l: l.ZeroPadding1D((1, 2)), (4, 2)),
    "ZeroPadding2D": (lambda l: l.ZeroPadding2D(((1, 0), (2, 3))), (4, 5, 2)),
    "Cropping2D": (lambda l: l.Cropping2D(((1, 0), (0, 2))), (4, 5, 2)),
    "UpSampling1D": (lambda l: l.UpSampling1D(3), (4, 2)),
    "UpSampling2D": (lambda l: l.UpSampling2D((2, 3)), (4, 5, 2)),
    "UpSampling2D bilinear": (lambda l: l.UpSampling2D(2, interpolation="bilinear"), (4, 5, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_it_gives_what_keras_gives(name, tmp_path):
    """KerasConv and its kin, parity: padding, strides, dilation and groups."""
    make, shape = CASES[name]
    model, network = one_layer(make, shape, tmp_path=tmp_path)
    assert_same(model, network, inputs_of(model))


def test_a_mean_at_the_border_counts_no_padding():
    """KerasPool, closed form: the mean of ones is one everywhere; a maximum of negative numbers is never the padding's zero."""
    config = {"pool_size": 2, "strides": 2, "padding": "same"}
    assert torch.equal(KerasPool(config, largest=False, ndim=2)(torch.ones(1, 5, 5, 1)), torch.ones(1, 3, 3, 1))
    assert torch.equal(KerasPool(config, largest=True, ndim=2)(-torch.ones(1, 5, 5, 1)), -torch.ones(1, 3, 3, 1))


def test_same_padding_keeps_the_number_of_windows():
    """same_padding, property: ceil(size / stride) windows fit, and no padding more than needed."""
    for size in range(1, 9):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                before, after = same_padding(size, kernel, stride, 1)
                assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
                assert 0 <= after - before <= 1


def test_another_interpolation_is_refused():
    with pytest.raises(ValueError, match="UpSampling by 'lanczos3' is not read"):
        KerasUpSampling({"interpolation": "lanczos3"}, ndim=2)
