"""Activation functions against Keras."""

from __future__ import annotations

import pytest
import torch

from tests.models.exchange.keras_models import keras
from weft.models.exchange.keras_activations import FUNCTIONS, keras_activation, old_hard_sigmoid


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_keras_function(name):
    """keras_activation, parity: every function on a grid of numbers."""
    x = torch.linspace(-6, 6, 48).reshape(4, 12)
    theirs = keras().activations.get(name)
    torch.testing.assert_close(keras_activation(name)(x), torch.as_tensor(theirs(x)), rtol=1e-5, atol=1e-6)


def test_ways_of_writing_one_down():
    """Closed form: a description of a function is its name; before Keras 3 the hard sigmoid had another slope."""
    x = torch.tensor([-2.6, -1.0, 0.0, 1.0, 2.6])
    assert keras_activation({"class_name": "function", "config": "relu"}) is FUNCTIONS["relu"]
    assert torch.equal(keras_activation(None)(x), x)
    torch.testing.assert_close(keras_activation("hard_sigmoid", before_3=True)(x), torch.tensor([0.0, 0.3, 0.5, 0.7, 1.0]))
    torch.testing.assert_close(old_hard_sigmoid(x), torch.tensor([0.0, 0.3, 0.5, 0.7, 1.0]))
    with pytest.raises(ValueError, match="Unknown Keras activation 'rellu'"):
        keras_activation("rellu")
