"""LARS against pytorch_optimizer, and by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split
from weft.optim import lars, sgd


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_twenty_steps_are_those_of_the_reference(momentum):
    """lars, parity: pytorch_optimizer's LARS over twenty steps in float64."""
    reference = pytest.importorskip("pytorch_optimizer")
    assert_same_walk(lars(0.5, momentum, 0.01, 0.1), lambda named: reference.LARS(split(named, 0.01), lr=0.5, momentum=momentum, trust_coefficient=0.1))


def test_what_is_no_matrix_takes_the_plain_step():
    """lars, closed form: biases alone are torch's SGD with momentum, Nesterov's too."""
    shapes = {"b": (4,), "c": (3,)}
    for nesterov in (False, True):
        assert_same_walk(lars(0.01, 0.9, 0.1, nesterov=nesterov), sgd(0.01, 0.9, nesterov=nesterov), shapes=shapes)


def test_a_zero_matrix_and_a_zero_gradient_move_finitely():
    """lars, property: no division by nothing; a zero gradient without decay moves nothing."""
    zero, still = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.ones(2, 2))
    zero.grad, still.grad = torch.ones(2, 2), torch.zeros(2, 2)
    lars(0.5, 0.0, 0.0)([("zero", zero), ("still", still)]).step()
    assert zero.detach().unique().tolist() == [-0.5] and still.detach().unique().tolist() == [1.0]
