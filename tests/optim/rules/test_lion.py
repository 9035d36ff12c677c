"""Lion against pytorch_optimizer, and by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split
from weft.optim import lion


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_twenty_steps_are_those_of_the_reference(decay):
    """lion, parity: pytorch_optimizer's Lion over twenty steps in float64, decay on matrices only."""
    reference = pytest.importorskip("pytorch_optimizer")
    assert_same_walk(lion(0.01, decay, betas=(0.8, 0.95)), lambda named: reference.Lion(split(named, decay), lr=0.01, betas=(0.8, 0.95)))


def test_every_entry_moves_by_the_rate():
    """lion, closed form: with a constant gradient of any size each entry moves lr a step; an entry without gradient stays."""
    w = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    optimizer = lion(0.25)([("w", w)])
    for _ in range(3):
        w.grad = torch.tensor([1e-6, -1e6, 0.0])
        optimizer.step()
    assert w.tolist() == [0.25, 2.75, 3.0]
