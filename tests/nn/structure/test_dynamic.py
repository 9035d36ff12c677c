"""Networks that decide how much of themselves they use."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.nn import AdaptiveComputation, EarlyExits, Routed


class Counting(nn.Linear):
    """A layer that counts the items that went through it."""

    seen = 0

    def forward(self, x):
        self.seen += len(x)
        return super().forward(x)


def test_an_item_leaves_where_it_is_sure():
    """Property: EarlyExits with threshold 1 is the whole network; below, each item gets the first sure exit's answer and later stages see only the others."""
    stages = [Counting(4, 16), Counting(16, 16), Counting(16, 16)]
    exits = [nn.Linear(16, 3) for _ in range(3)]
    for leave in exits:
        nn.init.normal_(leave.weight, std=0.7)
    x = torch.randn(40, 4)
    whole = exits[2](stages[2](stages[1](stages[0](x))))
    network = EarlyExits(stages, exits).eval()
    torch.testing.assert_close(network(x), whole)
    assert network.leave(x)[1].tolist() == [3] * 40
    early = EarlyExits(stages, exits, threshold=0.6).eval()
    for stage in stages:
        stage.seen = 0
    answer, used = early.leave(x)
    assert [stage.seen for stage in stages] == [40, int((used > 1).sum()), int((used > 2).sum())] and 0 < (used == 1).sum() < 40
    y = x
    for number, (stage, leave) in enumerate(zip(stages, exits, strict=True), start=1):
        y = stage(y)
        sure = leave(y).softmax(1).amax(1) >= 0.6
        torch.testing.assert_close(answer[used == number], leave(y)[used == number])
        assert sure[used == number].all() or number == 3
        assert not sure[used > number].any()
    assert len(early.train()(x)) == 3


def test_halting_weights_sum_to_one():
    """Property: AdaptiveComputation's weights sum to 1, the output is their mean of the states, N counts the steps; ponder's gradient says stop sooner."""
    layer = AdaptiveComputation(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), 4, steps=6)
    nn.init.normal_(layer.halt.weight, std=4.0)
    nn.init.constant_(layer.halt.bias, 0.0)
    x = 3 * torch.randn(3, 5, 4)
    y, ponder, weights = layer.run(x)
    torch.testing.assert_close(weights.sum(0), torch.ones(3, 5))
    assert (weights >= 0).all()
    states = [x]
    for _ in range(6):
        states.append(layer.body(states[-1]))
    torch.testing.assert_close(y, sum(w[..., None] * s for w, s in zip(weights, states[1:], strict=True)))
    used = (weights > 0).sum(0)
    last = weights.gather(0, (used - 1)[None])[0]
    torch.testing.assert_close(ponder, used + last)
    assert used.unique().numel() > 1
    (gradient,) = torch.autograd.grad(ponder.sum(), layer.halt.bias)
    assert gradient < 0
    nn.init.constant_(layer.halt.bias, 50.0)
    torch.testing.assert_close(layer(x)[0], states[1])
    assert copy.deepcopy(layer)(x)[0].shape == x.shape


def test_each_item_goes_to_its_best_branches():
    """Brute force: Routed sums the chosen branches by their gate, computes only those, and gives the gate a gradient also with one branch."""
    branches, x = [Counting(4, 2) for _ in range(3)], torch.randn(20, 4)
    for top in (1, 2):
        layer = Routed(branches, 4, top=top)
        score = layer.gate(x).softmax(1)
        for branch in branches:
            branch.seen = 0
        y = layer(x)
        assert sum(branch.seen for branch in branches) == 20 * top
        for i in range(20):
            best = score[i].topk(top)
            weight = best.values if top == 1 else best.values / best.values.sum()
            torch.testing.assert_close(y[i], sum(w * branches[k](x[i : i + 1])[0] for w, k in zip(weight, best.indices.tolist(), strict=True)))
        (gradient,) = torch.autograd.grad(y.square().sum(), layer.gate.weight)
        assert gradient.abs().sum() > 0


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="2 stages and 1 exits"):
        EarlyExits([nn.Identity()] * 2, [nn.Identity()])
    with pytest.raises(ValueError, match="probability in"):
        EarlyExits([nn.Identity()], [nn.Identity()], threshold=0.0)
    with pytest.raises(ValueError, match="steps of at least 1"):
        AdaptiveComputation(nn.Identity(), 4, steps=0)
    with pytest.raises(ValueError, match="got top=3"):
        Routed([nn.Linear(4, 2)] * 2, 4, top=3)
