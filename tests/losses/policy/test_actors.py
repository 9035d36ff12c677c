"""Actors: gradients over enumerated actions, and the clipped ratio's corners."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import actor_critic, clipped_policy, curiosity, entropy_temperature, reinforce, soft_actor


@pytest.mark.parametrize("baseline", [0.0, 2.5])
def test_the_score_is_unbiased_over_all_actions(baseline):
    """reinforce, closed form: summed over every action with its probability, the gradient is that of -E[return], whatever the baseline."""
    returns, logits = torch.tensor([1.0, -2.0, 0.5, 4.0]), torch.randn(4, requires_grad=True)
    log_p = logits.log_softmax(0)
    (log_p.exp().detach() * reinforce(log_p, returns - baseline)).sum().backward()
    other = logits.detach().requires_grad_()
    (-(other.softmax(0) * returns).sum()).backward()
    torch.testing.assert_close(logits.grad, other.grad)


def test_actor_and_critic_learn_apart():
    """actor_critic, closed form: the critic's gradient is 2 c (V - R), none of it from the policy; the actor's is -(R - V); returns get none."""
    v, r, log_p, h = (torch.randn(5, requires_grad=True) for _ in range(4))
    loss = actor_critic(v, r, log_p, h, value_weight=0.5, entropy_weight=0.1)
    torch.testing.assert_close(loss, -(r - v) * log_p + 0.5 * (r - v) ** 2 - 0.1 * h)
    loss.sum().backward()
    torch.testing.assert_close(v.grad, (v - r).detach())
    torch.testing.assert_close(log_p.grad, (v - r).detach())
    torch.testing.assert_close(h.grad, torch.full((5,), -0.1))
    assert r.grad is None
    with pytest.raises(ValueError, match=r"\(5,\) and target \(5, 1\)"):
        actor_critic(v, r[:, None], log_p, h)


def test_the_ratio_is_clipped_where_it_would_pay():
    """clipped_policy, closed form: four corners of ratio and advantage by hand; where the clip holds there is no gradient."""
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1])
    gain = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    now = ratio.log().requires_grad_()
    loss = clipped_policy(now, torch.zeros(5), gain)
    torch.testing.assert_close(loss, torch.tensor([-1.2, 1.5, -0.5, 0.8, -2.2]))
    loss.sum().backward()
    torch.testing.assert_close(now.grad, torch.tensor([0.0, 1.5, -0.5, 0.0, -2.2]))
    same = torch.zeros(3, requires_grad=True)
    clipped_policy(same, torch.zeros(3), torch.tensor([1.0, -1.0, 0.3])).sum().backward()
    torch.testing.assert_close(same.grad, -torch.tensor([1.0, -1.0, 0.3]))  # at the start it is the policy gradient
    with pytest.raises(ValueError, match=r"clip in \(0, 1\)"):
        clipped_policy(same, same, same, clip=0.0)


def test_soft_actor_ends_at_the_boltzmann_policy():
    """soft_actor, closed form: over enumerated actions its expectation is least at softmax(Q / temperature)."""
    q, logits = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64), torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for _ in range(500):
        log_p = logits.log_softmax(0)
        (slope,) = torch.autograd.grad((log_p.exp() * soft_actor(log_p, q, temperature=0.5)).sum(), logits)
        logits = (logits - slope).detach().requires_grad_()
    torch.testing.assert_close(logits.softmax(0), (q / 0.5).softmax(0), rtol=1e-3, atol=1e-3)


def test_temperature_moves_towards_the_wanted_entropy():
    """entropy_temperature, closed form: too sure a policy (entropy 1 below 2) raises it, too open a one lowers it; the policy feels nothing."""
    for log_p, direction in ((-1.0, -1), (-3.0, 1)):
        heat, p = torch.zeros((), requires_grad=True), torch.full((4,), log_p, requires_grad=True)
        entropy_temperature(p, heat, target_entropy=2.0).mean().backward()
        assert heat.grad.sign() == direction
        assert p.grad is None


def test_curiosity_by_hand():
    """curiosity, closed form: both parts in their shares; the features that came get no gradient from the guess."""
    guess, came, logits = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    action = torch.tensor([0, 4, 2, 2])
    loss = curiosity(guess, came, logits, action, forward=0.3)
    torch.testing.assert_close(loss, 0.15 * (guess - came).square().sum(1) + 0.7 * F.cross_entropy(logits, action, reduction="none"))
    loss.sum().backward()
    assert came.grad is None
    assert guess.grad.any()
    assert logits.grad.any()
