"""Linear layers with what follows them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import Dense, ResidualMLPBlock


@pytest.mark.parametrize("norm", [None, "batch", "layer", "rms", "group"])
@pytest.mark.parametrize("shape", [(6, 4), (3, 5, 4)])
def test_dense_is_its_formula_on_vectors_and_sequences(norm, shape):
    """Closed form: Dense is relu(norm(W x + b)), every vector by itself; batch norm takes a sequence's steps as items."""
    layer, x = Dense(4, 12, norm=norm, activation="relu"), torch.randn(shape)
    assert (layer.linear.bias is None) == (norm == "batch")
    y = layer.linear(x).reshape(-1, 12)
    expected = {
        None: lambda: y,
        "batch": lambda: (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt(),
        "layer": lambda: F.layer_norm(y, (12,)),
        "rms": lambda: y / (y.square().mean(1, keepdim=True) + 1e-6).sqrt(),
        "group": lambda: F.group_norm(y, 4),
    }[norm]()
    torch.testing.assert_close(layer(x), expected.relu().reshape(*shape[:-1], 12), rtol=1e-4, atol=1e-5)
    assert layer.eval()(x[:1]).shape == (1, *shape[1:-1], 12)


def test_an_empty_sequential_is_an_activation():
    """Property: what counts is whether an activation was given, not whether it is truthy."""
    empty, x = nn.Sequential(), torch.randn(3, 4)
    layer = Dense(4, 5, activation=empty)
    assert layer.act is empty and torch.equal(layer(x), layer.linear(x))
    assert Dense(4, 5, dropout=0.5)(torch.ones(50, 4)).eq(0).any()


def test_residual_block_begins_as_its_shortcut():
    """Closed form: ResidualMLPBlock is relu(s(x) + norm(W2 relu(norm(W1 x)))); zero_last begins as relu(x)."""
    x = torch.randn(6, 4)
    block = ResidualMLPBlock(4, 8, 5, norm="layer")
    inner = F.layer_norm(block.first.linear(x), (8,)).relu()
    torch.testing.assert_close(block(x), (block.shortcut(x) + F.layer_norm(block.second.linear(inner), (5,))).relu())
    for norm in ("batch", "layer", "group"):
        assert torch.equal(ResidualMLPBlock(4, norm=norm, zero_last=True)(x), x.relu())


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="cannot train on a single vector"):
        Dense(4, 5, norm="batch")(torch.zeros(1, 4))
    with pytest.raises(ValueError, match=r"vectors of 4 numbers; got x of shape \(2, 5\)"):
        Dense(4, 5)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"Unknown norm 'bach'\. Did you mean 'batch'"):
        Dense(4, 5, norm="bach")
    with pytest.raises(ValueError, match="give a norm"):
        ResidualMLPBlock(4, norm=None, zero_last=True)
