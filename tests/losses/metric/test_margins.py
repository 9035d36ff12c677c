"""Margin softmaxes and proxies against pytorch-metric-learning and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Centres, Loss, Proxies, arcface, cosface, proxy_anchor, proxy_nca, sphereface


def shared(kind, **options):
    """One of their losses with its weights, our proxies with the same, embeddings and labels."""
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning import losses

    theirs = getattr(losses, kind)(num_classes=4, embedding_size=5, **options)
    weights = theirs.proxies if hasattr(theirs, "proxies") else theirs.W.T
    mine = Proxies(4, 5)
    with torch.no_grad():
        mine.weight.copy_(weights[:, None])
    return theirs, mine, torch.randn(12, 5), torch.arange(12) % 3


def test_arcface_equals_pytorch_metric_learning():
    """arcface, parity: ArcFaceLoss with 0.5 radians and scale 64."""
    theirs, proxies, x, y = shared("ArcFaceLoss", margin=math.degrees(0.5), scale=64)
    torch.testing.assert_close(Loss.mean(arcface(proxies(x), y)).value, theirs(x, y), rtol=1e-4, atol=1e-4)


def test_cosface_equals_pytorch_metric_learning():
    """cosface, parity: CosFaceLoss."""
    theirs, proxies, x, y = shared("CosFaceLoss", margin=0.35, scale=64)
    torch.testing.assert_close(Loss.mean(cosface(proxies(x), y)).value, theirs(x, y), rtol=1e-4, atol=1e-4)


def test_sphereface_equals_pytorch_metric_learning():
    """sphereface, parity: SphereFaceLoss, whose scale is each embedding's length, here 3."""
    theirs, proxies, x, y = shared("SphereFaceLoss", margin=4, scale=1)
    x = 3 * F.normalize(x, dim=1)
    torch.testing.assert_close(Loss.mean(sphereface(proxies(x), y, scale=3.0)).value, theirs(x, y), rtol=1e-4, atol=1e-4)


def test_proxy_losses_equal_pytorch_metric_learning():
    """proxy_nca and proxy_anchor, parity: ProxyNCALoss with softmax scale 9, the square of ours, and ProxyAnchorLoss, one class absent."""
    theirs, proxies, x, y = shared("ProxyNCALoss", softmax_scale=9)
    torch.testing.assert_close(Loss.mean(proxy_nca(proxies(x), y)).value, theirs(x, y), rtol=1e-4, atol=1e-4)
    theirs, proxies, x, y = shared("ProxyAnchorLoss", margin=0.1, alpha=32)
    torch.testing.assert_close(Loss.mean(proxy_anchor(proxies(x), y)).value, theirs(x, y), rtol=1e-4, atol=1e-4)


def test_without_margin_they_are_the_scaled_softmax():
    """arcface, cosface and sphereface, closed form: no margin (for sphereface: times one) is cross-entropy of the scaled cosines."""
    cosines, y = 1.8 * torch.rand(6, 4) - 0.9, torch.arange(6) % 4
    wanted = F.cross_entropy(30 * cosines, y, reduction="none")
    for loss, none in ((arcface, 0.0), (cosface, 0.0), (sphereface, 1)):
        torch.testing.assert_close(loss(cosines, y, margin=none, scale=30.0), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", [arcface, cosface, sphereface])
def test_the_loss_falls_with_the_own_cosine_everywhere(loss):
    """Property: from opposite to equal, also where an angle plus its margin passes half a turn, a better cosine never costs more."""
    own = torch.linspace(-1, 1, 401, dtype=torch.float64)
    cosines = torch.stack([own, torch.zeros_like(own)], 1).requires_grad_()
    cost = loss(cosines, torch.zeros(401, dtype=torch.long), scale=8.0)
    assert (cost.diff() <= 1e-9).all()
    cost.sum().backward()
    assert cosines.grad.isfinite().all()


def test_sub_centres_take_the_nearest():
    """Proxies, closed form: the class's cosine is the largest of its sub-centres', and only that one learns."""
    proxies = Proxies(2, 3, sub_centres=3)
    x = torch.randn(1, 3)
    each = F.cosine_similarity(x[:, None, None], proxies.weight[None], dim=3)
    torch.testing.assert_close(proxies(x), each.max(2).values)
    proxies(x)[0, 0].backward()
    assert proxies.weight.grad.abs().sum(2).bool().sum() == 1
    with pytest.raises(ValueError, match="at least 1"):
        Proxies(0, 3)


def test_centres_move_to_the_means():
    """Centres, closed form: half squared distances; descending their mean ends at the class means."""
    x, y = torch.randn(20, 3), torch.arange(20) % 2
    centres = Centres(2, 3)
    torch.testing.assert_close(centres(x, y), 0.5 * (x - centres.weight[y]).square().sum(1))
    optimizer = torch.optim.SGD(centres.parameters(), lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        centres(x, y).mean().backward()
        optimizer.step()
    torch.testing.assert_close(centres.weight.detach(), torch.stack([x[y == c].mean(0) for c in range(2)]), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.1"):
        centres(x, y + 1)
    with pytest.raises(ValueError, match="3 dimensions"):
        centres(x[:, :2], y)


def test_errors_teach():
    with pytest.raises(ValueError, match=r"cosines \(B, C\) and classes \(B,\); got \(2, 3\) and \(3,\)"):
        arcface(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"3 classes, so targets lie in 0\.\.2; got 5"):
        cosface(torch.zeros(2, 3), torch.tensor([0, 5]))
    with pytest.raises(ValueError, match="scale > 0"):
        proxy_nca(torch.zeros(2, 3), torch.tensor([0, 1]), scale=0)
    with pytest.raises(ValueError, match="whole margin"):
        sphereface(torch.zeros(2, 3), torch.tensor([0, 1]), margin=0)
