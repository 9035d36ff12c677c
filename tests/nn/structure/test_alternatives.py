"""Networks that differ in one place."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from weft.nn import Layers, expand, replaced


def test_choices_are_the_product():
    """Closed form: expand gives every combination once, nested choices and lists too, and each one runs."""
    spec = {"type": "dense", "in_dim": 4, "out_dim": {"any": [2, 3]}, "norm": {"any": ["layer", None, {"any": ["rms"]}]}}
    found = expand(spec)
    assert [(one["out_dim"], one["norm"]) for one in found] == list(itertools.product([2, 3], ["layer", None, "rms"]))
    assert spec["out_dim"] == {"any": [2, 3]}
    for layers in expand([spec, {"type": {"any": ["relu", "tanh"]}}]):
        assert Layers(layers)(torch.zeros(2, 4)).shape[1] == layers[0]["out_dim"]
    assert len(expand([spec, {"type": {"any": ["relu", "tanh"]}}])) == 12
    with pytest.raises(ValueError, match="at least one value"):
        expand({"any": []})


def test_a_part_is_replaced_in_a_copy():
    """Property: replaced changes one part of a copy, which runs; the network itself stays."""
    net, x = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4))), torch.randn(2, 4)
    without = replaced(net, "1.0")
    torch.testing.assert_close(without(x), net[1][1](net[0](x)))
    assert isinstance(net[1][0], nn.ReLU) and isinstance(replaced(net, "1.0", nn.Tanh())[1][0], nn.Tanh)
    with pytest.raises(ValueError, match=r"Unknown part of the network '1\.2'"):
        replaced(net, "1.2")
