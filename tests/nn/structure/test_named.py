"""Layers of torch by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import torch_layer
from weft.nn.structure.named import SPOKEN, TORCH


def test_every_name_is_a_layer_of_torch_in_both_spellings():
    """Property: torch_layer's list holds modules of torch.nn only, each found in lower case too, and nothing else can be made."""
    assert all(issubclass(getattr(nn, name), nn.Module) for name in TORCH) and len(SPOKEN) == len(TORCH)
    for spelling in ("BatchNorm2d", "batchnorm2d", "batch_norm2d", "batch_norm_2d"):
        assert type(torch_layer(spelling, {"num_features": 3})) is nn.BatchNorm2d
    for forbidden in ("Module", "Sequential", "__init__", "init", "os", "Parameter", "modules.linear.Linear"):
        with pytest.raises(ValueError, match=r"Unknown layer of torch\.nn"):
            torch_layer(forbidden)


def test_layers_equal_those_made_by_hand():
    """Parity with torch.nn: torch_layer gives the same weights from the same seed, lazy and bilinear layers included; bilinear is x1^T A x2 + b."""
    for name, options in (("linear", {"in_features": 3, "out_features": 2, "bias": False}), ("gru", {"input_size": 3, "hidden_size": 2}), ("conv1d", {"in_channels": 1, "out_channels": 2, "kernel_size": 3})):
        torch.manual_seed(0)
        ours = torch_layer(name, options)
        torch.manual_seed(0)
        theirs = getattr(nn, SPOKEN[name])(**options)
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    lazy = torch_layer("lazy_linear", {"out_features": 4})
    assert lazy(torch.zeros(2, 7)).shape == (2, 4) and lazy.weight.shape == (4, 7)
    bilinear, x, y = torch_layer("bilinear", {"in1_features": 3, "in2_features": 4, "out_features": 2}), torch.randn(5, 3), torch.randn(5, 4)
    torch.testing.assert_close(bilinear(x, y), torch.einsum("bi,oij,bj->bo", x, bilinear.weight, y) + bilinear.bias)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown layer of torch\.nn 'Conv2dd'\. Did you mean 'Conv2d'"):
        torch_layer("Conv2dd")
    with pytest.raises(TypeError, match=r"Linear has no option 'in_feature'\. Did you mean 'in_features'\? It takes: in_features, out_features, bias"):
        torch_layer("linear", {"in_feature": 3})
    with pytest.raises(TypeError, match=r"Linear needs out_features"):
        torch_layer("linear", {"in_features": 3})
