"""Weights that fit in part."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.models.exchange import load_partial
from weft.models.vision import resnet18


def test_a_network_with_another_head_takes_all_but_the_head():
    """load_partial, closed form: only the head is of another shape, and is named; statistics are loaded too."""
    source, target = resnet18(10, width=8, stem="small"), resnet18(3, width=8, stem="small")
    source(torch.rand(4, 3, 8, 8))
    report = load_partial(target, {f"module.{name}": value for name, value in source.state_dict().items()}, prefix="module.")
    assert [name for name, *_ in report.mismatched] == ["head.weight", "head.bias"] and not report.missing and not report.unexpected
    for name in report.loaded:
        assert torch.equal(target.state_dict()[name], source.state_dict()[name])
    assert any("running_mean" in name for name in report.loaded) and not report.complete
    assert "another shape: head.weight came as (10, 64), expected (3, 64)" in str(report)


def test_strict_raises_with_the_same_lists_and_changes_nothing():
    """load_partial, property."""
    target = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(ValueError, match=r"missing: 1\.weight") as raised:
        load_partial(target, {"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(3), "extra": torch.zeros(1)}, strict=True)
    assert "unexpected: extra" in str(raised.value) and "another shape: 0.bias" in str(raised.value)
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


def test_names_are_changed_and_shapes_brought_into_shape():
    """load_partial, closed form: a mapping, a function, and positions cut to a shorter text."""
    net = nn.Module()
    net.positions, net.head = nn.Parameter(torch.zeros(4, 2)), nn.Linear(2, 2)
    state = {"pos": torch.arange(12.0).reshape(6, 2), "out.weight": torch.ones(2, 2), "out.bias": torch.ones(2)}
    report = load_partial(
        net, state, rename=lambda name: {"pos": "positions"}.get(name, name.replace("out.", "head.")), adapt=lambda name, weight, shape: weight[: shape[0]]
    )
    assert report.complete and torch.equal(net.positions, state["pos"][:4])
    assert load_partial(nn.Linear(1, 1), {"w": torch.ones(1, 1)}, rename={"w": "weight"}).loaded == ("weight",)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="Two weights are called 'weight' after renaming; the second is 'b'"):
        load_partial(nn.Linear(1, 1), {"a": torch.ones(1, 1), "b": torch.ones(1, 1)}, rename=lambda name: "weight")
    with pytest.raises(ValueError, match=r"No weight fits Linear; the first is 'net\.weight'"):
        load_partial(nn.Linear(1, 1), {"net.weight": torch.ones(1, 1)})


def test_tied_weights_stay_tied():
    """load_partial, property: a weight under two names is one weight."""
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    report = load_partial(net, {"0.weight": torch.ones(2, 2), "1.weight": torch.ones(2, 2)})
    assert report.complete and net[1].weight is net[0].weight and torch.equal(net[0].weight, torch.ones(2, 2))
