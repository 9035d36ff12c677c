"""Weights that keep to a set."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from weft.nn import constrain, release
from weft.nn.regularise.constraints import OWN, TORCHS

PROMISES = {
    "positive": lambda w: (w > 0).all(),
    "symmetric": lambda w: torch.equal(w, w.T),
    "skew_symmetric": lambda w: torch.equal(w, -w.T),
    "max_norm": lambda w: (w.norm(dim=1) <= 3 + 1e-5).all(),
    "unit_norm": lambda w: torch.allclose(w.norm(dim=1), torch.ones(6), atol=1e-5),
    "low_rank": lambda w: torch.linalg.matrix_rank(w) <= 4,
    "spectral": lambda w: torch.linalg.matrix_norm(w, 2) <= 1.02,
    "weight_norm": lambda w: w.isfinite().all(),
    "orthogonal": lambda w: torch.allclose(w @ w.T, torch.eye(6), atol=1e-5),
}


def made(name):
    layer = nn.Linear(6, 6)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.abs() + 0.1 if name == "positive" else 5 * layer.weight)
    return constrain(layer, name)


@pytest.mark.parametrize("name", [*OWN, *TORCHS])
def test_the_promise_holds_while_learning_and_after(name):
    """Property: constrain keeps its promise through steps that pull away from it, through saving and copying, and release keeps the value."""
    layer = made(name)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.3)
    for _ in range(30):
        optimizer.zero_grad()
        (layer(torch.randn(8, 6)) - 3).square().mean().backward()
        optimizer.step()
    for _ in range(50 if name == "spectral" else 0):
        layer(torch.randn(1, 6))                                       # power iterations catch up
    layer.eval()
    with torch.no_grad():
        assert PROMISES[name](layer.weight)
    x = torch.randn(3, 6)
    other = made(name).eval()
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    torch.testing.assert_close(other(x), layer(x))
    expected = layer(x)
    released = release(layer)
    torch.testing.assert_close(released(x), expected)
    assert isinstance(released.weight, nn.Parameter) and set(released.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize("name", ["positive", "unit_norm", "max_norm", "symmetric", "low_rank"])
def test_a_weight_that_keeps_the_promise_is_where_it_begins(name):
    """Closed form: constraining twice changes nothing the second time; low rank begins at the nearest such matrix (Eckart and Young)."""
    once = made(name).weight.detach()
    layer = nn.Linear(6, 6)
    with torch.no_grad():
        layer.weight.copy_(once)
    torch.testing.assert_close(constrain(layer, name).weight, once, rtol=1e-4, atol=1e-5)
    if name == "low_rank":
        full = torch.randn(6, 6)
        layer = nn.Linear(6, 6)
        with torch.no_grad():
            layer.weight.copy_(full)
        error = (constrain(layer, name).weight - full).square().sum()
        torch.testing.assert_close(error, torch.linalg.svdvals(full)[4:].square().sum(), rtol=1e-4, atol=1e-5)


def test_what_torch_has_is_torchs():
    """Parity: spectral, weight norm and orthogonal are torch's parametrizations, number for number."""
    theirs = {"spectral": parametrizations.spectral_norm, "weight_norm": parametrizations.weight_norm, "orthogonal": parametrizations.orthogonal}
    for name, function in theirs.items():
        layer = nn.Linear(4, 3)
        twin = copy.deepcopy(layer)
        torch.manual_seed(0)
        ours = constrain(layer, name).weight
        torch.manual_seed(0)
        torch.testing.assert_close(ours, function(twin).weight)


def test_a_maximum_leaves_smaller_norms_alone():
    """Closed form: rows longer than the maximum are scaled down to it, shorter ones are what they were."""
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]))
    constrain(layer, "max_norm", {"most": 1.0})
    torch.testing.assert_close(layer.weight, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def test_convolutions_keep_to_norms_too():
    """Property: a norm is that of all weights of one output."""
    conv = constrain(nn.Conv2d(3, 4, 3), "max_norm", {"most": 0.5})
    assert (conv.weight.flatten(1).norm(dim=1) <= 0.5 + 1e-6).all()
    assert conv(torch.zeros(1, 3, 5, 5)).shape == (1, 4, 3, 3)


def test_what_does_not_suit_is_said():
    with pytest.raises(ValueError, match=r"Unknown constraint 'symetric'. Did you mean 'symmetric'"):
        constrain(nn.Linear(2, 2), "symetric")
    with pytest.raises(ValueError, match=r"Linear has no parameter 'wieght' to constrain. Did you mean 'weight'"):
        constrain(nn.Linear(2, 2), "positive", tensor="wieght")
    with pytest.raises(ValueError, match=r"'max_norm' has no option 'max'"):
        constrain(nn.Linear(2, 2), "max_norm", {"max": 1})
    with pytest.raises(ValueError, match=r"square weight; got one of shape \(3, 2\)"):
        constrain(nn.Linear(2, 3), "symmetric")
    with pytest.raises(ValueError, match=r"ranks from 1 to 2; got rank=4"):
        constrain(nn.Linear(2, 3), "low_rank")
    with pytest.raises(ValueError, match=r"not constrained"):
        release(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"positive weight to begin with"):
        constrain(nn.Linear(20, 20), "positive")
