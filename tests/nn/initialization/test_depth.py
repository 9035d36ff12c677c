"""Beginnings by depth and by data."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from weft.nn import fixup, lsuv, scale_residual


def test_lsuv_brings_every_layer_to_variance_one():
    """Property: lsuv leaves variance 1 within 0.1 at each output, for activations of any kind, convolutions and dropout; the mode stays."""
    torch.manual_seed(0)
    conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Mish(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8 * 16, 10))
    for network, x in ((conv, 5 * torch.randn(64, 3, 8, 8) + 2), (nn.Sequential(*[p for _ in range(20) for p in (nn.Linear(64, 64), nn.Tanh())]), torch.randn(256, 64))):
        network[1].train()
        found = lsuv(network, x, seed=0)
        assert network.training and len(found) == sum(hasattr(p, "weight") for p in network)
        y, number = x, 0
        for part in network.eval():
            y = part(y)
            if hasattr(part, "weight"):
                assert y.var(correction=0).item() == pytest.approx(1, abs=0.1) and list(found.values())[number] == pytest.approx(y.var(correction=0).item(), rel=1e-4)
                number += 1


def test_scaled_residual_ends_keep_the_sum_of_all_blocks():
    """Closed form: scale_residual multiplies by 1 / sqrt(2 L); a stack of 64 branches then keeps its variance near that of one."""
    branches = [nn.Linear(128, 128, bias=False) for _ in range(64)]
    for layer in branches:
        nn.init.normal_(layer.weight, std=128**-0.5)
    before = [copy.deepcopy(layer.weight) for layer in branches]
    scale_residual(branches)
    torch.testing.assert_close(branches[5].weight, before[5] / 8)
    x = torch.randn(64, 128)
    for layer in branches:
        x = x + layer(x)
    assert 1.5 < x.var() < 4.5  # (1 + 1/64)^64 is about e; without scaling it would be 2^64
    scale_residual(branches, depth=2)
    torch.testing.assert_close(branches[5].weight, before[5] / 8 / 2)


def test_fixup_is_its_formula():
    """Closed form: fixup's branches begin at 0; inner layers have He's spread times L^(-1 / (2 m - 2)); the head is 0."""
    branches = [nn.Sequential(nn.Linear(200, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 200)) for _ in range(16)]
    head = nn.Linear(200, 3)
    fixup(branches, head)
    assert branches[3][0].weight.std().item() == pytest.approx(math.sqrt(2 / 200) * 16**-0.25, rel=0.02)
    assert not branches[3](torch.randn(2, 200)).any() and not head(torch.randn(2, 200)).any()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="reaches no linear or convolution"):
        lsuv(nn.ReLU(), torch.zeros(2, 2), seed=None)
    with pytest.raises(ValueError, match=r"output of 0 has variance 0\.0"):
        lsuv(nn.Sequential(nn.Linear(3, 2)), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="got none"):
        scale_residual([])
    with pytest.raises(ValueError, match="Linear has 1"):
        fixup([nn.Linear(2, 2)])
