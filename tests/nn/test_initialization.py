"""How weights begin, measured."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.nn import initialize, prior_bias

STD = {
    "he_normal": math.sqrt(2 / 300),
    "he_uniform": math.sqrt(2 / 300),
    "xavier_normal": math.sqrt(2 / 700),
    "xavier_uniform": math.sqrt(2 / 700),
    "lecun_normal": math.sqrt(1 / 300),
    "truncated_normal": 0.88 * 0.02,
    "zeros": 0.0,
}


@pytest.mark.parametrize("scheme", STD)
def test_spread_is_as_promised(scheme):
    """Closed form: the standard deviation of 120,000 weights is within 2 % of the scheme's, times the gain; biases as told."""
    layer = initialize(nn.Linear(300, 400), scheme, gain=1.5, bias=0.25)
    assert layer.weight.std().item() == pytest.approx(1.5 * STD[scheme], rel=0.02)
    assert (layer.bias == 0.25).all()


def test_orthogonal_rows_and_convolutions():
    """Property: W W^T = gain^2 I; convolutions are taken as matrices; he keeps the variance of relu layers at any depth."""
    weight = initialize(nn.Conv2d(4, 8, 3), "orthogonal", gain=2.0).weight.flatten(1)
    torch.testing.assert_close(weight @ weight.T, 4 * torch.eye(8), rtol=1e-4, atol=1e-4)
    deep = initialize(nn.Sequential(*[m for _ in range(30) for m in (nn.Linear(256, 256), nn.ReLU())]), "he_normal")
    assert 0.2 < deep(torch.randn(64, 256)).square().mean() < 5


def test_shared_weights_are_set_once_and_norms_left_alone():
    """Property: a tied weight gets the gain once; embeddings and norms keep their beginnings."""
    first = nn.Linear(4, 4, bias=False)
    second = nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    tied = initialize(nn.Sequential(first, nn.LayerNorm(4), second), "orthogonal", gain=3.0)
    torch.testing.assert_close(tied[0].weight @ tied[0].weight.T, 9 * torch.eye(4), rtol=1e-4, atol=1e-4)
    assert (tied[1].weight == 1).all()


def test_prior_bias_predicts_the_rate():
    """Closed form: with zero weights the sigmoid is the rate."""
    layer = prior_bias(initialize(nn.Linear(3, 1), "zeros"), 0.01)
    assert layer(torch.randn(1, 3)).sigmoid().item() == pytest.approx(0.01)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="Unknown scheme 'he'"):
        initialize(nn.Linear(2, 2), "he")
    with pytest.raises(ValueError, match="holds no linear or convolution"):
        initialize(nn.ReLU(), "he_normal")
    with pytest.raises(ValueError, match=r"between 0 and 1; got 1\.0"):
        prior_bias(nn.Linear(3, 1), 1.0)
    with pytest.raises(ValueError, match="with a bias"):
        prior_bias(nn.Linear(3, 1, bias=False), 0.5)
