"""Each class of Keras layer against Keras."""

from __future__ import annotations

import pytest
import torch

from tests.models.exchange.keras_models import assert_same, inputs_of, keras, shaken
from weft.models.exchange import from_keras, known_layers
from weft.models.exchange.keras_layers import fill, keras_layer


def one_layer(make, *shapes, tmp_path):
    """A model of one layer, and the network read from its file."""
    k = keras()
    ends = [k.Input(shape) for shape in shapes]
    model = shaken(k.Model(ends, make(k.layers)(ends if len(ends) > 1 else ends[0])))
    model.save(tmp_path / "m.keras")
    return model, from_keras(tmp_path / "m.keras")


LAYERS = {
    "Dense": (lambda l: l.Dense(3, activation="hard_sigmoid"), (2, 4)),
    "no bias": (lambda l: l.Dense(3, use_bias=False), (4,)),
    "BatchNormalization": (lambda l: l.BatchNormalization(center=False), (4, 3, 2)),
    "axis 1": (lambda l: l.BatchNormalization(axis=1, scale=False), (4, 3)),
    "LayerNormalization": (lambda l: l.LayerNormalization(axis=[1, 2], epsilon=0.1), (4, 3)),
    "GroupNormalization": (lambda l: l.GroupNormalization(2), (5, 4)),
    "UnitNormalization": (lambda l: l.UnitNormalization(), (5, 4)),
    "Softmax": (lambda l: l.Softmax(1), (5, 4)),
    "ReLU": (lambda l: l.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), (5,)),
    "LeakyReLU": (lambda l: l.LeakyReLU(), (5,)),
    "ELU": (lambda l: l.ELU(0.5), (5,)),
    "PReLU": (lambda l: l.PReLU(shared_axes=[1]), (5, 4)),
    "Reshape": (lambda l: l.Reshape((2, -1)), (6,)),
    "Permute": (lambda l: l.Permute((2, 1)), (3, 4)),
    "RepeatVector": (lambda l: l.RepeatVector(3), (4,)),
    "Rescaling": (lambda l: l.Rescaling(0.5, -1.0), (4,)),
    "Normalization": (lambda l: l.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.5]), (2,)),
    "Masking": (lambda l: l.Masking(), (3, 2)),
    "TimeDistributed": (lambda l: l.TimeDistributed(l.Conv1D(3, 2)), (2, 5, 3)),
    "Flatten": (lambda l: l.Flatten(), (2, 3)),
    **{name: (lambda l, name=name: l.Activation(name), (5,)) for name in ("selu", "mish", "log_softmax", "squareplus", "exponential", "sparse_plus", "softsign")},
}
PAIRS = {
    "Subtract": lambda l: l.Subtract(),
    "Average": lambda l: l.Average(),
    "Minimum": lambda l: l.Minimum(),
    "Concatenate": lambda l: l.Concatenate(axis=1),
    "Dot": lambda l: l.Dot(axes=2),
    "Dot, cosine": lambda l: l.Dot(axes=(2, 2), normalize=True),
    "Attention": lambda l: l.Attention(use_scale=True),
    "AdditiveAttention": lambda l: l.AdditiveAttention(),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_what_keras_gives(name, tmp_path):
    """keras_layer, parity: one layer with random weights."""
    make, shape = LAYERS[name]
    model, network = one_layer(make, shape, tmp_path=tmp_path)
    assert_same(model, network, inputs_of(model))


@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_of_two_inputs_gives_what_keras_gives(name, tmp_path):
    """keras_layer, parity: merges and attention."""
    model, network = one_layer(PAIRS[name], (3, 4), (3, 4), tmp_path=tmp_path)
    assert_same(model, network, inputs_of(model))


def test_errors_name_what_is_known():
    with pytest.raises(ValueError, match="Did you mean 'Conv2D'"):
        keras_layer("Conv2", {}, [])
    with pytest.raises(ValueError, match="has no weights for it"):
        keras_layer("Dense", {}, [])
    with pytest.raises(ValueError, match="1 weights for a layer that has none"):
        fill(keras_layer("Flatten", {}, []), [torch.zeros(1)])
    assert {"Dense", "LSTM", "MultiHeadAttention", "Conv3DTranspose"} <= set(known_layers())
