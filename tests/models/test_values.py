"""Action values."""

from __future__ import annotations

import pytest
import torch

from weft.models.control import QNetwork, TwinCritics


def test_dueling_splits_value_and_advantage():
    """Closed form: QNetwork's duel is V + A - mean A, so that the mean over actions is V; without it a plain perceptron."""
    network, x = QNetwork(4, 3, hidden=(8,), dueling=True), torch.randn(5, 4)
    raw = network.layers(x)
    torch.testing.assert_close(network(x).mean(1), raw[:, 0])
    torch.testing.assert_close(network(x)[:, 0] - network(x)[:, 2], raw[:, 1] - raw[:, 3])
    plain = QNetwork(4, 3, hidden=(8,))
    torch.testing.assert_close(plain(x), plain.layers(x))


def test_twins_are_independent():
    """Property: TwinCritics judge observation and action by two networks; the gradient of one does not reach the other."""
    critics = TwinCritics(3, 2, hidden=(8,))
    observation, action = torch.randn(4, 3), torch.randn(4, 2)
    q = critics(observation, action)
    assert q.shape == (4, 2)
    torch.testing.assert_close(q[:, 1:], critics.second(torch.cat([observation, action], 1)))
    q[:, 0].sum().backward()
    assert critics.first.layers[0].weight.grad.any()
    assert critics.second.layers[0].weight.grad is None or not critics.second.layers[0].weight.grad.any()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="expects 5 numbers an item"):
        TwinCritics(3, 2)(torch.randn(4, 3), torch.randn(4, 1))
