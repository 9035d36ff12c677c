"""The multi-layer perceptron."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.models.tabular import MLP, mlp_preset


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


def test_options_of_order_norm_and_output():
    """Closed form: MLP with the norm after the activation keeps its bias; group norm takes the divisor that 8 shares; the output may be squashed."""
    after = MLP(6, (12,), 2, norm="batch", order="act-norm")
    assert [type(layer) for layer in after.layers] == [nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.Linear] and after.layers[0].bias is not None
    grouped, x = MLP(6, (12,), 2, norm="group", output_activation="sigmoid"), torch.randn(3, 6)
    first, last = grouped.layers[0], grouped.layers[-2]
    torch.testing.assert_close(grouped(x), last(F.group_norm(first(x), 4).relu()).sigmoid())
    perceptron = MLP(6, (), 1, output_activation="sigmoid")
    torch.testing.assert_close(perceptron(x), torch.sigmoid(x @ perceptron.layers[0].weight.T + perceptron.layers[0].bias))


SIZES = {
    "regression_20": ([20, 64, 32, 16, 1], 0.3, nn.BatchNorm1d),
    "digits_small": ([784, 128, 64, 10], 0, None),
    "digits_dropout": ([784, 512, 10], 0.5, None),
    "digits_batch_norm": ([784, 512, 256, 10], 0, nn.BatchNorm1d),
    "digits_layer_norm": ([784, 512, 10], 0, nn.LayerNorm),
    "digits_regularised": ([784, 256, 128, 10], 0.3, None),
    "two_classes_10": ([10, 64, 32, 2], 0, None),
}


@pytest.mark.parametrize("name", SIZES)
def test_presets_are_the_sizes_that_they_promise(name):
    """Closed form: mlp_preset by widths, dropout and norm, read off the layers."""
    network, (sizes, dropout, norm) = mlp_preset(name), SIZES[name]
    linear = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    assert [linear[0].in_features, *(layer.out_features for layer in linear)] == sizes
    assert {layer.p for layer in network.layers if isinstance(layer, nn.Dropout)} == ({dropout} if dropout else set())
    assert {type(layer) for layer in network.layers} - {nn.Linear, nn.ReLU, nn.Dropout} == ({norm} if norm else set())


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown preset 'digit_small'\. Did you mean 'digits_small'"):
        mlp_preset("digit_small")
    with pytest.raises(ValueError, match=r"Unknown order 'norm-last'"):
        MLP(6, (4,), 2, order="norm-last")
    with pytest.raises(ValueError, match=r"expects 6 numbers an item; got input of shape \(2, 5\), 5 numbers"):
        MLP(6, (4,), 2)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"Unknown norm 'layr'\. Did you mean 'layer'"):
        MLP(6, (4,), 2, norm="layr")
