"""Replacing layers: each once, wherever it is used."""

from __future__ import annotations

from torch import nn

from weft.surgery import replace_layers


def test_names_are_dotted_and_replaced_parts_are_not_entered():
    network = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1), nn.ReLU()))
    asked = []

    def make(name, layer):
        asked.append(name)
        return nn.Identity() if name == "1" else None

    assert replace_layers(network, make) is network
    assert asked == ["", "0", "1"]
    assert isinstance(network[1], nn.Identity)


def test_a_part_used_twice_is_replaced_by_one():
    layer = nn.Linear(2, 2)
    network = nn.ModuleDict({"a": nn.Sequential(layer), "b": nn.Sequential(layer)})
    replace_layers(network, lambda name, part: nn.Linear(2, 2) if isinstance(part, nn.Linear) else None)
    assert network["a"][0] is network["b"][0]
    assert network["a"][0] is not layer


def test_the_module_itself_may_be_replaced():
    assert isinstance(replace_layers(nn.ReLU(), lambda name, part: nn.GELU()), nn.GELU)
