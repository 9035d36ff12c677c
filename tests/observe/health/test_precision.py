"""Whether a network bears a shorter precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import compare_precision


def test_a_planted_overflow_is_named():
    """Closed form: 4e5 is beyond 65504, the largest float16, and within bfloat16's range."""
    network = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    with torch.no_grad():
        network[0].weight[:], network[0].bias[:] = torch.eye(8), 0.0
        network[1].weight[:] = 4e5 * torch.eye(8)
    x = torch.ones(2, 8)
    half, brain = (compare_precision(network, x, dtype=kind) for kind in (torch.float16, torch.bfloat16))
    assert half.first_bad == "1" and "overflows in 1" in str(half) and half.room < 1
    assert brain.first_bad == "" and brain.error < 0.02


def test_layers_that_do_not_fit_the_hardware_are_listed():
    found = compare_precision(Supervised(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 10)), cross_entropy), torch.randn(4, 8))
    assert found.unaligned == ("2 (16 to 10)",) and "no multiples of 8" in str(found)


def test_nothing_changes():
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 4)).train()
    before, state = network[0].running_mean.clone(), torch.random.get_rng_state()
    compare_precision(network, torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
    assert network.training and torch.equal(before, network[0].running_mean) and torch.equal(state, torch.random.get_rng_state())
    assert not any(m._forward_hooks for m in network.modules())


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="bfloat16 and float16"):
        compare_precision(nn.Linear(1, 1), torch.ones(1, 1), dtype=torch.float64)
