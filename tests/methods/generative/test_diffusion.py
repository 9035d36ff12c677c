"""Denoising diffusion: noise levels, the two samplers against their papers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.methods import Diffusion, DiffusionSampler
from weft.methods.generative import signal_left


class Known(nn.Module):
    """The best guess of the noise when every item is drawn from N(center, spread^2): in closed form."""

    def __init__(self, schedule, timesteps, center, spread):
        super().__init__()
        self.left, self.center, self.spread = signal_left(schedule, timesteps), center, spread
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x, t):
        left = self.left[t][:, None]
        return (1 - left).sqrt() * (x - left.sqrt() * self.center) / (left * self.spread**2 + 1 - left)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("timesteps", [100, 1000])
def test_signal_fades_from_nearly_all_to_nearly_none(schedule, timesteps):
    """Diffusion, closed form: betas lie in (0, 1) and rise; at 1,000 linear steps they are the paper's."""
    left = signal_left(schedule, timesteps).double()
    beta = 1 - left / torch.cat([torch.ones(1, dtype=torch.float64), left[:-1]])
    assert ((beta > 0) & (beta < 1)).all()
    assert (beta.diff() > -1e-5).all()
    assert left[0] > 0.99
    assert left[-1] < 1e-3
    if schedule == "linear" and timesteps == 1000:
        torch.testing.assert_close(beta.float(), torch.linspace(1e-4, 0.02, 1000), rtol=1e-2, atol=1e-5)
    if schedule == "cosine":
        angle = (torch.arange(1, timesteps + 1).double() / timesteps + 0.008) / 1.008 * math.pi / 2
        torch.testing.assert_close(left[:-1], (angle.cos() / math.cos(0.008 / 1.008 * math.pi / 2)).square()[:-1], rtol=1e-4, atol=1e-6)


def test_loss_is_the_error_of_the_guess():
    """Diffusion, closed form: for data at a single point the noise can be known, and the loss is zero; a guess of zero costs one."""
    x = torch.full((4096, 3), 0.5)
    assert float(Diffusion(Known("cosine", 50, 0.5, 0.0), timesteps=50).loss({"input": x}).value) < 1e-6

    class Zero(nn.Module):
        def forward(self, x, t):
            return torch.zeros_like(x)

    assert float(Diffusion(Zero(), timesteps=50).loss({"input": x}).value) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("num_steps", [1, 5, 50])
def test_ddim_lands_on_a_known_point(num_steps):
    """DiffusionSampler, closed form: where all data is one point, any number of steps leads there from any noise."""
    sampler = DiffusionSampler(Known("cosine", 50, 0.5, 0.0), timesteps=50, num_steps=num_steps)
    torch.testing.assert_close(sampler(torch.randn(6, 3)), torch.full((6, 3), 0.5), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_normal_data_is_drawn_again(eta):
    """DiffusionSampler, closed form: with the best guess for N(0.3, 0.2^2), samples have that mean and deviation."""
    sampler = DiffusionSampler(Known("cosine", 200, 0.3, 0.2), timesteps=200, num_steps=200, eta=eta, limit=None)
    with torch.no_grad():
        samples = sampler(torch.randn(4000, 2))
    assert float(samples.mean()) == pytest.approx(0.3, abs=0.02)
    assert float(samples.std()) == pytest.approx(0.2, rel=0.05)


def test_one_step_of_ddpm_is_the_papers(monkeypatch):
    """DiffusionSampler, parity: with eta=1 a step is equation 7 of Ho et al., the posterior q(x_{t-1} | x_t, x_0)."""
    sampler = DiffusionSampler(nn.Identity(), timesteps=40, schedule="linear", num_steps=40, eta=1.0, limit=None)
    x, guess, noise = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 3)
    monkeypatch.setattr(torch, "randn_like", lambda like: noise)
    left = sampler.left.double()
    for t in (39, 20, 1):
        a, before = left[t], left[t - 1]
        beta = 1 - a / before
        x0 = (x - (1 - a).sqrt() * guess) / a.sqrt()
        mean = before.sqrt() * beta / (1 - a) * x0 + (1 - beta).sqrt() * (1 - before) / (1 - a) * x
        expected = mean + ((1 - before) / (1 - a) * beta).sqrt() * noise
        torch.testing.assert_close(sampler.jump(x, guess, t, t - 1), expected.float(), rtol=1e-3, atol=1e-4)


def test_the_sampler_is_a_function_of_the_noise_and_stays_in_range():
    """DiffusionSampler, property: DDIM repeats itself; the guess of the picture is clamped on the way."""
    torch.manual_seed(0)

    class Wild(nn.Module):
        def forward(self, x, t):
            return 30 * torch.sin(x)

    sampler = DiffusionSampler(Wild(), timesteps=20, num_steps=4)
    noise = torch.randn(4, 3)
    assert torch.equal(sampler(noise), sampler(noise))
    assert sampler(noise).abs().max() <= 1.0 + 1e-5
    with pytest.raises(ValueError, match="1 to 20"):
        DiffusionSampler(Wild(), timesteps=20, num_steps=21)
    with pytest.raises(ValueError, match="cosine"):
        signal_left("cosin", 10)


def test_labels_reach_the_network_and_specs_the_sampler():
    """Diffusion, contract: a conditional network is told the label in training and sampling; the sampler says how it was made."""
    seen = []

    class Told(nn.Linear):
        def forward(self, x, t, label):
            seen.append(label)
            return super().forward(x)

    method = Diffusion(Told(3, 3), timesteps=10, num_steps=2, conditional=True)
    batch = {"input": torch.zeros(4, 3), "target": torch.arange(4)}
    fit(method, [batch], until=Steps(1))
    assert method.predict(batch)["output"].shape == (4, 3)
    assert len(seen) == 3
    assert all(torch.equal(label, batch["target"]) for label in seen)
    method.average._weft_spec = {"own": "mine:Told", "args": {}}
    sampler = method.deploy()["generate"]
    assert sampler.network is method.average
    assert sampler._weft_spec["args"]["network"] == {"own": "mine:Told", "args": {}}
