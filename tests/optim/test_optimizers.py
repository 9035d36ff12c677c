"""Optimizer factories: torch's own arithmetic, decay where it belongs, L-BFGS to the optimum."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.optim.rules.problems import assert_same_walk, split
from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import adam, adamw, decay_groups, layerwise, lbfgs, sgd


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3))


def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(16, 4, generator=generator), torch.randint(0, 3, (16,), generator=generator)


def groups(net, decay):
    matrices = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


CASES = {
    "adamw": (adamw(0.01, weight_decay=0.3), lambda net: torch.optim.AdamW(groups(net, 0.3), lr=0.01)),
    "adam": (adam(0.01, betas=(0.5, 0.9)), lambda net: torch.optim.Adam(net.parameters(), lr=0.01, betas=(0.5, 0.9))),
    "sgd": (sgd(0.1, momentum=0.9, weight_decay=0.1, nesterov=True), lambda net: torch.optim.SGD(groups(net, 0.1), lr=0.1, momentum=0.9, nesterov=True)),
    "lbfgs": (lbfgs(max_iter=4), lambda net: torch.optim.LBFGS(net.parameters(), max_iter=4, history_size=10, line_search_fn="strong_wolfe")),
}


@pytest.mark.parametrize("name", CASES)
def test_steps_are_torchs(name):
    """adamw, adam, sgd and lbfgs, parity: through fit, the weights of an ordinary loop; biases and norms do not decay."""
    factory, reference = CASES[name]
    method, net = Supervised(network(), cross_entropy), network()
    x, y = batch()
    fit(method, [(x, y)], Update(factory, on=""), until=Steps(5))
    optimizer = reference(net)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    for found, expected in zip(method.network.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


class Regularised(Method):
    """Logistic regression as scikit-learn writes it, divided by the number of samples."""

    def __init__(self, features, classes, l2):
        super().__init__()
        self.network, self.l2 = nn.Linear(features, classes).double(), l2

    def loss(self, batch):
        fits = Loss.mean(cross_entropy(self.network(batch["input"]), batch["target"]))
        return fits + Loss.penalty(self.network.weight.square().sum(), weight=0.5 * self.l2 / 200)


@pytest.mark.parametrize("microbatches", [1, 3])
def test_lbfgs_reaches_the_optimum_of_logistic_regression(microbatches):
    """lbfgs, parity: in three steps the coefficients of scikit-learn's logistic regression, whole or in microbatches."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 5, generator=generator).double()
    y = (x @ torch.randn(5, 3, generator=generator).double() + torch.randn(200, 3, generator=generator)).argmax(1)
    method = Regularised(5, 3, 2.0)
    fit(method, [(x, y)], Update(lbfgs(max_iter=60), on="", microbatches=microbatches), until=Steps(3))
    reference = linear_model.LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(x.numpy(), y.numpy())
    found = method.network.weight.detach()
    torch.testing.assert_close(found - found.mean(0), torch.from_numpy(reference.coef_ - reference.coef_.mean(0)), rtol=1e-3, atol=1e-4)


def test_layerwise_rates_follow_the_order():
    """layerwise, closed form: with plain SGD, each layer moves by lr * decay^depth times what it would have moved."""
    x, y = batch()
    steps = []
    for factory in (sgd(1.0), layerwise(sgd(1.0), ["network.0", "network.1", "network.3"], 0.1)):
        method = Supervised(network(), cross_entropy)
        before = [p.detach().clone() for p in method.parameters()]
        fit(method, [(x, y)], Update(factory, on=""), until=Steps(1))
        steps.append([p.detach() - b for p, b in zip(method.parameters(), before, strict=True)])
    for whole, slow, rate in zip(*steps, (0.01, 0.01, 0.1, 0.1, 1.0, 1.0), strict=True):
        torch.testing.assert_close(slow, rate * whole, rtol=1e-3, atol=1e-6)


def test_decay_groups_by_shape_and_name():
    """decay_groups, closed form: matrices and kernels decay, biases, norms and scalars do not; empty groups vanish; names are kept."""
    net = nn.Module()
    net.conv, net.norm, net.scale = nn.Conv2d(1, 2, 3), nn.LayerNorm(4), nn.Parameter(torch.ones(()))
    first, second = decay_groups(list(net.named_parameters()), 0.3)
    assert (first["name"], first["weight_decay"], [n for n, _ in first["params"]]) == ("decay", 0.3, ["conv.weight"])
    assert (second["name"], second["weight_decay"], [n for n, _ in second["params"]]) == ("no_decay", 0.0, ["scale", "conv.bias", "norm.weight", "norm.bias"])
    assert [g["name"] for g in decay_groups(list(net.norm.named_parameters()), 0.3)] == ["no_decay"]


