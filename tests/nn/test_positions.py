"""Positions by their formulas and their symmetries."""

from __future__ import annotations

import math

import pytest
import torch

from weft.nn import RotaryPositions, SinusoidalPositions, TimeEmbedding, sinusoids


def test_sinusoids_equal_the_formula():
    """Closed form: sin and cos of p / longest^(2i / dim), entry by entry."""
    table = sinusoids(torch.tensor([0.0, 1.5, 700.0]), 6, longest=100.0)
    for row, p in zip(table.tolist(), (0.0, 1.5, 700.0), strict=True):
        angles = [p / 100 ** (2 * i / 6) for i in range(3)]
        assert row == pytest.approx([math.sin(a) for a in angles] + [math.cos(a) for a in angles], abs=1e-4)
    with pytest.raises(ValueError, match="even dim"):
        sinusoids(torch.zeros(1), 3)


def test_sinusoidal_positions_are_added():
    """Property: sinusoidal_positions add the same table to every sample, at any length."""
    layer, x = SinusoidalPositions(8), torch.randn(2, 20, 8)
    torch.testing.assert_close(layer(x) - x, sinusoids(torch.arange(20.0), 8).expand(2, -1, -1))


def test_rotary_equals_complex_multiplication():
    """Closed form: RotaryPositions multiply the pair (i, i + K/2), as a complex number, by e^(i t w)."""
    rotary, x = RotaryPositions(6, 32, base=100.0), torch.randn(2, 3, 10, 6)
    angle = torch.arange(5, 15)[:, None] * 100.0 ** (-torch.arange(0, 6, 2) / 6)
    turned = torch.complex(x[..., :3], x[..., 3:]) * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(rotary(x, start=5), torch.cat([turned.real, turned.imag], -1), rtol=1e-4, atol=1e-5)


def test_rotary_products_depend_on_the_distance_only():
    """Property: shifting both tokens leaves q . k as it was; lengths are kept."""
    rotary = RotaryPositions(8, 128)
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    products = [(rotary(q, start=s + 3) * rotary(k, start=s)).sum().item() for s in (0, 7, 100)]
    assert products == pytest.approx([products[0]] * 3, abs=1e-4)
    assert rotary(q, start=9).norm().item() == pytest.approx(q.norm().item(), rel=1e-5)


def test_rotary_limits():
    with pytest.raises(ValueError, match="9 tokens do not fit the context of 8"):
        RotaryPositions(4, 8)(torch.zeros(1, 1, 3, 4), start=6)
    with pytest.raises(ValueError, match="must be even"):
        RotaryPositions(5, 8)
    assert RotaryPositions(4, 8).state_dict() == {}


def test_time_embedding_tells_times_apart():
    """Property: TimeEmbedding maps equal times alike and different ones apart, from fractions of a step to a thousand."""
    torch.manual_seed(1)
    embedding = TimeEmbedding(16)
    same, other, far = (embedding(torch.tensor([t]))[0] for t in (1.0, 2.0, 900.0))
    assert torch.equal(same, embedding(torch.tensor([1.0]))[0])
    assert min((same - other).norm(), (same - far).norm()) > 1e-2
    scaled = TimeEmbedding(16, scale=1000.0)
    scaled.load_state_dict(embedding.state_dict())
    torch.testing.assert_close(scaled(torch.tensor([0.9]))[0], far)
