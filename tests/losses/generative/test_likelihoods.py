"""Codes and flows by closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from weft.losses import bits_per_dimension, codebook, dequantised, flow_nll, moved_codes, nearest_code, straight_through


def test_codes_are_the_nearest_and_decoders_reach_past_the_choice():
    """nearest_code, brute force: the smallest of all distances; straight_through hands the decoder's gradient to the encoder unchanged."""
    z, codes = torch.randn(4, 5, 3, requires_grad=True), torch.randn(7, 3, requires_grad=True)
    chosen, index = nearest_code(z, codes)
    for i in range(4):
        for j in range(5):
            assert index[i, j] == min(range(7), key=lambda k: float((z[i, j] - codes[k]).square().sum()))
    assert torch.equal(chosen, codes[index])
    (straight_through(chosen, z) * torch.arange(3.0)).sum().backward()
    torch.testing.assert_close(z.grad, torch.arange(3.0).expand(4, 5, 3))
    assert codes.grad is None
    with pytest.raises(ValueError, match="as wide as the codes, 3"):
        nearest_code(torch.zeros(2, 4), codes)


def test_each_side_is_drawn_by_its_own_term():
    """codebook, closed form: codes feel the first term alone, vectors commitment times the second alone."""
    z, e = torch.randn(4, 6, requires_grad=True), torch.randn(4, 6, requires_grad=True)
    loss = codebook(z, e, commitment=0.25)
    torch.testing.assert_close(loss, 1.25 * (z - e).square().mean(1))
    loss.sum().backward()
    torch.testing.assert_close(e.grad, (2 * (e - z) / 6).detach())
    torch.testing.assert_close(z.grad, (0.25 * 2 * (z - e) / 6).detach())


def test_running_means_end_at_the_means():
    """moved_codes, closed form: without decay a code is the mean of what chose it, smoothing apart; running for long ends there too."""
    vectors, index = torch.randn(12, 2), torch.arange(12) % 3
    wanted = torch.stack([vectors[index == k].mean(0) for k in range(3)])
    torch.testing.assert_close(moved_codes(torch.ones(3), torch.zeros(3, 2), vectors, index, decay=0.0)[2], wanted, rtol=1e-3, atol=1e-3)
    count, total, codes = torch.ones(3), torch.zeros(3, 2), None
    for _ in range(800):
        count, total, codes = moved_codes(count, total, vectors, index)
    torch.testing.assert_close(codes, wanted, rtol=1e-2, atol=1e-2)


def test_flows_are_densities():
    """flow_nll, closed form: the identity is a standard normal; z = (x - 2) / 3 gives the normal with mean 2 and deviation 3."""
    x = torch.randn(5, 2, 2)
    normal = torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(flow_nll(x, torch.zeros(5)), -normal.log_prob(x).sum((1, 2)))
    shifted = torch.distributions.Normal(2.0, 3.0)
    torch.testing.assert_close(flow_nll((x - 2) / 3, torch.full((5,), -4 * math.log(3))), -shifted.log_prob(x).sum((1, 2)))
    with pytest.raises(ValueError, match=r"one log-determinant an item, \(5,\); got \(5, 1\)"):
        flow_nll(x, torch.zeros(5, 1))


def test_bits_of_uniform_noise():
    """dequantised and bits_per_dimension, closed form: a uniform density over [0, 1) costs log2 of the levels; values keep their cell."""
    x = torch.randint(0, 16, (50, 4))
    y = dequantised(x, levels=16)
    assert torch.equal((16 * y).floor().long(), x)
    assert 0.4 < (16 * y - x).mean() < 0.6
    assert bits_per_dimension(torch.zeros(2), dimensions=4, levels=16).tolist() == [4.0, 4.0]
    assert bits_per_dimension(torch.tensor([4 * math.log(2)]), dimensions=4, levels=16).item() == pytest.approx(5.0)
    with pytest.raises(ValueError, match=r"0\.\.15; got 0 to 16"):
        dequantised(torch.tensor([0, 16]), levels=16)
    with pytest.raises(ValueError, match="at least one dimension"):
        bits_per_dimension(torch.zeros(1), dimensions=0)
