"""Dropout by name, over time, and while predicting."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import dropout, dropout_on, monte_carlo, set_dropout
from weft.nn.regularise.dropout import DROPOUTS

SHAPES = {"channels_1d": (400, 20, 5), "channels_2d": (400, 20, 3, 3), "channels_3d": (400, 20, 2, 2, 2), "block": (50, 20, 20, 20)}


@pytest.mark.parametrize("name", DROPOUTS)
def test_mean_is_kept_and_nothing_happens_while_predicting(name):
    """Property: dropout by name keeps the mean (and alpha the variance too) of standard normal features shifted or not; eval mode is the identity;
    p = 1 gives zeros, p outside [0, 1] is refused."""
    shape, layer = SHAPES.get(name, (400, 20, 5)), dropout(name, 0.2)
    x = torch.randn(shape) + (0 if "alpha" in name else 1)
    y = layer(x)
    assert y.mean().item() == pytest.approx(x.mean().item(), abs=0.04)
    if "alpha" in name:
        assert y.var().item() == pytest.approx(1, abs=0.06)
    assert not torch.equal(y, x) and torch.equal(layer.eval()(x), x)
    assert not dropout(name, 1.0)(x).any()
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"between 0 and 1"):
            dropout(name, p)


@pytest.mark.parametrize("name", ["channels_1d", "channels_2d", "channels_3d"])
def test_channels_fall_out_whole(name):
    """Property: of ones, a channel is all 0 or all 1 / (1 - p), and channels of one sample fall apart from each other."""
    y = dropout(name, 0.5)(torch.ones(SHAPES[name])).flatten(2)
    assert torch.equal(y, y[..., :1].expand_as(y))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert 0 < (y[0, :, 0] == 0).sum() < y.shape[1]


def test_selu_with_alpha_dropout_keeps_mean_and_variance_through_depth():
    """Property: after 20 layers of LeCun weights, SELU and alpha dropout, mean 0 and variance 1 within a fifth; with plain dropout not."""

    def after(name: str) -> torch.Tensor:
        torch.manual_seed(0)
        x = torch.randn(500, 256)
        for _ in range(20):
            layer = nn.Linear(256, 256, bias=False)
            nn.init.normal_(layer.weight, std=256**-0.5)
            x = dropout(name, 0.1)(nn.functional.selu(layer(x)))
        return x

    kept, lost = after("alpha"), after("elements")
    assert kept.mean().abs() < 0.2 and abs(kept.var().item() - 1) < 0.2
    assert abs(lost.var().item() - 1) > 0.2 or lost.mean().abs() > 0.2


def test_rates_can_be_set_and_what_holds_none_is_said():
    network = nn.Sequential(nn.Dropout(0.5), nn.Sequential(dropout("block", 0.1), dropout("path", 0.2)))
    assert set_dropout(network, 0.3) == 3 and network[1][1].p == 0.3
    with pytest.raises(ValueError, match=r"Linear holds no dropout to set"):
        set_dropout(nn.Linear(1, 1), 0.1)
    with pytest.raises(ValueError, match=r"Unknown dropout 'chanels_2d'. Did you mean 'channels_2d'"):
        dropout("chanels_2d")


def test_monte_carlo_is_mean_and_deviation_over_dropout_alone():
    """Closed form: of a linear function of dropped ones, deviation sqrt(p / (1 - p)); batch norm and modes are left as they were."""
    network = nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.2), nn.Dropout(0.0)).train()
    network[2].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    mean, deviation = monte_carlo(network, torch.full((2000, 1), 1.0), samples=50)
    assert mean.mean().item() == pytest.approx(1, abs=0.02)
    assert deviation.square().mean().sqrt().item() == pytest.approx(0.5, abs=0.02)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [part.training for part in network] == [True, True, False]
    with pytest.raises(KeyError), dropout_on(network):
        raise KeyError
    assert [part.training for part in network] == [True, True, False]
    with pytest.raises(ValueError, match=r"Linear holds no dropout"):
        monte_carlo(nn.Linear(1, 1), torch.ones(1, 1))
    with pytest.raises(ValueError, match=r"two samples or more"):
        monte_carlo(network, torch.ones(2, 1), samples=1)
