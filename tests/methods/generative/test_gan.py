"""The GAN: bit for bit the loop that one would write by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.losses import non_saturating_critic, non_saturating_generator
from weft.methods import GAN


def networks():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5))
    critic = nn.Sequential(nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return generator, critic


def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(32, 5, generator=generator) for _ in range(7)]


@pytest.mark.parametrize("critic_steps", [1, 3])
def test_equals_the_loop_written_by_hand(critic_steps):
    """GAN, parity: weights, buffers and average after seven steps are bit for bit those of an ordinary loop."""
    generator, critic = networks()
    method = GAN(copy.deepcopy(generator), copy.deepcopy(critic), 3, critic_steps=critic_steps, average=True)
    torch.manual_seed(5)
    fit(method, batches(), until=Steps(7))

    torch.manual_seed(5)
    average = copy.deepcopy(generator)
    of_generator = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
    of_critic = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
    for step, real in enumerate(batches(), 1):
        for _ in range(critic_steps):
            of_critic.zero_grad()
            with torch.no_grad():
                fake = generator(torch.randn(32, 3))
            non_saturating_critic(critic(real), critic(fake)).mean().backward()
            of_critic.step()
        of_generator.zero_grad()
        non_saturating_generator(critic(generator(torch.randn(32, 3)))).mean().backward()
        of_generator.step()
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), generator.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
            for slow, fast in zip(average.buffers(), generator.buffers(), strict=True):
                slow.copy_(fast)
    for name, hand in (("generator", generator), ("critic", critic), ("average", average)):
        found = method.get_submodule(name).state_dict()
        for key, value in hand.state_dict().items():
            assert torch.equal(found[key], value), f"{name}.{key}"


def test_the_average_is_what_generates():
    """GAN, property: the averaged generator predicts and is deployed; without one, the generator itself."""
    plain, averaged = GAN(*networks(), 3), GAN(*networks(), 3, average=True)
    assert plain.deploy()["generate"] is plain.generator
    assert averaged.deploy()["generate"] is averaged.average
    noise = torch.randn(4, 3)
    expected = averaged.average.eval()(noise)
    torch.testing.assert_close(averaged.predict({"noise": noise})["output"], expected)
    assert plain.predict({"input": torch.zeros(6, 5)})["output"].shape == (6, 5)


def test_two_modes_are_found():
    """GAN, learned: two lumps on a line get samples near both, and few between."""
    generator = torch.Generator().manual_seed(0)
    lumps = [2.0 * torch.randint(0, 2, (64, 1), generator=generator) - 1 + 0.1 * torch.randn(64, 1, generator=generator) for _ in range(20)]
    torch.manual_seed(0)
    method = GAN(nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1)), nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)), 2, average=True)
    from weft.engine import Update
    from weft.optim import EMA, adam

    rate = adam(2e-3, betas=(0.5, 0.999))
    fit(method, lumps, {"critic": Update(rate), "generator": Update(rate, after=[EMA("average", "generator", 0.99)])}, until=Steps(1500))
    samples = method.predict({"noise": torch.randn(500, 2)})["output"]
    assert ((samples + 1).abs() < 0.5).float().mean() > 0.2
    assert ((samples - 1).abs() < 0.5).float().mean() > 0.2
    assert (samples.abs() < 0.5).float().mean() < 0.3


def test_wrong_numbers_are_said():
    with pytest.raises(ValueError, match="at least 1"):
        GAN(*networks(), 3, critic_steps=0)
