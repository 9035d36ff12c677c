"""How weights begin, measured."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.nn import Scheme, initialize, prior_bias
from weft.nn.initialization.schemes import fans_of, gain_of

STD = {
    "he_normal": math.sqrt(2 / 300),
    "he_uniform": math.sqrt(2 / 300),
    "xavier_normal": math.sqrt(2 / 700),
    "xavier_uniform": math.sqrt(2 / 700),
    "lecun_normal": math.sqrt(1 / 300),
    "lecun_uniform": math.sqrt(1 / 300),
    "variance_scaled": math.sqrt(2 / 300),
    "layer_sequential": math.sqrt(2 / 300),
    "normal": 0.02,
    "truncated_normal": 0.88 * 0.02,
    "zeros": 0.0,
    "ones": 0.0,
    "constant": 0.0,
}
THEIRS = {
    "he_normal": lambda w, fan, of: nn.init.kaiming_normal_(w, 0.01, mode=f"fan_{fan}", nonlinearity=of),
    "he_uniform": lambda w, fan, of: nn.init.kaiming_uniform_(w, 0.01, mode=f"fan_{fan}", nonlinearity=of),
    "xavier_normal": lambda w, fan, of: nn.init.xavier_normal_(w),
    "xavier_uniform": lambda w, fan, of: nn.init.xavier_uniform_(w),
    "orthogonal": lambda w, fan, of: nn.init.orthogonal_(w),
    "truncated_normal": lambda w, fan, of: nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04),
}


@pytest.mark.parametrize("scheme", STD)
def test_spread_is_as_promised(scheme):
    """Closed form: the standard deviation of 120,000 weights by initialize is within 2 % of the scheme's, times the gain; biases as told."""
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


@pytest.mark.parametrize("scheme", THEIRS)
@pytest.mark.parametrize("shape", [(30, 20), (8, 4, 3, 3), (6, 4, 5)])
def test_draws_are_torchs(scheme, shape):
    """Parity with torch.nn.init: the same seed gives the same numbers, for both fans and several nonlinearities."""
    for fan in ("in", "out"):
        for of in ("relu", "tanh", "selu", "leaky_relu", "linear"):
            torch.manual_seed(3)
            ours = Scheme(scheme, fan=fan, nonlinearity=of).fill(torch.empty(shape))
            torch.manual_seed(3)
            torch.testing.assert_close(ours, THEIRS[scheme](torch.empty(shape), fan, of), rtol=1e-6, atol=1e-7)


def test_schemes_with_numbers():
    """Closed form: depth divides by its root, sparsity empties columns, identity and dirac give the input back, constants are constant."""
    deep = Scheme("layer_sequential", depth=16).fill(torch.empty(400, 300))
    assert deep.std().item() == pytest.approx(math.sqrt(2 / 300) / 4, rel=0.02)
    sparse = Scheme("sparse", sparsity=0.75, std=0.5).fill(torch.empty(40, 30))
    assert ((sparse == 0).sum(0) == 30).all()
    assert torch.equal(Scheme("identity", gain=0.5).fill(torch.empty(3, 3)), 0.5 * torch.eye(3))
    conv = initialize(nn.Conv2d(4, 4, 3, padding=1), "dirac")
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(conv(x), x)
    assert (Scheme("constant", value=0.3).fill(torch.empty(2, 2)) == 0.3).all()
    assert (initialize(nn.Linear(3, 2), "orthogonal_scaled").bias == 0.01).all()
    assert Scheme("normal", std=0.1, gain=0.01).fill(torch.empty(300, 300)).std().item() == pytest.approx(0.001, rel=0.02)


def test_the_default_is_xavier_and_not_torchs_own():
    """Closed form: without a name initialize applies xavier_uniform: bound sqrt(6 / (in + out)), where torch's Linear has 1 / sqrt(in)."""
    layer = initialize(nn.Linear(300, 100))
    assert math.sqrt(6 / 400) * 0.99 < layer.weight.abs().max() <= math.sqrt(6 / 400) and not layer.bias.any()


@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (2, 1), (1, 2)])
def test_transposed_convolutions_keep_the_variance(groups, stride):
    """Property: fans_of counts what one output of a transposed convolution really sums, so that lecun_normal keeps variance 1."""
    layer = initialize(nn.ConvTranspose2d(32, 64, 4, stride, groups=groups), "lecun_normal")
    assert layer(torch.randn(8, 32, 24, 24))[..., 4:-4, 4:-4].var().item() == pytest.approx(1, rel=0.1)
    assert fans_of(layer.weight, layer)[0] == 32 / groups * 16 / stride**2


def test_gains_are_torchs_or_relus():
    """Closed form: gain_of follows torch.nn.init.calculate_gain where that knows the name."""
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert gain_of(name) == nn.init.calculate_gain(name)
    with pytest.raises(ValueError, match=r"Unknown nonlinearity 'gleu'\. Did you mean 'gelu'"):
        gain_of("gleu")


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown fan 'inn'\. Did you mean 'in'"):
        Scheme("he_normal", fan="inn")
    with pytest.raises(ValueError, match=r"for matrices; got a tensor of shape \(2, 2, 3\)"):
        Scheme("sparse").fill(torch.empty(2, 2, 3))
    with pytest.raises(ValueError, match="depth >= 1"):
        Scheme("layer_sequential", depth=0)
    with pytest.raises(ValueError, match="Unknown scheme 'he'"):
        initialize(nn.Linear(2, 2), "he")
    with pytest.raises(ValueError, match="holds no linear or convolution"):
        initialize(nn.ReLU(), "he_normal")
    with pytest.raises(ValueError, match=r"between 0 and 1; got 1\.0"):
        prior_bias(nn.Linear(3, 1), 1.0)
    with pytest.raises(ValueError, match="with a bias"):
        prior_bias(nn.Linear(3, 1, bias=False), 0.5)
