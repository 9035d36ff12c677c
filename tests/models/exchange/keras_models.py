"""Keras models for the tests, saved and read back."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
import torch


def keras():
    """Keras on its torch backend; without it the test is skipped."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("h5py")
    return pytest.importorskip("keras")


def shaken(model, seed=0):
    """The model with random weights everywhere, also where Keras starts with zeros and ones."""
    draw = np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" not in variable.path:
            values = draw.normal(0, 0.5, variable.shape).astype("float32")
            variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return model


def outputs(value):
    return [torch.as_tensor(part).detach() for part in (value if isinstance(value, (list, tuple)) else [value])]


def assert_same(model, network, inputs, tolerance=1e-5):
    """Both give the same outputs, in eval mode."""
    with torch.no_grad():
        theirs = outputs(model(inputs if len(inputs) > 1 else inputs[0], training=False))
        ours = outputs(network(*inputs))
    assert len(theirs) == len(ours)
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right.to(left.dtype), rtol=tolerance, atol=tolerance)


def random_picture_model(seed):
    """A network of convolutions, drawn at random: branches, norms, pooling, a head."""
    k, draw = keras(), random.Random(seed)
    layers = k.layers
    inputs = x = k.Input((draw.choice([8, 11]), draw.choice([9, 12]), draw.choice([1, 3])))
    for _ in range(draw.randint(2, 4)):
        width, padding = draw.choice([3, 4, 6]), draw.choice(["same", "valid"])
        kind = draw.randrange(5)
        if kind == 0:
            x = layers.Conv2D(width, draw.choice([1, 2, 3]), strides=draw.choice([1, 2]), padding="same", activation=draw.choice(["relu", "gelu", None]))(x)
        elif kind == 1:
            x = layers.SeparableConv2D(width, 3, padding="same", activation="silu")(x)
        elif kind == 2:
            x = layers.DepthwiseConv2D(2, padding=padding, depth_multiplier=draw.choice([1, 2]))(x)
        elif kind == 3:
            branch = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x)
            x = draw.choice([layers.Add, layers.Multiply, layers.Concatenate, layers.Maximum])()([x, branch])
        else:
            x = layers.Conv2DTranspose(width, 3, strides=2, padding="same")(x)
        if draw.random() < 0.6:
            x = draw.choice([layers.BatchNormalization, layers.LayerNormalization])()(x)
        if draw.random() < 0.4:
            x = draw.choice([layers.MaxPooling2D(2, padding="same"), layers.AveragePooling2D(2), layers.ZeroPadding2D(1), layers.LeakyReLU(0.1)])(x)
    x = draw.choice([layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D(), layers.Flatten()])(x)
    x = layers.Dropout(0.5)(layers.Dense(5, activation="tanh")(x))
    return shaken(k.Model(inputs, layers.Dense(3, activation="softmax")(x)), seed)


def random_sequence_model(seed):
    """A network for sequences, drawn at random: embedding or numbers, recurrence, attention, pooling, a head."""
    k, draw = keras(), random.Random(seed)
    layers = k.layers
    if draw.random() < 0.5:
        inputs = k.Input((6,), dtype="int32")
        x = layers.Embedding(11, 4, mask_zero=draw.random() < 0.5)(inputs)
    else:
        inputs = x = k.Input((6, 4))
    for _ in range(draw.randint(1, 3)):
        kind, sequences = draw.randrange(6), {"return_sequences": True}
        if kind == 0:
            x = layers.LSTM(4, **sequences)(x)
        elif kind == 1:
            x = layers.GRU(4, reset_after=draw.random() < 0.5, **sequences)(x)
        elif kind == 2:
            x = layers.SimpleRNN(4, activation=draw.choice(["tanh", "relu"]), **sequences)(x)
        elif kind == 3:
            inner = draw.choice([layers.LSTM, layers.GRU])
            x = layers.Bidirectional(inner(3, **sequences), merge_mode=draw.choice(["concat", "sum", "ave", "mul"]))(x)
        elif kind == 4:
            attended = layers.MultiHeadAttention(2, 3)(x, x)
            x = layers.LayerNormalization()(layers.Add()([x, attended]))
        else:
            x = layers.Conv1D(5, 3, padding=draw.choice(["causal", "same"]), activation="elu")(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    x = draw.choice([layers.GlobalAveragePooling1D(), layers.LSTM(3), layers.Flatten()])(x)
    return shaken(k.Model(inputs, layers.Dense(2)(x)), seed)


def inputs_of(model, seed=0, size=3):
    """Random inputs, with padding of zeros at the end of token sequences."""
    torch.manual_seed(seed)
    made = []
    for one in model.inputs:
        if "int" in str(one.dtype):
            tokens = torch.randint(1, 10, (size, *one.shape[1:]))
            tokens[-1, -2:] = 0
            made.append(tokens)
        else:
            made.append(torch.randn(size, *one.shape[1:]))
    return made
