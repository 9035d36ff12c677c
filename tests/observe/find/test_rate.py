"""The learning rate is found without a trace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Method, Update
from weft.losses import Loss, mse
from weft.methods import Supervised
from weft.observe import Rates, find_rate
from weft.optim import adamw, sgd


class Bowl(Method):
    """Half a quadratic of one curvature."""

    def __init__(self, curvature):
        super().__init__()
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.network.weight)
        self.curvature = curvature

    def loss(self, batch):
        return Loss.mean(0.5 * self.curvature * self.network.weight.square().expand(len(batch["input"]), 1).mean(1))


def ones():
    return [torch.ones(4, 1)]


@pytest.mark.parametrize("curvature", [0.1, 1.0, 50.0])
def test_it_explodes_where_the_theory_says(curvature):
    """find_rate, closed form: on a quadratic of curvature L the loss falls up to the rate 2 / L and rises beyond it."""
    found = find_rate(Bowl(curvature), ones(), Update(sgd(0.3)), low=1e-4 / curvature, high=100 / curvature, steps=120)
    assert found.reason == "the loss exploded"
    turn = found.losses.index(min(found.losses))
    assert found.rates[turn - 1] * curvature < 2 <= found.rates[turn] * curvature
    assert 0.01 < found.suggestion * curvature < 2
    assert found.suggestion == sorted((found.steepest, found.valley, found.tenth))[1]


def test_rates_are_a_geometric_sequence_whatever_the_optimizers_own():
    """find_rate, closed form: absolute rates; groups keep their ratios; other schedules stay."""
    seen = []

    def factory(named):
        optimizer = torch.optim.SGD([{"params": [p], "lr": lr} for (_, p), lr in zip(named, (0.2, 0.05), strict=True)], lr=1.0)
        step = optimizer.step

        def spied(closure=None):
            seen.append([group["lr"] for group in optimizer.param_groups])
            return step()

        optimizer.step = spied
        return optimizer

    found = find_rate(Supervised(nn.Linear(2, 2), mse), [(torch.eye(2), torch.eye(2))], Update(factory), low=1e-5, high=1e-2, steps=31)
    expected = [1e-5 * 10 ** (i / 10) for i in range(31)]
    assert found.rates == pytest.approx(expected)
    assert [first for first, _ in seen] == pytest.approx(expected)
    assert [second / first for first, second in seen] == pytest.approx([0.25] * 31)
    assert found.reason == "all steps taken"


def test_nothing_is_left_of_it_and_it_may_be_repeated():
    """find_rate, property: the state is as before, so a second look sees the same; loss that is no number ends it."""
    method = Supervised(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.1), nn.Linear(4, 1)), mse)
    data = [(torch.randn(8, 3), torch.randn(8, 1)) for _ in range(3)]
    before = {name: value.clone() for name, value in method.state_dict().items()}
    one, two = (find_rate(method, data, Update(adamw()), steps=30) for _ in range(2))
    assert one == two
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    far = find_rate(Bowl(1.0), ones(), Update(sgd()), low=0.1, high=1e30, steps=12)
    assert "no number" in far.reason or "exploded" in far.reason


def test_the_curve_is_a_picture_and_a_line():
    rates = Rates(tuple(10.0**i for i in range(-5, 1)), (5.0, 4.9, 4.0, 2.0, 1.9, 7.0), (5.0, 4.9, 4.0, 2.0, 1.9, 7.0), "the loss exploded")
    assert rates.steepest == 1e-2 and rates.lowest == 1e-1 and math.isclose(rates.tenth, 1e-2)
    assert "<svg" in rates.picture() and "0.01" in rates.picture()
    assert str(rates).startswith("learning rate 0.01 (") and "the loss exploded" in str(rates)


def test_errors_say_what_came():
    method = Supervised(nn.Linear(1, 1), mse)
    with pytest.raises(ValueError, match="rises from a positive rate"):
        find_rate(method, ones(), low=1.0, high=0.1)
    with pytest.raises(ValueError, match="at least 10 steps"):
        find_rate(method, ones(), steps=3)
    with pytest.raises(ValueError, match="no such update; known: all"):
        find_rate(method, ones(), key="critic")
    with pytest.raises(ValueError, match="check the data and the loss"):
        find_rate(method, [(torch.full((2, 1), math.nan), torch.ones(2, 1))], Update(sgd()))
