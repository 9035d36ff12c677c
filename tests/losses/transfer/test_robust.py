"""Robust losses by closed forms, and an attack whose best answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.losses import adversarial_mix, attacked, cross_entropy, trades
from weft.losses.transfer.robust import divergence


def test_mixes_by_hand_and_without_attack():
    """trades and adversarial_mix, closed form: torch's cross-entropies and KL(clean || perturbed); equal logits leave cross-entropy alone, or twice."""
    clean, moved, y = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4, requires_grad=True), torch.arange(6) % 4
    kl = F.kl_div(moved.log_softmax(1), clean.softmax(1), reduction="none").sum(1)
    loss = trades(clean, moved, y, beta=6.0)
    torch.testing.assert_close(loss, F.cross_entropy(clean, y, reduction="none") + 6 * kl)
    torch.testing.assert_close(loss.mean(), F.cross_entropy(clean, y) + 6 * F.kl_div(moved.log_softmax(1), clean.softmax(1), reduction="batchmean"))
    torch.testing.assert_close(trades(clean, clean, y), F.cross_entropy(clean, y, reduction="none"))
    hand = F.cross_entropy(clean, y, reduction="none") + 0.5 * F.cross_entropy(moved, y, reduction="none")
    torch.testing.assert_close(adversarial_mix(clean, moved, y, weight=0.5), hand)
    loss.sum().backward()
    assert clean.grad.any()
    assert moved.grad.any()


def test_the_attack_on_a_linear_network_is_the_corner():
    """attacked, closed form: for w x the worst point within the radius is x + r sign(w), within the limits; the weights' gradients stay untouched."""
    net = nn.Linear(5, 1)
    net.weight.grad = torch.full_like(net.weight, 7.0)
    x = torch.rand(4, 5)
    worst = attacked(net, x, lambda z: z[:, 0], radius=0.1, step=0.04, num_steps=8)
    torch.testing.assert_close(worst, (x + 0.1 * net.weight.detach().sign()).clamp(0, 1))
    assert (net.weight.grad == 7).all()
    assert not worst.requires_grad
    free = attacked(net, x, lambda z: z[:, 0], radius=0.1, step=0.04, num_steps=8, limits=None)
    torch.testing.assert_close(free, x + 0.1 * net.weight.detach().sign())
    torch.testing.assert_close(attacked(net, x, lambda z: z[:, 0], radius=0.0), x)
    with pytest.raises(ValueError, match="neither may be negative"):
        attacked(net, x, lambda z: z[:, 0], radius=-1.0)


def test_the_inner_step_raises_the_divergence_it_is_asked_for():
    """attacked, property: maximising KL raises KL more than maximising cross-entropy does, and the other way round; also under no_grad outside."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 5)).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)
        x, y = torch.rand(64, 6), torch.randint(0, 5, (64,))
        clean = net(x)
        by_kl = net(attacked(net, x, lambda z: divergence(clean, z), radius=0.1, step=0.02))
        by_class = net(attacked(net, x, lambda z: cross_entropy(z, y), radius=0.1, step=0.02))
        assert divergence(clean, by_kl).mean() > divergence(clean, by_class).mean() > 0
        assert cross_entropy(by_class, y).mean() > cross_entropy(by_kl, y).mean()
