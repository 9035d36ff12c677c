"""Newton, Hessian-free and natural-gradient steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy, mse
from weft.methods import Supervised
from weft.optim import HessianFree, NaturalGradient, Newton, sgd


class Point(Method):
    """A point in the plane under a function of it."""

    def __init__(self, start, function):
        super().__init__()
        self.at = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        self.function = function

    def loss(self, batch):
        return Loss.mean(self.function(self.at).expand(len(batch["input"])))

    def updates(self):
        return {"all": Update(on="")}


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


ONE = [torch.zeros(1, 1)]
TURNED = torch.tensor([[5.0, 2.0], [2.0, 1.0]], dtype=torch.float64)


def stepped(method, estimator, steps, lr=1.0):
    state = fit(method, ONE, Update(sgd(lr), on="", estimator=estimator), until=Steps(steps))
    return state, method


def test_one_newton_step_ends_at_a_quadratics_minimum():
    """Newton, closed form: one step; from a saddle it goes away instead of towards."""
    _, method = stepped(Point([3.0, -1.0], lambda w: 0.5 * w @ TURNED @ w - w.sum()), Newton(damping=0.0), 1)
    torch.testing.assert_close(TURNED @ method.at.detach(), torch.ones(2, dtype=torch.float64))
    _, method = stepped(Point([0.5, 0.1], lambda w: w[0] ** 2 - w[1] ** 2), Newton(damping=0.0), 1)
    torch.testing.assert_close(method.at.detach(), torch.tensor([0.0, 0.2], dtype=torch.float64))


def test_hessian_free_finds_rosenbrocks_minimum_as_scipy_does():
    """HessianFree, parity: SciPy's minimum, where as many gradient steps are nowhere near."""
    optimize = pytest.importorskip("scipy.optimize")
    best = optimize.minimize(lambda w: rosenbrock(torch.tensor(w)).item(), [-1.2, 1.0], method="L-BFGS-B").x
    _, method = stepped(Point([-1.2, 1.0], rosenbrock), HessianFree(damping=1e-2, tolerance=1e-10), 60)
    torch.testing.assert_close(method.at.detach(), torch.as_tensor(best), rtol=1e-3, atol=1e-3)
    _, plain = stepped(Point([-1.2, 1.0], rosenbrock), None, 60, lr=1e-3)
    assert rosenbrock(plain.at.detach()) > 100 * rosenbrock(method.at.detach())


def autoencoder():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 12), nn.Tanh(), nn.Linear(12, 3), nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 20))


def test_hessian_free_beats_gradient_descent_step_for_step():
    """HessianFree, learned: on a deep autoencoder, with Hessian or Gauss-Newton products, a lower error after 15 steps than the best of five
    rates of gradient descent with momentum."""
    x = torch.randn(60, 3) @ torch.randn(3, 20)
    data = [(x, x)]

    def error(estimator, rule):
        net = autoencoder()
        fit(Supervised(net, mse), data, Update(rule, estimator=estimator), until=Steps(15))
        return float(F.mse_loss(net(x), x))

    plain = min(error(None, sgd(lr, momentum=0.9)) for lr in (0.01, 0.03, 0.1, 0.3, 1.0))
    assert error(HessianFree(damping=1.0), sgd(1.0)) < plain
    net = autoencoder()

    def outputs(batch):
        answers = net(batch["input"])
        return answers, mse(answers, batch["target"]).mean()

    fit(Supervised(net, mse), data, Update(sgd(1.0), estimator=HessianFree(damping=1.0, outputs=outputs)), until=Steps(15))
    assert float(F.mse_loss(net(x), x)) < plain


def test_the_exact_natural_step_is_that_of_the_dense_matrix():
    """NaturalGradient, closed form: (F + damping)^-1 g with F written out; the diagonal kind with F's diagonal."""
    net, x, y = nn.Linear(3, 2).double(), torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1, 0])
    rows = []
    for i in range(6):
        grads = torch.autograd.grad(F.cross_entropy(net(x[i : i + 1]), y[i : i + 1]), list(net.parameters()))
        rows.append(torch.cat([g.flatten() for g in grads]))
    each = torch.stack(rows)
    fisher, gradient = each.t() @ each / 6, each.mean(0)
    for kind, expected in (
        ("exact", torch.linalg.solve(fisher + 0.1 * torch.eye(8, dtype=torch.float64), gradient)),
        ("diagonal", gradient / (fisher.diagonal() + 0.1)),
    ):
        twin = nn.Linear(3, 2).double()
        twin.load_state_dict(net.state_dict())
        fit(Supervised(twin, cross_entropy), [(x, y)], Update(sgd(1.0), estimator=NaturalGradient(0.1, kind)), until=Steps(1))
        moved = torch.cat([(a - b).flatten() for a, b in zip(net.parameters(), twin.parameters(), strict=True)])
        torch.testing.assert_close(moved.detach(), expected)


def test_the_natural_step_does_not_care_how_parameters_are_written():
    """NaturalGradient, property: a weight w = 3 v moves as w itself does, where plain gradients move nine times as far."""

    class Scaled(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.v, self.scale = nn.Parameter(torch.full((2,), 0.6 / scale, dtype=torch.float64)), scale

        def forward(self, x):
            return x @ (self.v * self.scale)

    x = torch.randn(20, 2, dtype=torch.float64)
    y = x @ torch.tensor([1.0, -1.0], dtype=torch.float64) + 0.3 * torch.randn(20, dtype=torch.float64)
    ends = {}
    for name, estimator in (("natural", NaturalGradient(1e-9)), ("plain", None)):
        for scale in (1.0, 3.0):
            net = Scaled(scale)
            fit(Supervised(net, mse), [(x, y)], Update(sgd(0.05), estimator=estimator), until=Steps(1))
            ends[name, scale] = (net.v * scale - 0.6).detach()
    torch.testing.assert_close(ends["natural", 1.0], ends["natural", 3.0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(9 * ends["plain", 1.0], ends["plain", 3.0])


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match=r"the Hessian of 20,100 parameters has 1\.5 GiB; at most 2,000"):
        fit(Supervised(nn.Linear(200, 100), mse), [(torch.zeros(1, 200), torch.zeros(1, 100))], Update(sgd(1.0), estimator=Newton()), until=Steps(1))
    with pytest.raises(ValueError, match="it came in 2 microbatches"):
        fit(Supervised(nn.Linear(2, 1), mse), [(torch.zeros(4, 2), torch.zeros(4, 1))], Update(sgd(1.0), estimator=HessianFree(), microbatches=2), until=Steps(1))
    for make in (lambda: Newton(-1.0), lambda: HessianFree(0.0), lambda: NaturalGradient(0.0), lambda: NaturalGradient(1.0, "block")):
        with pytest.raises(ValueError, match="expected"):
            make()
