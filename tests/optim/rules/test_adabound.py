"""AdaBound and AMSBound against pytorch_optimizer; its bounds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split
from weft.optim import adabound


@pytest.mark.parametrize("amsbound", [False, True])
@pytest.mark.parametrize("gamma", [1e-3, 0.05])
def test_twenty_steps_are_those_of_the_reference(amsbound, gamma):
    """adabound, parity: pytorch_optimizer's AdaBound and AMSBound over twenty steps in float64."""
    reference = pytest.importorskip("pytorch_optimizer")
    ours = adabound(0.01, 0.1, gamma, weight_decay=0.1, amsbound=amsbound)
    assert_same_walk(ours, lambda named: reference.AdaBound(split(named, 0.1), lr=0.01, final_lr=0.1, gamma=gamma, ams_bound=amsbound))


def test_the_final_rate_follows_the_schedule():
    """adabound, parity: with a rate that changes at every step, too."""
    reference = pytest.importorskip("pytorch_optimizer")

    def falling(optimizer, step):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / step

    assert_same_walk(adabound(0.01, 0.1, 0.05), lambda named: reference.AdaBound([p for _, p in named], lr=0.01, final_lr=0.1, gamma=0.05), before=falling)


def test_every_rate_stays_inside_its_bounds_and_ends_near_those_of_sgd():
    """adabound, property: |step| / |m| lies between f (1 - 1 / (gamma t + 1)) and f (1 + 1 / (gamma t)) at every step, and closes on f."""
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(50, dtype=torch.float64))
    optimizer = adabound(1.0, 0.1, gamma=0.1)([("w", w)])
    for t in range(1, 400):
        before = w.detach().clone()
        w.grad = torch.randn(50, dtype=torch.float64) * torch.logspace(-3, 3, 50, dtype=torch.float64)
        optimizer.step()
        rate = (before - w.detach()) / optimizer.state[w]["exp_avg"]
        assert rate.min() >= 0.1 * (1 - 1 / (0.1 * t + 1)) - 1e-9 and rate.max() <= 0.1 * (1 + 1 / (0.1 * t)) + 1e-9
    assert rate.max() / rate.min() < 1.06


def test_bounds_that_close_on_nothing_are_refused():
    """adabound, property: the message names both numbers."""
    with pytest.raises(ValueError, match=r"final_lr=0, gamma=0.1; expected positive numbers"):
        adabound(final_lr=0, gamma=0.1)
