"""The multi-layer perceptron."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.models.tabular import MLP


def test_equals_the_formula():
    """Closed form: MLP is W3 relu(W2 relu(W1 x)), linear at the end; without hidden layers a linear map."""
    network, x = MLP(6, (5, 4), 3), torch.randn(7, 6)
    first, second, third = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    torch.testing.assert_close(network(x), third(F.relu(second(F.relu(first(x))))))
    plain = MLP(6, (), 3)
    torch.testing.assert_close(plain(x), F.linear(x, plain.layers[0].weight, plain.layers[0].bias))


def test_order_of_layers():
    """Property: linear, norm, activation, dropout; no bias before batch norm; items of any shape are flattened."""
    network = MLP(6, (4,), 2, activation="gelu", norm="batch", dropout=0.3)
    assert [type(layer) for layer in network.layers] == [nn.Linear, nn.BatchNorm1d, nn.GELU, nn.Dropout, nn.Linear]
    assert network.layers[0].bias is None
    assert network(torch.randn(4, 1, 2, 3)).shape == (4, 2)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"expects 6 numbers an item; got input of shape \(2, 5\), 5 numbers"):
        MLP(6, (4,), 2)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"Unknown norm 'layr'\. Did you mean 'layer'"):
        MLP(6, (4,), 2, norm="layr")
