"""The picture critic."""

from __future__ import annotations

import pytest
import torch

from weft.losses import gradient_penalty, wasserstein_critic
from weft.models.generative import ConvCritic


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (28, 28)])
def test_one_score_a_picture_of_any_size(size):
    """Property: ConvCritic scores each picture alone: the batch does not matter, in training mode too."""
    critic, x = ConvCritic(2, width=4), torch.rand(3, 2, *size)
    scores = critic(x)
    assert scores.shape == (3,)
    torch.testing.assert_close(scores[1:2], critic(x[1:2]), rtol=1e-4, atol=1e-5)


def test_learns_to_tell_with_a_slope_near_one():
    """Learned: with the gradient penalty it scores bright pictures at least 1 above dark ones, its slope between them near 1."""
    critic = ConvCritic(1, width=8)
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.9))
    for _ in range(80):
        real, fake = 0.6 + 0.4 * torch.rand(32, 1, 8, 8), 0.4 * torch.rand(32, 1, 8, 8)
        loss = (wasserstein_critic(critic(real), critic(fake)) + 10 * gradient_penalty(critic, real, fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (critic(real) - critic(fake)).mean() > 1
    assert gradient_penalty(critic, real, fake).mean() < 0.1


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"ConvCritic expects a tensor of shape \(B, 1, H, W\)"):
        ConvCritic(1)(torch.rand(2, 3, 8, 8))
