"""Beginnings by rule, tensor by tensor."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.nn import STANDARD, LSTMCell, Rule, Scheme, initialize_by


class Everything(nn.Module):
    """One part of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(500, 64, padding_idx=3)
        self.stem = nn.Sequential(nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.Tanh(), nn.ConvTranspose2d(32, 16, 2, 2), nn.ReLU())
        self.lstm = nn.LSTM(64, 64, bidirectional=True)
        self.gru = nn.GRU(64, 64)
        self.cell = LSTMCell(64, 64, norm=True)
        self.attention = nn.MultiheadAttention(64, 4)
        self.norm = nn.LayerNorm(64)
        self.own = nn.Parameter(torch.full((3,), 7.0))
        self.head = nn.Linear(64, 500)
        self.tied = nn.Linear(64, 500)
        self.tied.weight = self.embed.weight


def test_every_tensor_is_set_by_its_rule_and_reported():
    """Closed form: the spread of each kind of tensor; the report names every parameter once, what is tied under both names."""
    network = Everything()
    found = initialize_by(network, seed=0)
    assert [one.name for one in found.tensors] == [name for name, _ in network.named_parameters()]
    assert found.kept == ["own"] and (network.own == 7).all()
    (tied,) = [one for one in found.tensors if one.also]
    assert (tied.name, tied.also) == ("embed.weight", ("tied.weight",))
    std = {one.name: one.std for one in found.tensors}
    assert std["embed.weight"] == pytest.approx(0.02, rel=0.03) and not network.embed.weight[3].any()
    assert std["stem.0.weight"] == pytest.approx(5 / 3 / math.sqrt(32 * 9), rel=0.03)  # tanh follows, fan out
    assert std["stem.3.weight"] == pytest.approx(math.sqrt(2 / (16 * 4)), rel=0.06)
    assert std["head.weight"] == pytest.approx(math.sqrt(2 / 500), rel=0.03)
    assert (network.norm.weight == 1).all() and not network.norm.bias.any() and (network.cell.norms[0].weight == 1).all()
    eye = torch.eye(64)
    for layer, gates in ((network.lstm, 4), (network.gru, 3), (network.cell, 4)):
        name = "weight_hh" if layer is network.cell else "weight_hh_l0"
        for gate in layer.get_parameter(name).chunk(gates):
            torch.testing.assert_close(gate @ gate.T, eye, rtol=1e-4, atol=1e-4)
        assert layer.get_parameter(name.replace("hh", "ih")).std().item() == pytest.approx(math.sqrt(2 / 128), rel=0.03)
    for bias in (network.lstm.bias_ih_l0, network.lstm.bias_ih_l0_reverse, network.cell.bias_ih):
        assert bias.chunk(4)[1].eq(1).all() and not bias.chunk(4)[0].any()
    assert not network.lstm.bias_hh_l0.any() and not network.gru.bias_ih_l0.any()
    assert std["attention.in_proj_weight"] == pytest.approx(math.sqrt(2 / 128), rel=0.03)
    assert "embed.weight" in str(found) and "also tied.weight" in str(found)


def test_the_same_seed_gives_the_same_and_nothing_else_moves():
    """Property: a run with the same seed gives the same bits and leaves torch's own random state alone."""
    first, second = Everything(), Everything()
    state = torch.get_rng_state()
    initialize_by(first, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    initialize_by(second, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    initialize_by(second, seed=5)
    assert not torch.equal(first.head.weight, second.head.weight)


def test_own_rules_come_first_and_mixtures_are_seen():
    """Property: the first rule that is for a tensor wins; a type that began in two ways is named."""
    network = Everything()
    found = initialize_by(network, [Rule(Scheme("zeros"), path="head.*"), *STANDARD], seed=0)
    assert not network.head.weight.any() and found.mixed() == {}
    network.tied = nn.Linear(64, 500)
    assert initialize_by(network, [Rule(Scheme("zeros"), path="head.*"), *STANDARD]).mixed() == {"Linear.weight": ["he_normal", "zeros"]}
    assert initialize_by(nn.Linear(2, 2), []).kept == ["weight", "bias"]


def test_the_gain_follows_what_follows():
    """Closed form: He's gain is that of the next activation in the sequence, past norms and dropout; 1 between two linear layers."""
    for after, gain in ((nn.ReLU(), math.sqrt(2)), (nn.Tanh(), 5 / 3), (nn.SELU(), 0.75), (nn.GELU(), math.sqrt(2)), (nn.Linear(300, 2), 1.0)):
        network = nn.Sequential(nn.Linear(200, 300), nn.LayerNorm(300), nn.Dropout(0.1), after)
        initialize_by(network, seed=1)
        assert network[0].weight.std().item() == pytest.approx(gain / math.sqrt(300), rel=0.02)
