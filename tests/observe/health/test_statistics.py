"""A single look at gradients, weights, activations and data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.observe import check_activations, check_data, check_finite, check_gradients, check_weights, watch_finite


def test_gradients_equal_numpy():
    """Brute force: values of a toy model equal NumPy's."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(2, 2))
    model[2].requires_grad_(False)
    model[1](model[0](torch.randn(5, 3))).square().mean().backward()
    found = check_gradients(model)
    assert set(found) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    g, w = model[0].weight.grad.numpy(), model[0].weight.detach().numpy()
    assert found["0.weight"]["mean"] == pytest.approx(np.abs(g).mean()) and found["0.weight"]["max"] == pytest.approx(np.abs(g).max())
    assert found["0.weight"]["ratio"] == pytest.approx(np.linalg.norm(g) / np.linalg.norm(w)) and not found["0.weight"]["vanishing"]


def test_gradients_that_are_missing_tiny_huge_or_broken():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(4))
    for layer, value in zip(layers[1:], (1e-12, 1e6, float("nan")), strict=True):
        layer.weight.grad = torch.full((2, 2), value)
    found = check_gradients(layers)
    assert found["0.weight"] == {"none": 1.0}
    assert found["1.weight"]["vanishing"] and found["2.weight"]["exploding"] and found["3.weight"]["nonfinite"] == 4
    tiny = nn.Linear(2, 2)
    with torch.no_grad():
        tiny.weight.mul_(1e-6)
    tiny.weight.grad = 1e-7 * torch.ones(2, 2)
    assert not check_gradients(tiny)["weight"]["vanishing"], "small beside its weight, not small in itself, is what counts"


def test_weights_equal_numpy():
    model = nn.Linear(3, 4)
    w = model.weight.detach().numpy()
    found = check_weights(model)["weight"]
    assert found["std"] == pytest.approx(w.std()) and found["norm"] == pytest.approx(np.linalg.norm(w)) and found["mean"] == pytest.approx(w.mean())


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(3, 4), nn.Linear(4, 4), nn.Sigmoid()
        with torch.no_grad():
            self.a.bias[:2] = -99.0

    def forward(self, x):
        return self.act(torch.tanh(self.b(F.relu(self.a(x)))).relu())


def test_activations_that_are_modules_and_functions():
    model = Functional().train()
    found = check_activations(model, torch.randn(6, 3))
    assert list(found) == ["relu#1", "tanh#1", "relu#2", "act"]
    assert found["relu#1"]["dead"] >= 0.5 and found["relu#1"]["zero"] >= 0.5 and "saturated" in found["tanh#1"] and "dead" not in found["act"]
    assert model.training and not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_hooks_come_off_after_an_error():
    model = Functional()
    with pytest.raises(RuntimeError):
        check_activations(model, torch.randn(6, 9))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_data_of_every_kind_of_label():
    classes = check_data([(torch.randn(4, 2), torch.tensor([0, 2, 2, 1]))] * 9, 2)
    assert classes["target"]["counts"] == {0: 2, 1: 2, 2: 4} and classes["input"]["shape"] == (2,)
    numbers = check_data([(torch.full((4, 2), torch.nan), torch.rand(4))])
    assert numbers["target"]["counts"] == {} and numbers["input"]["nonfinite"] == 8 and "mean" not in numbers["input"]
    several = check_data([(torch.ones(3, 2), torch.tensor([[1, 0], [1, 1], [0, 0]]).float())])
    assert several["target"]["counts"] == {0: 2, 1: 1}
    x = torch.randn(50, 3)
    found = check_data([{"input": part} for part in x.split(10)])["input"]
    assert found["mean"] == pytest.approx(x.numpy().mean(), abs=1e-6) and found["std"] == pytest.approx(x.numpy().std(), rel=1e-5)


def test_what_is_not_finite_is_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert check_finite(model) == []
    with torch.no_grad():
        model[0].weight[0, 0] = torch.inf
        model[1].running_mean[1] = torch.nan
    model[0].bias.grad = torch.tensor([torch.nan, 1.0])
    assert [line.split(":")[0] for line in check_finite(model)] == ["parameter 0.weight", "gradient 0.bias", "buffer 1.running_mean"]
    assert len(check_finite(model, params=False, buffers=False)) == 1


class Divides(nn.Module):
    def forward(self, x):
        return x / (x - x)


def test_the_module_where_it_begins_is_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), Divides()), nn.Linear(2, 2))
    with watch_finite(model, "collect") as found:
        model(torch.ones(1, 2))
    assert found[0].startswith("1.1 (Divides)") and "was finite" in found[0] and "not finite either" in next(line for line in found if line.startswith("2 "))
    with pytest.raises(ArithmeticError, match=r"1\.1"), watch_finite(model):
        model(torch.ones(1, 2))
    with pytest.warns(UserWarning, match=r"1\.1") as caught, watch_finite(model, "warn"):
        model(torch.ones(1, 2))
    assert len(caught) == 1 and not any(m._forward_hooks for m in model.modules())
    with pytest.raises(ValueError, match="on_bad"), watch_finite(model, "shout"):
        pass
