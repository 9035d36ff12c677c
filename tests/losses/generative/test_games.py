"""Games by their optimum values and slopes."""

from __future__ import annotations

import math

import pytest
import torch

from weft.losses import (
    least_squares_critic,
    least_squares_generator,
    non_saturating_critic,
    non_saturating_generator,
    relativistic_critic,
    relativistic_generator,
    saturating_generator,
    smoothed_critic,
)


def test_minimax_at_its_optimum_and_far_from_it():
    """saturating_generator, closed form: the value of the game at D = 1/2 is -log 4; at D near 0 its slope dies while the other form's is -1."""
    zero = torch.zeros(1)
    assert -non_saturating_critic(zero, zero).item() == pytest.approx(-math.log(4))
    slopes = []
    for loss in (saturating_generator, non_saturating_generator):
        fake = torch.tensor([-20.0], requires_grad=True)
        loss(fake).sum().backward()
        slopes.append(fake.grad.item())
    assert slopes[0] == pytest.approx(-1 / (1 + math.exp(20)), rel=1e-4)
    assert slopes[1] == pytest.approx(-1.0)
    torch.testing.assert_close(saturating_generator(torch.tensor([0.3])), (1 - torch.tensor([0.3]).sigmoid()).log())


def test_smoothing_moves_the_best_answer_for_real_items_only():
    """smoothed_critic, closed form: the best logit for a real item is log(0.9 / 0.1); nothing changes for fakes; without smoothing it is the plain one."""
    real = torch.tensor([math.log(9.0)], requires_grad=True)
    fake = torch.tensor([0.7], requires_grad=True)
    smoothed_critic(real, fake).sum().backward()
    assert real.grad.item() == pytest.approx(0, abs=1e-6)
    assert fake.grad.item() == pytest.approx(torch.tensor(0.7).sigmoid().item())
    a, b = torch.randn(2, 5)
    torch.testing.assert_close(smoothed_critic(a, b, smoothing=0), non_saturating_critic(a, b))
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        smoothed_critic(a, b, smoothing=1.0)


def test_least_squares_optimum_is_the_weighed_mean():
    """least_squares_critic and least_squares_generator, closed form: the best score where real has density p and fake q is (b p + a q) / (p + q)."""
    p, q, a, b = 0.3, 0.9, -1.0, 1.0
    score = torch.tensor([(b * p + a * q) / (p + q)], requires_grad=True)
    yes, no = least_squares_critic(score, score.detach(), real_value=b, fake_value=a), least_squares_critic(score.detach(), score, real_value=b, fake_value=a)
    (p * yes + q * no).sum().backward()
    assert score.grad.item() == pytest.approx(0, abs=1e-6)
    assert least_squares_generator(torch.tensor([3.0]), wanted=1.0).item() == 2.0


def test_relativistic_average_by_hand():
    """relativistic_critic and relativistic_generator, closed form: ESRGAN's formula written with sigmoids; both logits move for both players; 2 log 2 at chance."""
    real, fake = torch.randn(5, requires_grad=True), torch.randn(5, requires_grad=True)
    wanted = -(real - fake.mean()).sigmoid().log() - (1 - (fake - real.mean()).sigmoid()).log()
    torch.testing.assert_close(relativistic_critic(real, fake), wanted)
    wanted = -(1 - (real - fake.mean()).sigmoid()).log() - (fake - real.mean()).sigmoid().log()
    loss = relativistic_generator(fake, real)
    torch.testing.assert_close(loss, wanted)
    loss.mean().backward()
    assert real.grad.any()
    assert fake.grad.any()
    assert relativistic_critic(torch.zeros(3), torch.zeros(3)).tolist() == pytest.approx([2 * math.log(2)] * 3)
