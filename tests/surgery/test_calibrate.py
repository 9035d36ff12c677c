"""Calibration: a planted temperature is found, decisions stay, the error falls."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.metrics.calibration import expected_calibration_error
from weft.surgery import calibrate


def planted(count=20_000, classes=5, temperature=2.5):
    """Logits that are too sure by a factor, of labels drawn from the right probabilities."""
    right = 2 * torch.randn(count, classes)
    return right * temperature, torch.multinomial(right.softmax(1), 1).squeeze(1)


def ece(logits, target):
    confidence, guess = logits.softmax(1).max(1)
    return expected_calibration_error(confidence, guess == target).item()


def test_recovers_a_planted_temperature():
    """Property: calibrate finds the factor within 3 %; the calibration error of other data falls to a fifth; no decision changes."""
    logits, target = planted()
    scaled = calibrate(nn.Identity(), logits[:10_000], target[:10_000])
    assert scaled.temperature == pytest.approx(2.5, rel=0.03)
    other, truth = logits[10_000:], target[10_000:]
    assert ece(scaled(other), truth) < 0.2 * ece(other, truth)
    assert torch.equal(scaled(other).argmax(1), other.argmax(1))


def test_is_the_least_cross_entropy():
    """Brute force: no temperature of a fine grid is better than that of calibrate."""
    logits, target = planted(500)
    best = F.cross_entropy(calibrate(nn.Identity(), logits, target)(logits), target)
    assert all(F.cross_entropy(logits / t, target) >= best - 1e-6 for t in torch.linspace(0.5, 6, 200))


def test_vector_scaling_recovers_scales_and_shifts():
    """Property: calibrate by vectors finds a scale and a shift for each class and is never worse than one temperature."""
    right, scale, shift = 2 * torch.randn(30_000, 3), torch.tensor([0.5, 1.0, 2.0]), torch.tensor([1.0, 0.0, -1.0])
    target = torch.multinomial(right.softmax(1), 1).squeeze(1)
    logits = (right - shift) / scale
    scaled = calibrate(nn.Identity(), logits, target, form="vector")
    torch.testing.assert_close(scaled.scale, scale, rtol=0.06, atol=0.05)
    torch.testing.assert_close(scaled.shift, shift, rtol=0.06, atol=0.08)
    assert F.cross_entropy(scaled(logits), target) < F.cross_entropy(calibrate(nn.Identity(), logits, target)(logits), target)
    with pytest.raises(ValueError, match="not one temperature"):
        _ = scaled.temperature


def test_the_network_is_kept_and_its_scale_saved():
    """Property: weights are shared, not copied or changed; scale and shift travel with the state; pictures of logits too."""
    net = nn.Conv2d(2, 3, 1)
    before = net.weight.clone()
    scaled = calibrate(net, torch.randn(50, 3), torch.arange(50) % 3)
    assert scaled.network is net and torch.equal(net.weight, before)
    assert {"scale", "shift"} <= scaled.state_dict().keys() and not scaled.scale.requires_grad
    x = torch.randn(2, 2, 4, 4)
    torch.testing.assert_close(scaled(x), net(x) / scaled.temperature)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="every answer is right"):
        calibrate(nn.Identity(), torch.eye(3), torch.arange(3))
    with pytest.raises(ValueError, match="unknown form 'matrix'"):
        calibrate(nn.Identity(), torch.eye(3), torch.arange(3), form="matrix")
    with pytest.raises(ValueError, match=r"got \(3, 3\) and \(2,\)"):
        calibrate(nn.Identity(), torch.eye(3), torch.arange(2))
