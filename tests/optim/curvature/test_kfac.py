"""Kronecker factors."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy, mse
from weft.methods import Supervised
from weft.optim import KFAC, sgd


def test_one_samples_factors_are_its_fisher_matrix():
    """KFAC, closed form: for one sample the Kronecker product of the factors is g g^T exactly; the step is the damped inverse of both."""
    net, x, y = nn.Linear(3, 2), torch.randn(1, 3), torch.tensor([1])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    value = F.cross_entropy(net(x), y)
    weight, bias = torch.autograd.grad(value, list(net.parameters()))
    grad = torch.cat([weight, bias[:, None]], 1)
    estimator = KFAC(damping=0.3)
    fit(Supervised(net, cross_entropy), [(x, y)], Update(sgd(1.0), estimator=estimator), until=Steps(1))
    a, s = estimator.factors["network.a"], estimator.factors["network.s"]
    torch.testing.assert_close(torch.kron(s, a), torch.outer(grad.flatten(), grad.flatten()))
    ratio = ((a.trace() / 4) / (s.trace() / 2)).sqrt()
    left = torch.linalg.inv(s + 0.3**0.5 / ratio * torch.eye(2))
    step = left @ grad @ torch.linalg.inv(a + 0.3**0.5 * ratio * torch.eye(4))
    torch.testing.assert_close(before["weight"] - net.weight, step[:, :3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(before["bias"] - net.bias, step[:, 3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_a_convolutions_factors_are_those_of_its_patches(padding):
    """KFAC, closed form: A from patches, S from slopes, summed over places; a 1 x 1 picture and kernel is a linear layer."""
    net, x, y = nn.Conv2d(2, 3, 3, padding=padding), torch.randn(4, 2, 5, 5), None
    out = net(x)
    y = torch.randn_like(out)
    estimator = KFAC(decay=0.0)
    fit(Supervised(net, mse), [(x, y)], Update(sgd(0.0), estimator=estimator), until=Steps(1))
    slope = (2 * (out - y) / out[0].numel()).detach()  # of each sample's own mean
    side = 1 if padding else 0
    patches = F.unfold(x, 3, padding=side).transpose(1, 2).reshape(-1, 18)
    patches = torch.cat([patches, torch.ones(len(patches), 1)], 1)
    rows = slope.movedim(1, -1).reshape(-1, 3)
    torch.testing.assert_close(estimator.factors["network.a"], patches.t() @ patches / len(patches))
    torch.testing.assert_close(estimator.factors["network.s"], rows.t() @ rows / 4, rtol=1e-4, atol=1e-6)


def test_it_is_faster_where_inputs_are_badly_scaled():
    """KFAC, learned: with inputs of scales 1 to 100, below the error of the best of five rates of gradient descent after 40 steps."""
    torch.manual_seed(0)
    x = torch.randn(128, 10) * torch.logspace(0, 2, 10)
    y = (x / torch.logspace(0, 2, 10)) @ torch.randn(10, 3)

    def error(estimator, rule):
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 3))
        fit(Supervised(net, mse), [(x, y)], Update(rule, estimator=estimator), until=Steps(40))
        return float(F.mse_loss(net(x), y))

    plain = min(error(None, sgd(lr, momentum=0.9)) for lr in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1))
    assert min(error(KFAC(damping=1e-3, clip=clip), sgd(0.3, momentum=0.9)) for clip in (1.0, 0.1)) < plain


def test_other_parameters_keep_their_gradient_and_steps_may_be_clipped():
    """KFAC, property: a norm's weights move as without it; hooks come off; with a clip the step is shortened."""
    torch.manual_seed(0)
    net, x, y = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2)), torch.randn(6, 3), torch.randn(6, 2)
    grad = torch.autograd.grad(mse(net(x), y).mean(), net[0].weight)[0]
    before = net[0].weight.detach().clone()
    fit(Supervised(net, mse), [(x, y)], Update(sgd(1.0), estimator=KFAC()), until=Steps(1))
    torch.testing.assert_close(before - net[0].weight.detach(), grad)
    assert not net[1]._forward_pre_hooks and not net[1]._backward_hooks

    def length(clip):
        torch.manual_seed(2)
        one = nn.Linear(3, 2)
        start = one.weight.detach().clone()
        fit(Supervised(one, mse), [(x, y)], Update(sgd(1.0), estimator=KFAC(clip=clip)), until=Steps(1))
        return float((one.weight - start).norm())

    assert length(1e-3) < 0.5 * length(None)
    with pytest.raises(ValueError, match="expected positive damping"):
        KFAC(0.0)
