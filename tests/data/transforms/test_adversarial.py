"""Adversarial pictures."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.data.transforms.peers import keyed
from weft.data import Perturb


def trained():
    torch.manual_seed(0)
    x = torch.rand(256, 6)
    y = (x[:, 0] + x[:, 1] > 1).long()
    network = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(120):
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return network, {"input": x, "target": y}


def test_the_loss_rises_within_the_cube_and_the_network_is_untouched():
    """Learned: on a trained network Perturb by one and by ten steps raises the loss, ten the more, within epsilon and the range of pixels; mode,
    weights, gradients and buffers stay."""
    network, batch = trained()
    network.train()
    network[1].eval()
    before = copy.deepcopy(network.state_dict())
    losses = []
    for steps, start in ((1, False), (10, True)):
        moved = Perturb(network, F.cross_entropy, 0.1, steps, start=start)(batch, keyed(256))["input"]
        assert (moved - batch["input"]).abs().max() <= 0.1 + 1e-6 and moved.min() >= 0 and moved.max() <= 1 and not moved.requires_grad
        check = copy.deepcopy(network).eval()
        losses.append(float(F.cross_entropy(check(moved), batch["target"])))
    plain = float(F.cross_entropy(copy.deepcopy(network).eval()(batch["input"]), batch["target"]))
    assert losses[0] > 2 * plain and losses[1] >= losses[0] - 1e-3
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.training and not network[1].training and all(p.grad is None for p in network.parameters())


def test_one_step_follows_the_sign_of_the_slope():
    """Closed form: for a linear loss every number moves by epsilon against its weight's sign, also where gradients are switched off."""
    network = nn.Linear(3, 1, bias=False)
    x = torch.full((2, 3), 0.5)
    with torch.no_grad():
        moved = Perturb(network, lambda out, target: out - target, 0.25)({"input": x, "target": torch.zeros(2, 1)}, keyed(2))["input"]
    torch.testing.assert_close(moved, x + 0.25 * network.weight.sign().detach().expand(2, 3))
    with pytest.raises(ValueError, match="at least one step"):
        Perturb(network, F.mse_loss, steps=0)
