"""The small convolutional classifier of sounds."""

from __future__ import annotations

import pytest
import torch

from weft.losses import cross_entropy
from weft.models.audio import SoundCNN


def test_the_averages_are_of_equal_parts():
    """Closed form: with one convolution that passes band 0 on, SoundCNN's logit k is the mean of the k-th part of every second frame."""
    network = SoundCNN(2, 4, width=1, depth=1, parts=4).eval()
    with torch.no_grad():
        network.features[0].weight.copy_(torch.tensor([[[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]]).float())
        network.features[1].eps = 0.0
        network.head.weight.copy_(torch.eye(4))
        network.head.bias.zero_()
    x = torch.rand(3, 2, 16)
    assert torch.allclose(network(x), x[:, 0, ::2].unflatten(1, (4, 2)).mean(2), atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 7, 64])
def test_any_number_of_frames_will_do(frames):
    assert SoundCNN(5, 3, depth=3)(torch.rand(2, 5, frames)).shape == (2, 3)


def test_it_learns_whether_a_tone_rises_or_falls():
    """Learned: rising and falling lines in a noisy spectrogram, which no average over time can tell (chance 0.5)."""
    torch.manual_seed(0)

    def sounds(count):
        up, start = torch.randint(0, 2, (count,)), torch.randint(0, 8, (count,))
        x = 0.3 * torch.randn(count, 16, 24)
        time = torch.arange(24)
        band = (start[:, None] + torch.where(up[:, None] == 1, time, 23 - time) // 3) % 16
        return x.scatter_add(1, band[:, None, :], torch.ones(count, 1, 24)), up

    network = SoundCNN(16, 2, width=16)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(60):
        x, y = sounds(64)
        optimizer.zero_grad()
        cross_entropy(network(x), y).mean().backward()
        optimizer.step()
    x, y = sounds(400)
    assert (network.eval()(x).argmax(1) == y).float().mean() > 0.9


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="SoundCNN"):
        SoundCNN(40, 10)(torch.rand(2, 39, 60))
    with pytest.raises(ValueError, match=r"width=0.*sizes from 1"):
        SoundCNN(40, 10, width=0)
