"""Optimizer factories: torch's own arithmetic, decay where it belongs, L-BFGS to the optimum."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import adam, adamw, layerwise, lbfgs, sgd


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
