"""Optimizer factories: torch's own arithmetic, decay where it belongs, L-BFGS to the optimum."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

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
