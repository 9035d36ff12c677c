"""Optimizer state by name: survives another order, another structure, other options."""

from __future__ import annotations

import torch
from torch import nn

from weft.optim.named_state import load_by_name, save_by_name


def trained(names, lr=0.1):
    named = [(n, nn.Parameter(torch.full((2,), float(i)))) for i, n in enumerate(names)]
    optimizer = torch.optim.Adam([p for _, p in named], lr=lr)
    for i, (_, p) in enumerate(named):
        p.grad = torch.full((2,), float(i + 1))
    optimizer.step()
    return optimizer, named


def test_moments_follow_their_names():
    """Property: with the parameters in another order each gets its own moments."""
    first, named = trained(["a", "b"])
    second, other = trained(["b", "a"])
    assert load_by_name(second, other, save_by_name(first, named)) == {"vanished": [], "new": []}
    moments = {n: second.state[p]["exp_avg"] for n, p in other}
    for n, p in named:
        assert torch.equal(first.state[p]["exp_avg"], moments[n])


def test_new_options_win_and_the_groups_stay_the_same_objects():
    """Property: a learning rate changed in the program is the one that counts; schedules keep their groups."""
    first, named = trained(["a"], lr=0.1)
    second, other = trained(["a"], lr=0.5)
    group = second.param_groups[0]
    load_by_name(second, other, save_by_name(first, named))
    assert second.param_groups[0] is group and group["lr"] == 0.5


def test_what_vanished_and_what_is_new_is_said():
    """Property: and another shape under the same name counts as new."""
    first, named = trained(["a", "b", "c"])
    second, other = trained(["b", "d"])
    wide = nn.Parameter(torch.zeros(3))
    second.add_param_group({"params": [wide]})
    assert load_by_name(second, [*other, ("c", wide)], save_by_name(first, named)) == {"vanished": ["a", "c"], "new": ["c", "d"]}
