"""Recurrent layers against Keras."""

from __future__ import annotations

import pytest
import torch

from tests.models.exchange.keras_models import assert_same, inputs_of
from tests.models.exchange.test_keras_layers import one_layer
from weft.models.exchange.keras_recurrent import KerasBidirectional, KerasRecurrent

CASES = {
    "LSTM": lambda l: l.LSTM(3, return_sequences=True, go_backwards=True),
    "LSTM, other activations": lambda l: l.LSTM(3, activation="relu", recurrent_activation="hard_sigmoid"),
    "LSTM without bias": lambda l: l.LSTM(3, use_bias=False),
    "GRU": lambda l: l.GRU(3, return_sequences=True),
    "GRU, reset before": lambda l: l.GRU(3, reset_after=False, return_sequences=True),
    "GRU without bias": lambda l: l.GRU(3, reset_after=False, use_bias=False),
    "SimpleRNN": lambda l: l.SimpleRNN(3, return_sequences=True),
    "SimpleRNN, relu": lambda l: l.SimpleRNN(3, activation="relu"),
    "states": lambda l: l.LSTM(3, return_state=True),
    "two ways": lambda l: l.Bidirectional(l.GRU(3), merge_mode="mul"),
    "two ways, apart": lambda l: l.Bidirectional(l.LSTM(3, return_sequences=True), merge_mode=None),
    "two ways, states": lambda l: l.Bidirectional(l.LSTM(3, return_state=True)),
}


@pytest.mark.parametrize("name", CASES)
def test_it_gives_what_keras_gives(name, tmp_path):
    """KerasRecurrent and KerasBidirectional, parity: both formulas of the GRU, other activations, states, both directions."""
    model, network = one_layer(CASES[name], (5, 4), tmp_path=tmp_path)
    assert_same(model, network, inputs_of(model))


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_a_mask_of_ones_changes_nothing_and_masked_steps_change_nothing(kind):
    """KerasRecurrent, property: the loop equals torch's kernel; steps that are masked leave the state alone."""
    width = {"SimpleRNN": 3, "GRU": 9, "LSTM": 12}[kind]
    layer = KerasRecurrent(kind, {"activation": "tanh", "recurrent_activation": "sigmoid"}, [(4, width), (3, width), (2, width) if kind == "GRU" else (width,)])
    x = torch.randn(2, 5, 4)
    torch.testing.assert_close(layer(x, mask=torch.ones(2, 5, dtype=torch.bool)), layer(x))
    torch.testing.assert_close(layer(x, mask=torch.arange(5).expand(2, 5) < 3), layer(x[:, :3]))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="expected 12 columns"):
        KerasRecurrent("LSTM", {}, [(4, 9), (3, 9), (9,)])
    layer = KerasRecurrent("SimpleRNN", {}, [(4, 3), (3, 3), (3,)])
    with pytest.raises(ValueError, match="merges by 'max'"):
        KerasBidirectional(layer, layer, "max")
