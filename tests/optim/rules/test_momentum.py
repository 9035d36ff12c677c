"""The two conventions of momentum."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, walk
from weft.optim import classical_momentum, sgd


@pytest.mark.parametrize("nesterov", [False, True])
def test_with_a_constant_rate_both_conventions_are_one(nesterov):
    """classical_momentum and sgd, closed form: equal with a constant rate, and torch's SGD; decay coupled."""
    assert_same_walk(classical_momentum(0.01, 0.9, 0.1, nesterov), sgd(0.01, 0.9, 0.1, nesterov))


def test_with_a_changing_rate_they_differ_as_their_formulas_say():
    """classical_momentum, closed form: v <- momentum v + lr_t g, w <- w - v on a constant gradient; sgd applies the new rate to all of v."""
    rates = [1.0, 0.1, 0.1]
    found = {}
    for name, make in (("classical", classical_momentum(1.0, 0.5)), ("torch", sgd(1.0, 0.5))):
        w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = make([("w", w)])
        for lr in rates:
            optimizer.param_groups[0]["lr"] = lr
            w.grad = torch.ones_like(w)
            optimizer.step()
        found[name] = w.item()
    assert found["classical"] == pytest.approx(-(1 + 0.6 + 0.4)) and found["torch"] == pytest.approx(-(1 + 0.15 + 0.175))
    assert not torch.equal(walk(classical_momentum(0.01), steps=2)[0], walk(classical_momentum(0.02), steps=2)[0])