def test_layerwise_means_modules_not_beginnings_of_names():
    """layerwise, closed form: layers.1 is not layers.10; what no module holds has the full rate; decay groups stay apart and nothing is lost."""
    named = [(n, nn.Parameter(torch.ones(shape))) for n, shape in (("layers.1.w", (2, 2)), ("layers.1.b", (2,)), ("layers.10.w", (2, 2)), ("layers.10.b", (2,)), ("other", (2,)), ("layers.1", (2, 2)))]
    optimizer = layerwise(adamw(1.0, weight_decay=0.1), ["layers.1", "layers.2", "layers.10"], 0.5)(named)
    names = {id(p): n for n, p in named}
    found = {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    assert found == {"layers.1.w": (0.25, 0.1), "layers.1.b": (0.25, 0.0), "layers.10.w": (1.0, 0.1), "layers.10.b": (1.0, 0.0), "other": (1.0, 0.0), "layers.1": (0.25, 0.1)}


@pytest.mark.parametrize("microbatches", [1, 4])
def test_lbfgs_reaches_the_minimum_of_a_quadratic(microbatches):
    """lbfgs, closed form: least squares in float64, badly scaled, in two steps: the solution of torch.linalg.lstsq, whole or in pieces."""
    x = torch.randn(40, 6, dtype=torch.float64) * torch.tensor([1, 3, 10, 0.3, 1, 0.1], dtype=torch.float64)
    y = torch.randn(40, 1, dtype=torch.float64)

    class Squares(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(6, 1, bias=False).double()

        def loss(self, batch):
            return Loss.mean((self.network(batch["input"]) - batch["target"]).square()[:, 0])

    method = Squares()
    state = fit(method, [(x, y)], Update(lbfgs(max_iter=200), on="", microbatches=microbatches), until=Steps(2))
    best = torch.linalg.lstsq(x, y).solution
    torch.testing.assert_close(method.network.weight.detach().T, best, rtol=0, atol=1e-4)
    ratio = (x @ method.network.weight.T - y).square().mean() / (x @ best - y).square().mean()
    assert ratio.item() == pytest.approx(1, abs=1e-9)
    assert state.updates["all"].count == 2


@pytest.mark.parametrize("factory", [adamw(), adam(), sgd()], ids=["adamw", "adam", "sgd"])
def test_ordinary_optimizers_are_fused(factory):
    """adamw, adam and sgd, property: one kernel for all parameters, and double precision works with it, too."""
    for dtype in (torch.float32, torch.float64):
        p = nn.Parameter(torch.ones(2, dtype=dtype))
        optimizer = factory([("w", p)])
        assert all(g["fused"] for g in optimizer.param_groups)
        p.grad = torch.ones_like(p)
        optimizer.step()
        assert p[0].item() < 1


@pytest.mark.parametrize("factory", [adamw, adam, sgd, lbfgs])
@pytest.mark.parametrize("lr", [-1.0, float("nan"), float("inf")])
def test_a_learning_rate_that_is_none_is_said(factory, lr):
    """Property: the message names the option, what came and what is expected; 0 is allowed."""
    named = [("w", torch.nn.Parameter(torch.ones(2, 2)))]
    with pytest.raises(ValueError, match=f"{factory.__name__}: lr={lr}; expected a learning rate of 0 or more"):
        factory(lr)(named)
    factory(0.0)(named)


TWO_HUNDRED = {
    "adam": (adam(0.01), lambda named: torch.optim.Adam([p for _, p in named], lr=0.01)),
    "adam, coupled decay": (adam(0.01, weight_decay=0.1), lambda named: torch.optim.Adam(split(named, 0.1), lr=0.01)),
    "amsgrad": (adam(0.05, betas=(0.9, 0.9), amsgrad=True), lambda named: torch.optim.Adam([p for _, p in named], lr=0.05, betas=(0.9, 0.9), amsgrad=True)),
    "adamw": (adamw(0.01, 0.1), lambda named: torch.optim.AdamW(split(named, 0.1), lr=0.01)),
    "adamw, amsgrad": (adamw(0.01, 0.1, amsgrad=True), lambda named: torch.optim.AdamW(split(named, 0.1), lr=0.01, amsgrad=True)),
    "sgd, dampened": (sgd(0.01, 0.9, 0.1, dampening=0.3), lambda named: torch.optim.SGD(split(named, 0.1), lr=0.01, momentum=0.9, dampening=0.3)),
}


@pytest.mark.parametrize("name", TWO_HUNDRED)
def test_two_hundred_steps_are_torchs(name):
    """adam, adamw and sgd, parity: two hundred steps in float64 with AMSGrad, coupled and decoupled decay, dampening; fused here, plain loops there."""
    ours, theirs = TWO_HUNDRED[name]

    def plain(named):
        optimizer = theirs(named)
        for group in optimizer.param_groups:
            group["foreach"] = group["fused"] = False
        return optimizer

    assert_same_walk(ours, plain, steps=200)


def test_coupled_and_decoupled_decay_differ_as_by_hand():
    """adam and adamw, closed form: with a zero gradient the decoupled decay shrinks by lr decay, the coupled one takes Adam's step of length lr."""
    ends = {}
    for name, factory in (("adam", adam(0.1, weight_decay=0.01)), ("adamw", adamw(0.1, weight_decay=0.01))):
        w = nn.Parameter(torch.full((1, 1), 2.0, dtype=torch.float64))
        w.grad = torch.zeros_like(w)
        factory([("w", w)]).step()
        ends[name] = w.item()
    assert ends == pytest.approx({"adam": 2 - 0.1, "adamw": 2 * (1 - 0.1 * 0.01)}, rel=1e-6)


def test_where_adam_fails_amsgrad_converges():
    """adam, closed form: on Reddi's online problem (slope 10 at every third step, else -4, on [-1, 1]; the best is -1) Adam ends at the worst point, AMSGrad at the best."""
    ends = {}
    for amsgrad in (False, True):
        x = nn.Parameter(torch.zeros((), dtype=torch.float64))
        optimizer = adam(0.2, betas=(0.0, 1 / (1 + 10**2)), amsgrad=amsgrad)([("x", x)])
        for t in range(3000):
            optimizer.param_groups[0]["lr"] = 0.2 / (t + 1) ** 0.5
            x.grad = torch.tensor(10.0 if t % 3 == 0 else -4.0, dtype=torch.float64)
            optimizer.step()
            with torch.no_grad():
                x.clamp_(-1, 1)
        ends[amsgrad] = x.item()
    assert ends[False] > 0.9 and ends[True] < -0.9


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_on_a_quadratic_is_a_power_of_a_matrix(nesterov):
    """sgd, closed form: (w, v) after t steps is the t-th power of a two by two matrix, for each eigenvalue of the quadratic."""
    lr, mu = 0.05, 0.9
    curvatures = torch.tensor([1.0, 10.0, 0.1], dtype=torch.float64)
    w = nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = sgd(lr, mu, nesterov=nesterov)([("w", w)])
    for _ in range(25):
        w.grad = curvatures * w.detach()
        optimizer.step()
    for h, found in zip(curvatures.tolist(), w.tolist(), strict=True):
        # v' = mu v + h w; plain: w' = w - lr v'; Nesterov: w' = w - lr (h w + mu v')
        row = [1 - lr * h - lr * mu * h, -lr * mu * mu] if nesterov else [1 - lr * h, -lr * mu]
        power = torch.linalg.matrix_power(torch.tensor([row, [h, mu]], dtype=torch.float64), 25)
        assert found == pytest.approx(power[0, 0].item(), rel=1e-9)


class Valley(Method):
    """Rosenbrock's valley."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.tensor([-1.2, 1.0, -0.5, 0.7], dtype=torch.float64))

    def loss(self, batch):
        x = self.place
        return Loss.mean((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()[None])


def test_lbfgs_ends_where_scipys_does():
    """lbfgs, parity: SciPy's L-BFGS-B on Rosenbrock's valley in four dimensions, in fewer evaluations than plain descent takes for a worse end."""
    optimize = pytest.importorskip("scipy.optimize")
    method, plain = Valley(), Valley()
    evaluations = []
    original = Valley.loss
    method.loss = lambda batch: evaluations.append(1) or original(method, batch)
    data = [{"input": torch.zeros(1, 1)}]
    fit(method, data, Update(lbfgs(max_iter=25, history=100), on=""), until=Steps(4))
    fit(plain, data, Update(sgd(1e-3), on=""), until=Steps(len(evaluations)))
    best = optimize.minimize(optimize.rosen, [-1.2, 1.0, -0.5, 0.7], jac=optimize.rosen_der, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    torch.testing.assert_close(method.place.detach(), torch.from_numpy(best.x), rtol=0, atol=5e-5)
    assert original(plain, data[0]).value.item() > 1e6 * original(method, data[0]).value.item()


@pytest.mark.parametrize("change", [False, True])
def test_lbfgs_notices_other_batches(change):
    """lbfgs, property: batches that change between steps are warned of once; the same batch is not."""
    torch.manual_seed(0)
    data = [(torch.randn(16, 4), torch.randint(0, 3, (16,))) for _ in range(3 if change else 1)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fit(Supervised(network(), cross_entropy), data, Update(lbfgs(max_iter=4), on=""), until=Steps(6))
    assert sum("its objective changes between steps" in str(w.message) for w in seen) == int(change)
