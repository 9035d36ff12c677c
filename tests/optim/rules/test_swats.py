"""SWATS against pytorch_optimizer: the same switch, the same rate."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, parameters, walk
from weft.optim import swats


def test_twenty_steps_with_the_switch_are_those_of_the_reference():
    """swats, parity: pytorch_optimizer's SWATS on one matrix, where its estimate by tensor is the paper's by vector; both switch at the same step."""
    reference = pytest.importorskip("pytorch_optimizer")
    switched = {}

    def watch(optimizer, step):
        group = optimizer.param_groups[0]
        if group.get("phase") == "sgd" or group.get("sgd_share") is not None:
            switched.setdefault(type(optimizer).__name__, step)

    assert_same_walk(swats(0.1, betas=(0.9, 0.5), eps=0.05, tolerance=0.05), lambda named: reference.SWATS([p for _, p in named], lr=0.1, betas=(0.9, 0.5), eps=0.05), shapes={"w": (3, 5)}, before=watch)
    assert switched == {"Swats": 3, "SWATS": 3}


def test_before_the_switch_it_is_adam():
    """swats, parity: torch's Adam while the estimate has not settled, up to where eps stands."""
    assert_same_walk(swats(0.01, eps=0.0, tolerance=0.0), lambda named: torch.optim.Adam([p for _, p in named], lr=0.01, eps=0.0))


def test_after_the_switch_the_rate_follows_the_schedule():
    """swats, closed form: v <- b1 v + g, and the step is (1 - b1) lr share v, so that halving lr halves the step."""
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = swats(0.5, betas=(0.5, 0.9), tolerance=1e9)([("w", w)])
    group, places = optimizer.param_groups[0], [0.0]
    for step in range(4):
        group["lr"] = 0.5 if step < 3 else 0.25
        w.grad = torch.ones_like(w)
        optimizer.step()
        places.append(w.item())
    share = group["sgd_share"]
    assert places[3] - places[2] == pytest.approx(-0.5 * 0.5 * share * 1.0)
    assert places[4] - places[3] == pytest.approx(-0.5 * 0.25 * share * 1.5)


def test_it_goes_on_after_the_switch_from_its_state():
    """swats, property: saved on either side of the switch and loaded, the rest of the way is the same."""
    whole = walk(swats(0.1, betas=(0.9, 0.5), tolerance=0.05), steps=12)
    for cut in (1, 2, 3, 6):
        from tests.optim.rules.problems import loss

        named = parameters()
        make = swats(0.1, betas=(0.9, 0.5), tolerance=0.05)
        optimizer = make(named)
        for step in range(12):
            if step == cut:
                saved, optimizer = optimizer.state_dict(), make(named)
                optimizer.load_state_dict(saved)
            optimizer.zero_grad()
            loss(named).backward()
            optimizer.step()
        for found, (_, p) in zip(whole, named, strict=True):
            assert torch.equal(found, p.detach())
