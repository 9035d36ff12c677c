"""The U-Net of diffusion."""

from __future__ import annotations

import pytest
import torch

from weft.losses import mse
from weft.models.generative import UNet


def woken(network):
    """The layers that begin at zero, given weights, so that outputs depend on everything."""
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.2)
    return network.eval()


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (8, 8), (9, 14), (28, 28), (32, 32)])
def test_any_size_comes_out_as_it_went_in(size):
    """Property: UNet keeps any size, also those that do not halve evenly."""
    network = woken(UNet(2, width=8))
    assert network(torch.randn(2, 2, *size), torch.tensor([1, 500])).shape == (2, 2, *size)


def test_begins_by_guessing_nothing():
    """Closed form: a fresh network predicts zero, the mean of noise."""
    assert not UNet(1, width=8)(torch.randn(2, 1, 8, 8), torch.tensor([1, 2])).any()


def test_time_and_class_matter_and_samples_do_not_couple():
    """Property: another time or class gives another output; no label means the extra class; a batch is its samples."""
    network, x = woken(UNet(1, width=8, num_classes=3)), torch.randn(2, 1, 8, 8)
    t, y = torch.tensor([10, 700]), torch.tensor([0, 2])
    out = network(x, t, y)
    assert not torch.allclose(out, network(x, t + 50, y), atol=1e-4)
    assert not torch.allclose(out, network(x, t, (y + 1) % 3), atol=1e-4)
    torch.testing.assert_close(network(x, t), network(x, t, torch.tensor([3, 3])))
    torch.testing.assert_close(out[1:], network(x[1:], t[1:], y[1:]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out, network(x, t.float(), y))


def test_learns_to_remove_noise():
    """Learned: of noise on two fixed pictures, at least three quarters of its variance, at both of two noise levels told by the time only."""
    network = UNet(1, width=8, multipliers=(1, 2))
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)
    pictures = torch.randn(2, 1, 8, 8)
    for _ in range(200):
        t, noise = torch.randint(0, 2, (32,)) * 500, torch.randn(32, 1, 8, 8)
        share = torch.where(t == 0, 0.5, 0.9)[:, None, None, None]
        x = (1 - share).sqrt() * pictures[torch.randint(0, 2, (32,))] + share.sqrt() * noise
        loss = mse(network(x, t), noise).flatten(1).mean(1)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    assert loss[t == 0].mean() < 0.25
    assert loss[t == 500].mean() < 0.25


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="no classes, but labels came"):
        UNet(1, width=8)(torch.randn(1, 1, 8, 8), torch.tensor([1]), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"UNet expects a tensor of shape \(B, 1, H, W\)"):
        UNet(1, width=8)(torch.randn(1, 3, 8, 8), torch.tensor([1]))
