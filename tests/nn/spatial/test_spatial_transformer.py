"""The spatial transformer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import SpatialTransformer


class Told(nn.Module):
    """A localisation that says what it was told."""

    def __init__(self, *numbers):
        super().__init__()
        self.numbers = torch.tensor(numbers)

    def forward(self, x):
        return self.numbers.to(x.dtype).expand(len(x), -1)


def telling(kind, *numbers, padding="zeros"):
    """A transformer whose localisation says exactly these numbers."""
    layer = SpatialTransformer(Told(*numbers), len(numbers), kind, padding=padding)
    with torch.no_grad():
        layer.head.weight.copy_(torch.eye(len(numbers)))
    return layer


@pytest.mark.parametrize(("kind", "count"), [("affine", 6), ("attention", 3), ("translation", 2)])
def test_it_begins_as_the_identity(kind, count):
    """Property: SpatialTransformer (spatial_transformer) returns its input at the beginning, whatever is told."""
    x = torch.rand(2, 3, 7, 6)
    layer = SpatialTransformer(Told(*torch.randn(count).tolist()), count, kind)
    torch.testing.assert_close(layer(x), x, atol=1e-5, rtol=1e-5)
    assert layer(x, (4, 9)).shape == (2, 3, 4, 9)


def test_known_transformations_are_torchs_and_hand_made():
    """Parity: a turn and scaling against affine_grid and grid_sample; a shift by one pixel moves the picture by one pixel; a quarter turn turns it."""
    x, angle = torch.rand(1, 2, 6, 6), 0.3
    wanted = torch.tensor([[[0.8 * math.cos(angle), -math.sin(angle), 0.1], [math.sin(angle), 0.9, -0.2]]])
    told = (wanted[0] - torch.eye(2, 3)).flatten().tolist()
    expected = F.grid_sample(x, F.affine_grid(wanted, [1, 2, 6, 6], align_corners=False), align_corners=False, padding_mode="border")
    torch.testing.assert_close(telling("affine", *told, padding="border")(x), expected, atol=1e-5, rtol=1e-5)
    moved = telling("translation", 2 / 6, 0.0)(x)
    torch.testing.assert_close(moved[..., :-1], x[..., 1:], atol=1e-5, rtol=1e-5)
    assert moved[..., -1].abs().max() < 1e-5
    turned = telling("affine", -1.0, -1.0, 0.0, 1.0, -1.0, 0.0)(x)
    torch.testing.assert_close(turned, torch.rot90(x, 1, (2, 3)), atol=1e-5, rtol=1e-5)
    half = telling("attention", 1.0, 0.0, 0.0)(x)
    torch.testing.assert_close(half, F.grid_sample(x, F.affine_grid(torch.tensor([[[2.0, 0, 0], [0, 2.0, 0]]]), [1, 2, 6, 6], align_corners=False),
                                                   align_corners=False), atol=1e-5, rtol=1e-5)


def test_gradients_reach_the_picture_and_what_is_told():
    """Property: gradcheck in float64, away from the pixels' centres."""
    localise = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 3))
    layer = SpatialTransformer(localise, 3).double()
    with torch.no_grad():
        layer.head.weight.normal_(std=0.1)
        layer.head.bias.normal_(std=0.1)
    x = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: layer(x), (x, layer.head.weight))


def test_it_learns_to_undo_a_shift():
    """Learned: bars that stand anywhere are brought to the centre column; the squared error falls to less than a tenth of that without the layer."""
    torch.manual_seed(0)
    places = torch.randint(4, 9, (256,))
    x = torch.zeros(256, 1, 13, 13)
    x[torch.arange(256), :, :, places] = 1
    for _ in range(2):                                                                    # smooth, so that there is a slope to follow
        x = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), "replicate"), 5, 1)
    target = x[places == 6][0].expand_as(x)
    layer = SpatialTransformer(nn.Sequential(nn.Flatten(), nn.Linear(169, 16), nn.Tanh()), 16, "translation", padding="border")
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        (layer(x) - target).square().mean().backward()
        optimizer.step()
    assert (layer(x) - target).square().mean() < 0.1 * (x - target).square().mean()


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"what localise gives\) expects a tensor of shape \(B, 5\); got \(2, 3\)"):
        SpatialTransformer(Told(1.0, 2.0, 3.0), 5)(torch.zeros(2, 1, 4, 4))
    with pytest.raises(ValueError, match=r"Unknown kind 'afine'. Did you mean 'affine'"):
        SpatialTransformer(Told(1.0), 1, "afine")
    with pytest.raises(ValueError, match=r"Unknown padding 'zero'. Did you mean 'zeros'"):
        SpatialTransformer(Told(1.0), 1, padding="zero")
