"""Watching weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe.health import WeightMonitor
from weft.observe.health.weights import ranks


def test_ranks_of_known_matrices():
    """Closed form: WeightMonitor's effective rank exp(entropy) and stable rank |W|_F^2 / |W|_2^2 for given singular values."""
    singular = torch.tensor([4.0, 2.0, 2.0, 0.0])
    u, v = (torch.linalg.qr(torch.randn(n, n))[0] for n in (4, 6))
    matrix = u @ torch.diag(singular) @ v[:4]
    share = [0.5, 0.25, 0.25]
    effective, stable = ranks(matrix)
    assert effective.item() == pytest.approx(math.exp(-sum(p * math.log(p) for p in share)) / 4, rel=1e-3)
    assert stable.item() == pytest.approx((16 + 4 + 4) / 16 / 4, rel=1e-3)
    assert [value.item() for value in ranks(torch.zeros(3, 2))] == [0, 0]


def test_a_collapsed_layer_has_the_smallest_rank(batches):
    """Property: the layer whose rows are all alike is the one that weight/rank shows."""
    network = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 2))
    with torch.no_grad():
        network[0].weight[:] = network[0].weight[:1]
    monitor = WeightMonitor(2)
    fit(Supervised(network, cross_entropy), batches, until=Steps(2), listeners=[monitor])
    last = monitor.history[-1]
    assert last["weight/rank"] == last["rank/network.0.weight"] < 0.3 < last["rank/network.1.weight"]


def test_one_element_has_a_deviation_of_zero():
    from types import SimpleNamespace

    monitor = WeightMonitor(2)
    state = SimpleNamespace(updates={"all": SimpleNamespace(named=[("w", nn.Parameter(torch.ones(1)))])})
    assert monitor.read(state, {})["std/w"] == 0.0
