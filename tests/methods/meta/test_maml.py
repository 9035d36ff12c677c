"""MAML: second-order gradients by brute force, tasks as rows."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import MAML
from weft.optim import sgd

KEYS = ("support_input", "support_target", "input", "target")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)).double()


def tasks(count=3):
    generator = torch.Generator().manual_seed(1)
    return {key: torch.randn(count, 4 if key.startswith("support") else 5, 1, generator=generator).double() for key in KEYS}


def after_adaptation(net, batch, lr, steps):
    """The query loss by hand: task by task, layer by layer, plain gradient descent."""
    total = 0.0
    for x, y, query, target in zip(*(batch[key] for key in KEYS), strict=True):
        weights = list(net.parameters())

        def run(x, w):
            return torch.tanh(x @ w[0].T + w[1]) @ w[2].T + w[3]

        for _ in range(steps):
            slopes = torch.autograd.grad(F.mse_loss(run(x, weights), y), weights, create_graph=True)
            weights = [w - lr * g for w, g in zip(weights, slopes, strict=True)]
        total = total + F.mse_loss(run(query, weights), target)
    return total / len(batch["input"])


@pytest.mark.parametrize("steps", [1, 3])
def test_the_gradient_goes_through_the_inner_steps(steps):
    """MAML, brute force: loss and gradient equal those of an unrolled loop and of finite differences; first order differs."""
    net, batch = network(), tasks()
    method = MAML(net, mse, inner_lr=0.2, inner_steps=steps)
    loss = method.loss(batch).value
    expected = after_adaptation(net, batch, 0.2, steps)
    torch.testing.assert_close(loss, expected)
    found = torch.autograd.grad(loss, list(net.parameters()))
    for a, b in zip(found, torch.autograd.grad(expected, list(net.parameters())), strict=True):
        torch.testing.assert_close(a, b)
    weight, slope, step = net[0].weight, found[0], 1e-6
    with torch.no_grad():
        before = weight[2, 0].clone()
        values = []
        for sign in (1, -1):
            weight[2, 0] = before + sign * step
            with torch.enable_grad():
                values.append(float(after_adaptation(net, batch, 0.2, steps).detach()))
        weight[2, 0] = before
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(float(slope[2, 0]), rel=1e-5)
    first = MAML(net, mse, inner_lr=0.2, inner_steps=steps, first_order=True).loss(batch).value
    torch.testing.assert_close(first, loss)
    assert not torch.allclose(torch.autograd.grad(first, list(net.parameters()))[0], found[0], rtol=1e-3)


def test_tasks_are_rows():
    """MAML, property: microbatches of tasks and the whole batch make the same step."""
    after = []
    for parts in (1, 3):
        method = MAML(network(), mse, inner_lr=0.2, inner_steps=2)
        fit(method, [tasks()], {"network": Update(sgd(0.1), microbatches=parts)}, until=Steps(2))
        after.append(torch.cat([p.detach().flatten() for p in method.parameters()]))
    torch.testing.assert_close(after[0], after[1])


def test_predict_adapts_and_forgets():
    """MAML, contract: predictions come from adapted weights, under fit's inference mode, and leave the weights as they were."""
    method, batch = MAML(network(), mse, inner_lr=0.2, inner_steps=2), tasks()
    before = copy.deepcopy(method.state_dict())
    output = method.predict(batch)["output"]
    with torch.no_grad():
        expected = method.answer(batch)
    torch.testing.assert_close(output, expected)
    assert not torch.allclose(expected, method.network(batch["input"]))
    assert all(torch.equal(before[k], v) for k, v in method.state_dict().items())


def test_batch_norm_is_refused():
    with pytest.raises(ValueError, match="batch norm at '1'"):
        MAML(nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2)), mse)
    with pytest.raises(ValueError, match="positive"):
        MAML(network(), mse, inner_steps=0)
