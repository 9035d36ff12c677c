"""Modes for a while."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import evaluating, training, without_gradients


def test_every_module_gets_its_own_flag_back():
    """Property: mixed flags return exactly, nested and after an error; dropout is off inside."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.Sequential(nn.BatchNorm1d(4), nn.Dropout()))
    net[2][0].eval()
    flags = [module.training for module in net.modules()]
    x = torch.ones(3, 4)
    with evaluating(net) as inside:
        assert inside is net and torch.equal(net(x), net(x))
        with training(net):
            assert all(module.training for module in net.modules())
        assert not any(module.training for module in net.modules())
    assert [module.training for module in net.modules()] == flags
    with pytest.raises(KeyError), evaluating(net):
        raise KeyError
    assert [module.training for module in net.modules()] == flags


def test_gradients_flow_through_what_wants_none():
    """Property: inputs get theirs, parameters none, and those that were frozen stay frozen."""
    net, x = nn.Linear(2, 2), torch.ones(1, 2, requires_grad=True)
    net.bias.requires_grad_(False)
    with without_gradients(net):
        net(x).sum().backward()
    assert x.grad is not None and net.weight.grad is None
    assert net.weight.requires_grad and not net.bias.requires_grad
