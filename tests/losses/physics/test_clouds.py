"""Clouds against scipy's assignment and nearest neighbours by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from weft.losses import chamfer, earth_mover


def test_chamfer_equals_nearest_neighbours_of_scipy():
    """chamfer, parity: scipy's k-d tree both ways, squared and plain; the order of points does not matter."""
    x, y = torch.randn(3, 7, 3, dtype=torch.float64), torch.randn(3, 5, 3, dtype=torch.float64)
    for squared in (True, False):
        hand = []
        for a, b in zip(x.numpy(), y.numpy(), strict=True):
            forth, back = cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]
            hand.append((forth**2).mean() + (back**2).mean() if squared else forth.mean() + back.mean())
        torch.testing.assert_close(chamfer(x, y, squared=squared), torch.tensor(np.array(hand)))
    torch.testing.assert_close(chamfer(x[:, torch.randperm(7)], y), chamfer(x, y))
    assert not chamfer(x, x[:, torch.randperm(7)]).any()


def test_padded_points_neither_pull_nor_are_pulled():
    """chamfer, closed form: padding far away or NaN-free at the other cloud changes nothing and gets no gradient; an empty cloud costs 0."""
    x, y = torch.randn(2, 6, 3), torch.randn(2, 4, 3)
    wide = torch.cat([x, y[:, :2]], 1).requires_grad_()
    keep = torch.arange(8).expand(2, 8) < 6
    loss = chamfer(wide, torch.cat([y, x[:, :1]], 1), keep=(keep, torch.arange(5).expand(2, 5) < 4))
    torch.testing.assert_close(loss, chamfer(x, y))
    loss.sum().backward()
    assert not wide.grad[:, 6:].any()
    nobody = torch.zeros(2, 6, dtype=torch.bool)
    assert chamfer(x, y, keep=(nobody, None)).tolist() == [0, 0]


@pytest.mark.parametrize("power", [1, 2])
def test_earth_mover_becomes_the_assignment(power):
    """earth_mover, parity: scipy's linear_sum_assignment of d^p / p at a blur far below the points' distances; and the divergence of equal clouds is 0."""
    x, y = torch.randn(2, 6, 2, dtype=torch.float64), torch.randn(2, 6, 2, dtype=torch.float64) + 1
    got = earth_mover(x, y, blur=1e-3 if power == 1 else 2e-2, power=power, num_steps=1500)
    for value, a, b in zip(got, x.numpy(), y.numpy(), strict=True):
        cost = cdist(a, b) ** power / power
        assert value.item() == pytest.approx(cost[linear_sum_assignment(cost)].mean(), rel=2e-2)
    assert earth_mover(x, x.flip(1), blur=0.1, power=power).abs().max() < 1e-6


def test_earth_mover_of_a_shift_is_known():
    """earth_mover, closed form: of a cloud and its shift by s it is |s|^2 / 2 at any blur, with the gradient -s / N a point: the divergence has no bias."""
    x, shift = torch.randn(1, 8, 2, dtype=torch.float64), torch.tensor([1.0, -2.0], dtype=torch.float64)
    for blur in (0.3, 1.5):
        moved = x.clone().requires_grad_()
        loss = earth_mover(moved, x + shift, blur=blur, num_steps=600)
        assert loss.item() == pytest.approx(2.5, rel=1e-2)
        loss.sum().backward()
        torch.testing.assert_close(moved.grad.sum(1)[0], -shift, rtol=1e-2, atol=1e-2)


def test_density_is_seen_by_one_and_not_by_the_other():
    """chamfer and earth_mover, property: points stacked on one of two spots look right to chamfer and wrong to the earth mover."""
    spots = torch.tensor([[[0.0, 0.0]] * 3 + [[1.0, 0.0]] * 3])
    stacked = torch.tensor([[[0.0, 0.0]] * 5 + [[1.0, 0.0]]])
    assert chamfer(stacked, spots).item() == 0
    assert earth_mover(stacked, spots).item() == pytest.approx(0.5 * 2 / 6, rel=0.05)


def test_errors_teach():
    for loss in (chamfer, earth_mover):
        with pytest.raises(ValueError, match=r"clouds \(B, N, D\) and \(B, M, D\); got \(1, 2, 3\) and \(1, 2, 2\)"):
            loss(torch.zeros(1, 2, 3), torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="blur > 0 and a power of 1 or 2"):
        earth_mover(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), power=3)
