"""Adan against pytorch_optimizer."""

from __future__ import annotations

import pytest

from tests.optim.rules.problems import assert_same_walk, split, walk
from weft.optim import adan


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_twenty_steps_are_those_of_the_reference(decay):
    """adan, parity: pytorch_optimizer's Adan, proximal decay, over twenty steps in float64."""
    reference = pytest.importorskip("pytorch_optimizer")
    assert_same_walk(adan(0.01, decay), lambda named: reference.Adan(split(named, decay), lr=0.01))


def test_the_first_step_knows_no_change_of_the_gradient():
    """adan, closed form: one step is -lr sign(g)."""
    from tests.optim.rules.problems import loss, parameters

    named = parameters()
    loss(named).backward()
    for moved, (_, p) in zip(walk(adan(0.01, eps=0.0), steps=1), named, strict=True):
        assert (moved - (p.detach() - 0.01 * p.grad.sign())).abs().max() < 1e-12
