"""Depth losses by their formulas and against kornia."""

from __future__ import annotations

import pytest
import torch

from weft.losses import Loss, edge_aware_smoothness, least_reprojection, photometric, reverse_huber, scale_invariant_log
from weft.losses.dense.structure import similarity_map


def test_scale_invariance():
    """Closed form: scale_invariant_log is Eigen's formula; property: with share 1 a factor changes nothing; masked pixels count nowhere."""
    guess, true = 0.5 + torch.rand(2, 4, 5), 0.5 + torch.rand(2, 4, 5)
    d = (guess.log() - true.log()).flatten(1)
    torch.testing.assert_close(scale_invariant_log(guess, true, share=0.85), d.square().mean(1) - 0.85 * d.mean(1) ** 2)
    torch.testing.assert_close(scale_invariant_log(7 * guess, true, share=1.0), d.var(1, unbiased=False), rtol=1e-3, atol=1e-5)
    keep = torch.rand(1, 20) > 0.4
    found = scale_invariant_log(guess.view(2, 20)[:1], true.view(2, 20)[:1].where(keep, 0.0), mask=keep)
    torch.testing.assert_close(found, scale_invariant_log(guess.view(2, 20)[:1][keep][None], true.view(2, 20)[:1][keep][None]))


def test_reverse_huber_by_its_formula():
    """Closed form: reverse_huber is |e| below c and (e^2 + c^2) / 2c above, c a fifth of the largest; continuous there, steeper beyond."""
    error = torch.tensor([[0.1, 0.2, -0.5, 1.0], [0.0, 0.0, 0.0, 0.0]], requires_grad=True)
    found = reverse_huber(error, torch.zeros(2, 4))
    torch.testing.assert_close(found[0], torch.tensor([0.1, 0.2, (0.25 + 0.04) / 0.4, 1.04 / 0.4]))
    found.sum().backward()
    torch.testing.assert_close(error.grad, torch.tensor([[1.0, 1.0, -2.5, 5.0], [0.0, 0.0, 0.0, 0.0]]))
    masked = reverse_huber(torch.tensor([[0.1, 9.0]]), torch.zeros(1, 2), mask=torch.tensor([[True, False]]))
    torch.testing.assert_close(masked, reverse_huber(torch.tensor([[0.1, 0.0]]), torch.zeros(1, 2)))
    with pytest.raises(ValueError, match="share > 0"):
        reverse_huber(error, error, share=0.0)


def test_smoothness_equals_kornia():
    """Parity: edge_aware_smoothness against inverse_depth_smoothness_loss; property: a map may change where the picture does."""
    losses = pytest.importorskip("kornia.losses")
    depth, picture = torch.rand(2, 1, 6, 7), torch.rand(2, 3, 6, 7)
    torch.testing.assert_close(edge_aware_smoothness(depth, picture).mean(), losses.inverse_depth_smoothness_loss(depth, picture))
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1.0
    assert edge_aware_smoothness(step, 10 * step) < 0.01 * edge_aware_smoothness(step, torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"got prediction \(1, 1, 4, 4\) and target \(1, 3, 4, 5\)"):
        edge_aware_smoothness(step, torch.zeros(1, 3, 4, 5))


def test_photometric_by_its_parts():
    """Closed form: photometric is 0.85 (1 - SSIM) / 2 + 0.15 |difference|."""
    a, b = torch.rand(2, 3, 6, 6), torch.rand(2, 3, 6, 6)
    wanted = (0.85 * (1 - similarity_map(a, b)) / 2 + 0.15 * (a - b).abs()).mean(1)
    torch.testing.assert_close(photometric(a, b), wanted)
    torch.testing.assert_close(photometric(a, b, share=0.0), (a - b).abs().mean(1))


def test_the_least_view_counts_and_what_does_not_move_is_dropped():
    """Brute force: the least over views pixel by pixel; the mask keeps where warping helped; without still views everything."""
    warped, still = torch.rand(3, 2, 4, 4), torch.rand(3, 2, 4, 4)
    least, keep = least_reprojection(warped, still)
    for place in [(0, 0, 0), (1, 3, 2), (0, 2, 1)]:
        assert least[place] == min(w[place] for w in warped)
        assert bool(keep[place]) == (min(w[place] for w in warped) < min(s[place] for s in still))
    assert least_reprojection(warped)[1].all()
    assert Loss.mean(least, keep).value <= least.max()
