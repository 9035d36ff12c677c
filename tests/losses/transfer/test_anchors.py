"""Penalties for leaving what was learned: quadratics, Fisher diagonals, and paths along a known valley."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.losses import Loss, PathImportance, cross_entropy, fisher_diagonal, snapshot, weight_anchor


def test_the_penalty_is_a_quadratic_around_the_anchor():
    """weight_anchor, closed form: 1/2 sum F (w - a)^2 with gradient F (w - a); without importance L2-SP; frozen and new weights are free."""
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    net[1].bias.requires_grad_(False)
    anchor = snapshot(net)
    assert "1.bias" not in anchor
    del anchor["1.weight"]
    importance = {name: torch.rand_like(value) for name, value in anchor.items()}
    assert weight_anchor(net, anchor).item() == 0
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p))
    gap = {name: net.get_parameter(name).detach() - value for name, value in anchor.items()}
    torch.testing.assert_close(weight_anchor(net, anchor), 0.5 * sum(g.square().sum() for g in gap.values()))
    loss = Loss.penalty(weight_anchor(net, anchor, importance), weight=3.0)
    torch.testing.assert_close(loss.value, 1.5 * sum((importance[n] * g.square()).sum() for n, g in gap.items()))
    loss.value.backward()
    torch.testing.assert_close(net[0].weight.grad, 3 * importance["0.weight"] * gap["0.weight"])
    assert net[1].weight.grad is None
    with pytest.raises(ValueError, match=r"'2\.weight' of shape .* the network has none of that name"):
        weight_anchor(net, {"2.weight": torch.zeros(2)})


def test_soft_sharing_pulls_both_networks():
    """weight_anchor, closed form: with another network's live weights both are pulled, by opposite gradients."""
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    weight_anchor(one, dict(two.named_parameters())).backward()
    torch.testing.assert_close(one.weight.grad, -two.weight.grad)
    torch.testing.assert_close(one.weight.grad, (one.weight - two.weight).detach())


def test_the_proximal_minimum_is_known():
    """weight_anchor, closed form: for the task 1/2 (w - 4)^2 anchored at 1 with weight mu the minimum is (4 + mu) / (1 + mu), as in FedProx."""
    net, mu = nn.Linear(1, 1, bias=False), 0.5
    anchor = {"weight": torch.ones(1, 1)}
    for _ in range(200):
        (slope,) = torch.autograd.grad(0.5 * (net.weight - 4).square().sum() + mu * weight_anchor(net, anchor), net.weight)
        with torch.no_grad():
            net.weight -= 0.3 * slope
    assert net.weight.item() == pytest.approx((4 + mu) / (1 + mu), rel=1e-4)


def test_fisher_is_the_mean_of_squared_gradients():
    """fisher_diagonal, closed form: for a logistic model E[g^2] = p (1 - p) x^2 where labels are drawn from the model; the online form decays the old one."""
    w, x = torch.tensor([[0.7, -0.2]]), torch.tensor([[1.0, 2.0]])
    p = torch.sigmoid((w * x).sum())
    draws = torch.bernoulli(p.expand(4000))
    slopes = (p - draws)[:, None] * x
    fisher = fisher_diagonal({"w": slopes.square().sum(0)}, 4000)
    torch.testing.assert_close(fisher["w"], (p * (1 - p) * x.square())[0], rtol=0.1, atol=0.0)
    online = fisher_diagonal({"w": torch.tensor([2.0])}, 2, {"w": torch.tensor([4.0])}, decay=0.5)
    assert online["w"].item() == 3.0
    with pytest.raises(ValueError, match="at least one sample"):
        fisher_diagonal({}, 0)


def test_paths_add_up_to_the_fall_of_the_loss():
    """PathImportance, closed form: with small steps the path sums of a quadratic are the loss that each weight saved; importance divides by the way squared."""
    stiffness, goal = torch.tensor([[4.0, 1.0, 0.0]]), torch.tensor([[1.0, -2.0, 3.0]])
    net = nn.Linear(3, 1, bias=False)
    nn.init.zeros_(net.weight)
    path = PathImportance(net, damping=1e-3)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    for _ in range(8000):
        optimizer.zero_grad()
        (0.5 * stiffness * (net.weight - goal).square()).sum().backward()
        optimizer.step()
        path.observe(net)
    saved = 0.5 * stiffness * goal.square()  # at the minimum all of it
    torch.testing.assert_close(path.get_buffer("path0"), saved, rtol=5e-3, atol=1e-3)
    anchor = path.consolidate(net)
    way = anchor["weight"].square()
    torch.testing.assert_close(path.importance()["weight"], saved / (way + 1e-3), rtol=5e-3, atol=1e-3)
    assert weight_anchor(net, anchor, path.importance()).item() == 0
    copy = PathImportance(net)
    copy.load_state_dict(path.state_dict())
    assert torch.equal(copy.importance()["weight"], path.importance()["weight"])
    with pytest.raises(ValueError, match="must be positive"):
        PathImportance(net, damping=0)


def test_learning_without_forgetting_is_distillation_of_the_old_head():
    """snapshot, property: the old network's answers on new data as targets need no old data, and an anchored copy keeps them better than a free one."""
    from weft.losses import kl_distillation

    torch.manual_seed(0)
    old = nn.Linear(4, 3)
    x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
    before = old(x).detach()
    drift = []
    for keep in (0.0, 5.0):
        net = nn.Linear(4, 3)
        net.load_state_dict(snapshot(old))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
        for _ in range(40):
            optimizer.zero_grad()
            out = net(x)
            (cross_entropy(out, y).mean() + keep * kl_distillation(out, before, temperature=2.0).mean()).backward()
            optimizer.step()
        drift.append(float(kl_distillation(net(x), before, temperature=1.0).mean()))
    assert drift[1] < 0.3 * drift[0]
