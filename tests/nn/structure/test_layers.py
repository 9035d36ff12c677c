"""Networks from lists of specs."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from torch import nn

import weft
from weft.nn import Layers, Parallel, inherited, made_of
from weft.nn.structure.layers import catalogue

SPECS = [
    {"type": "linear", "in_features": 4, "out_features": 8},
    {"type": "layer_norm", "normalized_shape": 8},
    {"type": "gelu"},
    {"type": "parallel", "how": "add", "branches": [{"type": "dense", "in_dim": 8, "out_dim": 6}, {"type": "linear", "in_features": 8, "out_features": 6}]},
    {"type": "residual", "body": {"type": "layers", "layers": [{"type": "linear", "in_features": 6, "out_features": 6}, {"type": "tanh"}]}},
    {"type": "Dropout", "p": 0.1},
]


def test_a_list_builds_what_it_says_and_builds_again():
    """Closed form: Layers equals the network by hand; the list is as it was and builds twice, also through JSON and through the catalogue."""
    before = copy.deepcopy(SPECS)
    net, x = Layers(SPECS).eval(), torch.randn(3, 4)
    y = net[2](net[1](net[0](x)))
    y = net[3].branches[0](y) + net[3].branches[1](y)
    y = y + net[4].body[0](y).tanh()
    torch.testing.assert_close(net(x), y)
    assert before == SPECS and len(net) == 6 and isinstance(net[3], Parallel)
    again = weft.build("layers", {"layers": json.loads(json.dumps(SPECS))}).eval()
    again.load_state_dict(net.state_dict())
    torch.testing.assert_close(again(x), net(x))
    third = weft.build(json.loads(json.dumps(weft.spec_of(again)))).eval()
    third.load_state_dict(net.state_dict())
    torch.testing.assert_close(third(x), net(x))


def test_residual_layers_are_x_plus_f():
    """Closed form: Layers with residual is x + f(x), or projected x + f(x) where the width changes; modules may stand in the list."""
    x, body = torch.randn(3, 4), nn.Linear(4, 4)
    torch.testing.assert_close(Layers([body, {"type": "relu"}], residual=True)(x), x + body(x).relu())
    wide = Layers([{"type": "linear", "in_features": 4, "out_features": 7}], residual=True)
    torch.testing.assert_close(wide(x), wide._around(x) + wide[0](x))
    assert len(wide) == 1 and len(list(wide)) == 1 and wide[-1] is wide[0]
    picture = Layers([{"type": "conv2d", "in_channels": 3, "out_channels": 5, "kernel_size": 3, "stride": 2, "padding": 1}], residual=True)
    assert picture(torch.zeros(1, 3, 8, 8)).shape == (1, 5, 4, 4)
    with pytest.raises(ValueError, match=r"the layers make \(1, 3, 6, 6\) of \(1, 3, 8, 8\)"):
        Layers([nn.Conv2d(3, 3, 3)], residual=True)(torch.zeros(1, 3, 8, 8))


def test_every_layer_of_the_catalogue_can_be_named():
    """Property: the names are those of the shelves, and lower case means the catalogue's where both have one."""
    names = catalogue()
    assert {entry.name for entry in weft.list("layer")} == set(names)
    assert type(made_of({"type": "flatten", "size": 3})).__module__.startswith("weft") and type(made_of({"type": "Flatten"})) is nn.Flatten


def test_a_base_is_merged():
    """Closed form: an inherited spec equals the merged one by hand; grandparents too; lists are replaced; the library is left alone."""
    library = {
        "small": {"type": "layers", "layers": [1, 2], "options": {"a": 1, "b": {"c": 2}}},
        "wide": {"base": "small", "options": {"b": {"d": 3}}},
        "wider": {"base": "wide", "layers": [3], "options": {"a": 9}},
    }
    before = copy.deepcopy(library)
    assert inherited("wider", library) == {"type": "layers", "layers": [3], "options": {"a": 9, "b": {"c": 2, "d": 3}}}
    assert library == before
    with pytest.raises(ValueError, match=r"Unknown base 'smal'\. Did you mean 'small'"):
        inherited("x", {"x": {"base": "smal"}, "small": {}})
    with pytest.raises(ValueError, match="its own ancestor: x -> y -> x"):
        inherited("x", {"x": {"base": "y"}, "y": {"base": "x"}})


def test_errors_name_the_place():
    with pytest.raises(ValueError, match=r"layers\[1\]: Unknown layer 'reluu'\. Did you mean"):
        Layers([{"type": "relu"}, {"type": "reluu"}])
    with pytest.raises(ValueError, match=r"layers\[0\]\.branches\[1\]: Unknown layer 'tanhh'\. Did you mean 'tanh'"):
        Layers([{"type": "parallel", "branches": [{"type": "relu"}, {"type": "tanhh"}]}])
    with pytest.raises(TypeError, match=r"layers\[0\]: dense has no option 'in_dims'\. Did you mean 'in_dim'"):
        Layers([{"type": "dense", "in_dims": 4, "out_dim": 2}])
    with pytest.raises(ValueError, match=r"layers\[0\]: a layer is"):
        Layers([{"kind": "relu"}])
    with pytest.raises(ValueError, match="at least one layer"):
        Layers([])
    nest = {"type": "relu"}
    for _ in range(40):
        nest = {"type": "residual", "body": nest}
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        Layers([nest])
