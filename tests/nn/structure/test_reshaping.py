"""Shapes, with the batch left alone."""

from __future__ import annotations

import pytest
import torch

from weft.nn import Flatten, Permute, Reshape, Select, Split, output_shape


def test_each_is_torchs_own_operation():
    """Parity with torch.nn.Flatten, Tensor.reshape, permute, split and select: Flatten, Reshape, Permute, Split, Select."""
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(Flatten(60)(x), torch.nn.Flatten()(x))
    assert torch.equal(Reshape((6, -1))(x), x.reshape(2, 6, 10))
    assert torch.equal(Permute((3, 1, 2))(x), x.permute(0, 3, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(Split((1, 3), dim=2)(x), x.split((1, 3), 2), strict=True))
    assert torch.equal(Select(-2, dim=3)(x), x[..., -2])
    for layer in (Flatten(), Reshape((6, -1)), Permute((3, 1, 2)), Select(0)):
        assert output_shape(layer, x.shape) == tuple(layer(x).shape)
        assert layer(x[:1]).shape[0] == 1


def test_errors_say_what_came():
    x = torch.zeros(2, 3, 4)
    with pytest.raises(ValueError, match=r"items of 10 numbers; got x of shape \(2, 3, 4\), 12 numbers"):
        Flatten(10)(x)
    with pytest.raises(ValueError, match=r"item of shape \(3, 4\), 12 numbers, into \(5, 2\)"):
        Reshape((5, 2))(x)
    with pytest.raises(ValueError, match="one of which may be -1"):
        Reshape((-1, -1))
    with pytest.raises(ValueError, match="0, the batch, stays first"):
        Permute((0, 1))
    with pytest.raises(ValueError, match=r"tensors of 4 dimensions; got x of shape \(2, 3, 4\)"):
        Permute((1, 3, 2))(x)
    with pytest.raises(ValueError, match="needs 4 along dimension 1"):
        Split((2, 2))(x)
    with pytest.raises(ValueError, match=r"Select\(3\)"):
        Select(3)(x)
