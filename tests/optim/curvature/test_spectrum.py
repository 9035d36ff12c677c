"""Eigenvalues, trace and density."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.optim import HessianProduct, density, eigenvalues, trace
from weft.optim.curvature.spectrum import lanczos


def quadratic(values):
    """The Hessian of a quadratic with these eigenvalues, turned."""
    values = torch.tensor(values, dtype=torch.float64)
    turn, _ = torch.linalg.qr(torch.randn(len(values), len(values), dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    a, w = turn @ torch.diag(values) @ turn.t(), torch.randn(len(values), dtype=torch.float64, requires_grad=True)
    return HessianProduct(0.5 * w @ a @ w, [w])


LIKE = torch.zeros((), dtype=torch.float64)


def test_a_quadratics_eigenvalues_are_its_own():
    """eigenvalues, closed form: 100 within a thousandth, the negative one of larger size before smaller ones."""
    product = quadratic([100.0, 20.0, -30.0, 1.0, 0.5, 0.1, 0.0, 3.0])
    found = eigenvalues(product, 3, like=LIKE)
    torch.testing.assert_close(found, torch.tensor([100.0, -30.0, 20.0], dtype=torch.float64), rtol=1e-8, atol=1e-8)
    with pytest.raises(ValueError, match="a matrix of size 8 has 1 to 8"):
        eigenvalues(product, 9)


def test_a_networks_sharpness_is_that_of_its_hessian():
    """eigenvalues, closed form: the largest eigenvalue of the Hessian of a small network; its weights are untouched."""
    net, x = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double(), torch.randn(8, 3, dtype=torch.float64)
    value = F.cross_entropy(net(x), torch.arange(8) % 2)
    before = [p.clone() for p in net.parameters()]
    product = HessianProduct(value, list(net.parameters()))
    whole = torch.stack([product(row) for row in torch.eye(product.size, dtype=torch.float64)])
    expected = torch.linalg.eigvalsh(whole)
    torch.testing.assert_close(eigenvalues(product, like=LIKE), expected[expected.abs().argmax()][None])
    assert all(torch.equal(p, old) for p, old in zip(net.parameters(), before, strict=True))


def test_the_trace_is_right_in_the_mean():
    """trace, closed form: within four standard errors, which it states; exact for a diagonal."""
    found, error = trace(quadratic([10.0, 5.0, -3.0, 1.0, 0.2]), draws=400, like=LIKE)
    assert abs(found - 13.2) < 4 * error < 4.0
    w = torch.ones(4, requires_grad=True)
    assert trace(HessianProduct((w**2).sum(), [w]), draws=2) == (8.0, 0.0)
    assert trace(HessianProduct((w**2).sum(), [w]), draws=1)[1] == float("inf")


def test_the_density_puts_its_mass_where_the_eigenvalues_are():
    """density, closed form: integral 1, half of it at each of two eigenvalues of equal number."""
    places, heights = density(quadratic([0.0] * 10 + [5.0] * 10), draws=20, width=0.2, points=600, like=LIKE)
    near = places > 2.5
    assert float(torch.trapezoid(heights, places)) == pytest.approx(1.0, abs=0.02)
    assert float(torch.trapezoid(heights[near], places[near])) == pytest.approx(0.5, abs=0.15)


def test_lanczos_keeps_its_basis_orthogonal():
    """lanczos, property: an orthonormal basis in which the matrix is tridiagonal, shorter where the space is exhausted."""
    product = quadratic([1e4, 1e2, 1.0, 1e-2, 1e-4, 7.0, 8.0, 9.0])
    small, basis = lanczos(product, torch.randn(8, dtype=torch.float64), 50)
    torch.testing.assert_close(basis.t() @ basis, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-8)
    whole = torch.stack([product(row) for row in torch.eye(8, dtype=torch.float64)])
    torch.testing.assert_close(basis.t() @ whole @ basis, small, rtol=0, atol=1e-6)
    assert len(lanczos(quadratic([2.0] * 6), torch.randn(6, dtype=torch.float64), 6)[0]) == 1
