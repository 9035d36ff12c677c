"""Style, content and perceptual losses: what is equal costs nothing, and who gets a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.losses import Perceptual, content, gram, gram_style, moment_style, total_variation


def test_gram_is_that_of_each_picture():
    """Brute force: gram of a batch is the double sum over places of each picture; gram_style its mean squared distance."""
    a, b = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 2)
    wanted = torch.stack([torch.stack([torch.stack([(x[i] * x[j]).sum() for j in range(3)]) for i in range(3)]) / (3 * x[0].numel()) for x in a])
    torch.testing.assert_close(gram(a), wanted)
    torch.testing.assert_close(gram_style(a, b), (gram(a) - gram(b)).square().mean((1, 2)))
    torch.testing.assert_close(gram_style(a, a.flip(3)), torch.zeros(2))  # style knows no places


def test_content_and_moments_by_hand():
    """Closed form: content is the mean squared difference, moment_style that of means and standard deviations; targets get no gradient."""
    a, b = torch.randn(2, 3, 4, 5, requires_grad=True), torch.randn(2, 3, 4, 5, requires_grad=True)
    torch.testing.assert_close(content(a, b), (a - b).square().mean((1, 2, 3)))
    m, n = a.flatten(2), b.flatten(2)
    wanted = ((m.mean(2) - n.mean(2)) ** 2 + (m.std(2, unbiased=False) - n.std(2, unbiased=False)) ** 2).mean(1)
    torch.testing.assert_close(moment_style(a, b), wanted, rtol=1e-4, atol=1e-5)
    (content(a, b) + moment_style(a, b) + gram_style(a, b)).sum().backward()
    assert b.grad is None and a.grad.any()
    with pytest.raises(ValueError, match="of one B and C"):
        gram_style(a, b[:, :2])


def test_total_variation_equals_kornia():
    """Parity: total_variation against kornia's sum; property: a constant costs 0, with gradient 0, isotropic too."""
    losses = pytest.importorskip("kornia.losses")
    x = torch.rand(2, 3, 5, 6)
    torch.testing.assert_close(total_variation(x) * 90, losses.total_variation(x, reduction="sum").sum(1))
    dy, dx = x.diff(dim=2)[..., :-1], x.diff(dim=3)[..., :-1, :]
    torch.testing.assert_close(total_variation(x, isotropic=True) * 90, (dx**2 + dy**2).sqrt().sum((1, 2, 3)))
    flat = torch.full((1, 1, 4, 4), 0.3, requires_grad=True)
    loss = total_variation(flat) + total_variation(flat, isotropic=True)
    loss.sum().backward()
    assert loss == 0 and not flat.grad.any()
    with pytest.raises(ValueError, match=r"pictures \(B, C, H, W\)"):
        total_variation(torch.zeros(2, 3))


def extractor():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU())


def test_perceptual_is_the_weighted_distance_of_named_layers():
    """Closed form: Perceptual over two layers with weights, absolute and squared, pictures normalised; zero for equal ones; by default the first four."""
    net = extractor()
    a, b = torch.rand(2, 3, 9, 9), torch.rand(2, 3, 9, 9)
    loss = Perceptual(net, {"2": 1.0, "4": 0.5}, mean=[0.4, 0.5, 0.6], deviation=[0.2, 0.3, 0.4])
    shift, scale = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    one, two = net[:3]((a - shift) / scale), net[:3]((b - shift) / scale)
    wanted = (one - two).abs().mean((1, 2, 3)) + 0.5 * (net[3:](one) - net[3:](two)).abs().mean((1, 2, 3))
    torch.testing.assert_close(loss(a, b), wanted)
    assert not loss(a, a).any()
    squared = Perceptual(net, ["2"], distance="mse")
    torch.testing.assert_close(squared(a, b), (net[:3](a) - net[:3](b)).square().mean((1, 2, 3)))
    assert list(Perceptual(net).weights) == ["0", "1", "2", "3"]
    torch.testing.assert_close(Perceptual(net, ["2"], compare=gram_style)(a, b), gram_style(net[:3](a), net[:3](b)))


def test_perceptual_leaves_its_extractor_alone():
    """Property: Perceptual's extractor keeps weights, statistics and eval mode, is not saved with the loss, and only the prediction gets a gradient."""
    net = extractor()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loss = Perceptual(net, ["2"]).train()
    a, b = torch.rand(2, 3, 9, 9, requires_grad=True), torch.rand(2, 3, 9, 9, requires_grad=True)
    loss(a, b).sum().backward()
    assert a.grad.any() and b.grad is None
    assert all(p.grad is None for p in net.parameters()) and not net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not list(loss.parameters()) and not loss.state_dict() and not net[2]._forward_hooks
    assert loss.double()(a.double(), b.double()).dtype == torch.float64


def test_unknown_layers_and_distances_are_named():
    with pytest.raises(ValueError, match=r"no layer \['9'\]; its first are \['0', '1'"):
        Perceptual(extractor(), ["9"])
    with pytest.raises(ValueError, match="unknown distance 'cosine'"):
        Perceptual(extractor(), distance="cosine")
