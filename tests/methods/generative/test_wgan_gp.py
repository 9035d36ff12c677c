"""The Wasserstein GAN: the loop by hand, a penalty for each item alone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.methods import WGANGP
from weft.methods.generative import wgan_gp


def networks():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 5)), nn.Sequential(nn.Linear(5, 16), nn.SiLU(), nn.Linear(16, 1))


def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(32, 5, generator=generator) for _ in range(4)]


def test_equals_the_loop_written_by_hand():
    """WGANGP, parity: weights after four steps of three critic updates are bit for bit those of an ordinary loop."""
    generator, critic = networks()
    method = WGANGP(copy.deepcopy(generator), copy.deepcopy(critic), 3, critic_steps=3)
    torch.manual_seed(5)
    fit(method, batches(), until=Steps(4))

    torch.manual_seed(5)
    of_generator = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9), fused=True)
    of_critic = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9), fused=True)
    for real in batches():
        for _ in range(3):
            with torch.no_grad():
                fake = generator(torch.randn(32, 3))
            on_real, on_fake = critic(real).flatten(), critic(fake).flatten()
            share = torch.rand(32)[:, None]
            between = (share * real + (1 - share) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            of_critic.zero_grad()
            (on_fake - on_real + 10.0 * (torch.linalg.vector_norm(slope, dim=1) - 1) ** 2).mean().backward()
            of_critic.step()
        of_generator.zero_grad()
        (-critic(generator(torch.randn(32, 3))).mean()).backward()
        of_generator.step()
    for hand, found in ((generator, method.generator), (critic, method.critic)):
        for key, value in hand.state_dict().items():
            assert torch.equal(found.state_dict()[key], value), key


def test_the_penalty_is_each_items_own(monkeypatch):
    """WGANGP, brute force: the critic's gradient on a batch is the mean of its gradients on the items one by one, given the same noise."""
    method, real = WGANGP(*networks(), 3), batches()[0][:6]
    noise, share = torch.randn(6, 3), torch.rand(6)
    penalty = wgan_gp.gradient_penalty

    def slopes(rows):
        monkeypatch.setattr(WGANGP, "noise", lambda self, like: noise[rows])
        monkeypatch.setattr(wgan_gp, "gradient_penalty", lambda critic, x, fake: penalty(critic, x, fake, share[rows]))
        method.zero_grad()
        method.critic_loss({"input": real[rows]}).value.backward()
        return torch.cat([p.grad.flatten() for p in method.critic.parameters() if p.grad is not None])

    alone = torch.stack([slopes(slice(i, i + 1)) for i in range(6)]).mean(0)
    torch.testing.assert_close(slopes(slice(0, 6)), alone, rtol=1e-4, atol=1e-6)


def test_a_critic_that_mixes_items_is_refused():
    generator, _ = networks()
    with pytest.raises(ValueError, match="batch norm at '1'"):
        WGANGP(generator, nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), 3)
    with pytest.raises(ValueError, match="at least 1"):
        WGANGP(*networks(), 3, critic_steps=0)


def test_the_average_is_what_generates():
    """WGANGP, property: the averaged generator follows, predicts and is deployed."""
    method = WGANGP(*networks(), 3, average=True)
    fit(method, batches(), until=Steps(2))
    assert method.deploy()["generate"] is method.average
    assert method.predict({"input": torch.zeros(6, 5)})["output"].shape == (6, 5)
    assert not torch.equal(method.average[0].weight, method.generator[0].weight)
