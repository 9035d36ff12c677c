"""Where two networks part."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.models.exchange import compare_networks


def net():
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 48), nn.Dropout(), nn.Linear(48, 2))


LAYERS = {name: name for name in ("0", "1", "4", "6")}


def test_equal_networks_agree_in_whatever_mode_they_are():
    """compare_networks, property: the same function; modes are put back."""
    one = net()
    found = compare_networks(one, copy.deepcopy(one), torch.rand(2, 3, 4, 4), layers=LAYERS)
    assert found.agrees and found.parts is None and one.training
    assert "the same function" in str(found) and len(found.layers) == 4


@pytest.mark.parametrize("place", ["0", "1", "4", "6"])
def test_the_layer_with_the_mistake_is_named(place):
    """compare_networks, closed form: a square weight transposed, or a lost statistic, is found at its layer and not before."""
    one = net()
    other = copy.deepcopy(one)
    module = other.get_submodule(place)
    with torch.no_grad():
        if place == "1":
            module.running_mean += 0.5
        elif place == "6":
            module.weight.copy_(module.weight.flip(1).clone())
        else:
            module.weight.copy_(module.weight.transpose(0, 1).clone())
    found = compare_networks(one, other, torch.rand(2, 3, 4, 4), layers=LAYERS)
    assert not found.agrees and found.parts == place
    assert f"They part at {place}." in str(found)


def test_functions_shapes_and_several_outputs():
    """compare_networks, closed form: a function of arrays; another shape never agrees."""
    double = nn.Linear(2, 2, bias=False)
    nn.init.constant_(double.weight, 2.0)
    assert compare_networks(lambda x: (x.numpy() @ [[2, 2], [2, 2]]), double, torch.ones(1, 2)).agrees
    assert not compare_networks(lambda x: torch.zeros(1, 3), double, torch.ones(1, 2)).agrees
    with pytest.raises(ValueError, match="source is a torch network too"):
        compare_networks(lambda x: x, double, torch.ones(1, 2), layers={"a": "b"})
    with pytest.raises(ValueError, match="The source has 2 outputs and the target 1"):
        compare_networks(lambda x: (x, x), double, torch.ones(1, 2))
