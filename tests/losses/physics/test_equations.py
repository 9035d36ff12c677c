"""Equations: derivatives by formula, points by their plan, and heat against its exact solution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, collocation, derivative, heat_equation, mse, residual
from weft.optim import lbfgs


def test_derivatives_by_formula():
    """derivative, closed form: of sin(2x) y^3 in both coordinates and orders; the residual's gradient reaches a network's weights; constants give 0."""
    points = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    x, y = points.detach().unbind(1)
    value = (2 * points[:, 0]).sin() * points[:, 1] ** 3
    torch.testing.assert_close(derivative(value, points, 0).detach(), 2 * (2 * x).cos() * y**3)
    torch.testing.assert_close(derivative(value, points, 0, order=2).detach(), -4 * (2 * x).sin() * y**3)
    torch.testing.assert_close(derivative(derivative(value, points, 0), points, 1).detach(), 6 * (2 * x).cos() * y**2)
    assert not derivative(3 * points[:, 0], points, 0, order=2).any()
    with pytest.raises(ValueError, match="do not depend on these points"):
        derivative(torch.ones(6, requires_grad=True) * 2, points, 0)
    with pytest.raises(ValueError, match="at least 1"):
        derivative(value, points, 0, order=0)


def test_residuals_are_zero_for_solutions_and_gradients_are_exact():
    """residual and heat_equation, closed form: exp(-a pi^2 t) sin(pi x) spreads as heat does, twice as fast it does not; gradcheck in the weights, under no_grad too."""

    def solution(rate):
        return lambda p: torch.exp(-rate * math.pi**2 * p[:, 1]) * torch.sin(math.pi * p[:, 0])

    points = torch.rand(20, 2, dtype=torch.float64)
    assert residual(solution(0.3), points, heat_equation(diffusivity=0.3)).max() < 1e-20
    assert residual(solution(0.6), points, heat_equation(diffusivity=0.3)).mean() > 0.1
    weight = torch.randn(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: residual(lambda p: (p @ w).sin(), points, heat_equation()), weight)
    with torch.no_grad():
        assert residual(lambda p: (p @ weight).sin(), points, heat_equation()).isfinite().all()
    with pytest.raises(ValueError, match=r"one value a point, \(20,\) or \(20, 1\); the network returned \(20, 3\)"):
        residual(lambda p: p[:, :1].expand(20, 3), points, heat_equation())
    with pytest.raises(ValueError, match="diffusivity > 0"):
        heat_equation(diffusivity=0)


def test_points_fill_their_box():
    """collocation, property: inside the box, repeatable by a generator; latin has one point in each slice of each side; sobol's worst gap is below chance's."""
    for plan in ("uniform", "latin", "sobol"):
        a, b = (collocation([-1.0, 2.0], [1.0, 5.0], 64, plan=plan, generator=torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(a, b)
        assert a.shape == (64, 2)
        assert (a >= torch.tensor([-1.0, 2.0])).all()
        assert (a <= torch.tensor([1.0, 5.0])).all()
    latin = collocation([0.0, 0.0], [1.0, 1.0], 50, plan="latin")
    assert all(sorted((50 * latin[:, i]).floor().tolist()) == list(range(50)) for i in range(2))
    cells = {plan: len(set(map(tuple, (8 * collocation([0.0, 0.0], [1.0, 1.0], 64, plan=plan)).floor().tolist()))) for plan in ("uniform", "sobol")}
    assert cells["sobol"] == 64 > cells["uniform"]
    with pytest.raises(ValueError, match="Did you mean 'sobol'"):
        collocation([0.0], [1.0], 4, plan="sobel")
    with pytest.raises(ValueError, match="low < high"):
        collocation([0.0], [0.0], 4)


class Heat(Method):
    """u_t = 0.1 u_xx on [0, 1] x [0, 1], cold ends, sin(pi x) to begin with."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(self, batch):
        inside, ends, begin = batch["inside"], batch["ends"], batch["begin"]
        start = torch.sin(math.pi * begin[:, 0])
        return (
            Loss.mean(residual(self.network, inside, heat_equation(diffusivity=0.1)), name="equation")
            + 10 * Loss.mean(mse(self.network(ends)[:, 0], torch.zeros(len(ends))), name="ends")
            + 10 * Loss.mean(mse(self.network(begin)[:, 0], start), name="begin")
        )


@pytest.fixture
def one_thread():
    """Tiny products are slower on two threads than on one, much slower where the processors are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_heat_is_solved(one_thread):
    """residual, learned: after 300 iterations of L-BFGS the network is within 0.02 of exp(-0.1 pi^2 t) sin(pi x) everywhere on a grid."""
    torch.manual_seed(0)
    inside = collocation([0.0, 0.0], [1.0, 1.0], 100)
    ends = torch.cat([torch.tensor([0.0, 1.0]).repeat_interleave(50)[:, None], torch.rand(100, 1)], 1)
    begin = torch.cat([torch.linspace(0, 1, 100)[:, None], torch.zeros(100, 1)], 1)
    method = Heat()
    fit(method, [{"inside": inside, "ends": ends, "begin": begin}], Update(lbfgs(1.0, max_iter=20)), until=Steps(15))
    grid = torch.cartesian_prod(torch.linspace(0, 1, 21), torch.linspace(0, 1, 21))
    exact = torch.exp(-0.1 * math.pi**2 * grid[:, 1]) * torch.sin(math.pi * grid[:, 0])
    with torch.no_grad():
        error = (method.network(grid)[:, 0] - exact).abs().max()
    assert error < 0.02
