"""Restoration losses by their formulas, by other libraries and by loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, charbonnier, cross_entropy, deep_supervision, frequency, l1, mse, patch_mse, pyramid, temporal_consistency


def test_charbonnier_by_its_formula_and_kornia():
    """Parity: charbonnier against kornia's, which has epsilon 1; closed form for small epsilons."""
    losses = pytest.importorskip("kornia.losses")
    a, b = torch.randn(20), torch.randn(20)
    torch.testing.assert_close(charbonnier(a, b, epsilon=1.0), losses.charbonnier_loss(a, b))
    torch.testing.assert_close(charbonnier(a, b), ((a - b) ** 2 + 1e-6).sqrt() - 1e-3, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="epsilon > 0"):
        charbonnier(a, b, epsilon=0.0)


def test_frequency_equals_numpy():
    """Parity: frequency against NumPy's transform; closed form: focused on hard frequencies; Parseval: unfocused squares are those of pixels."""
    a, b = torch.rand(2, 3, 4, 6, dtype=torch.float64), torch.rand(2, 3, 4, 6, dtype=torch.float64)
    spectrum = np.abs(np.fft.fft2((a - b).numpy(), norm="ortho"))
    torch.testing.assert_close(frequency(a, b), torch.from_numpy(spectrum.mean((1, 2, 3))))
    weight = spectrum / spectrum.max((2, 3), keepdims=True)
    torch.testing.assert_close(frequency(a, b, focus=1.0), torch.from_numpy((weight * spectrum**2).mean((1, 2, 3))))
    assert (spectrum**2).mean() == pytest.approx((a - b).square().mean().item())


def test_masked_patches_equal_the_loop():
    """Brute force: patch_mse over hidden patches alone, patch by patch, normalised too; patches that were seen get no gradient."""
    guess, true = torch.randn(2, 5, 7, requires_grad=True), torch.randn(2, 5, 7)
    hidden = torch.tensor([[True, False, True, False, False], [False, True, True, True, False]])
    for normalize in (False, True):
        values = []
        for row, patch in hidden.nonzero().tolist():
            goal = true[row, patch]
            goal = (goal - goal.mean()) / (goal.var() + 1e-6).sqrt() if normalize else goal
            values.append((guess[row, patch] - goal).square().mean())
        loss = Loss.mean(patch_mse(guess, true, normalize=normalize), hidden).value
        torch.testing.assert_close(loss, torch.stack(values).mean())
    loss.backward()
    assert not guess.grad[~hidden].any() and guess.grad[hidden].all()


def test_pyramids_are_the_sum_of_their_bands():
    """Closed form: pyramid of three levels from bands made one by one; a constant difference is in the coarsest alone."""
    a, b = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)

    def bands(x):
        found = []
        for _ in range(2):
            small = F.avg_pool2d(x, 2)
            found.append(x - F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False))
            x = small
        return [*found, x]

    wanted = sum(2**i * (x - y).abs().mean((1, 2, 3)) for i, (x, y) in enumerate(zip(bands(a), bands(b))))
    torch.testing.assert_close(pyramid(a, b), wanted)
    torch.testing.assert_close(pyramid(a + 0.5, a), torch.full((2,), 2.0))
    with pytest.raises(ValueError, match=r"sides >= 4; got \(2, 3, 3, 3\)"):
        pyramid(a[..., :3, :3], b[..., :3, :3])


def test_deep_supervision_is_the_sum_of_its_parts():
    """Closed form: main plus 0.4 of each other; smaller outputs meet a smaller target; fading weights."""
    logits, small, target = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 3, 3), torch.randint(0, 4, (2, 6, 6))
    found = deep_supervision(cross_entropy, [logits, small, logits], target)
    parts = [cross_entropy(logits, target).mean((1, 2)), cross_entropy(small, target[:, ::2, ::2]).mean((1, 2))]
    torch.testing.assert_close(found, 1.4 * parts[0] + 0.4 * parts[1])
    picture, half = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 2, 2)
    for w in (0.0, 0.3, 1.0):
        fading = deep_supervision(mse, [picture, half], torch.ones(2, 3, 4, 4), (w, 1 - w))
        torch.testing.assert_close(fading, w * (picture - 1).square().mean((1, 2, 3)) + (1 - w) * (half - 1).square().mean((1, 2, 3)))
    with pytest.raises(ValueError, match="2 outputs and 1 weights"):
        deep_supervision(l1, [picture, picture], picture, (1.0,))


def test_a_rigid_shift_with_the_right_flow_costs_nothing():
    """Property: temporal_consistency of a picture moved by whole pixels is 0 with its flow, more with a wrong one; what was outside or hidden costs 0."""
    before = torch.rand(1, 2, 6, 7)
    now = before.roll((1, 2), (2, 3))
    flow = torch.tensor([-2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 6, 7)
    found = temporal_consistency(now, before, flow)
    assert found.max() < 1e-5
    assert temporal_consistency(now, before, -flow).max() > 0.1
    assert not temporal_consistency(now + 1, before, flow)[0, 0].any()
    hidden = torch.zeros(1, 6, 7, dtype=torch.bool)
    assert not temporal_consistency(now + 1, before, flow, keep=hidden).any()
    with pytest.raises(ValueError, match=r"flow \(B, 2, H, W\)"):
        temporal_consistency(now, before, flow[:, :1])
