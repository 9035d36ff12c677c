"""Batch normalisation against torch's, over several steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, differences, same
from weft.scratch import BatchNorm

SHAPES = [(2, 1), (6, 3), (4, 3, 5), (1, 2, 4), (3, 2, 4, 5)]


def of_torch(features, x):
    return {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[x.ndim](features, dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_averages_and_gradients_are_torchs(shape):
    """BatchNorm, parity: torch.nn.BatchNorm1d and 2d over three batches: outputs, running mean, running unbiased variance, number of batches and
    all gradients; then the same when predicting."""
    random = np.random.default_rng(0)
    ours = BatchNorm(shape[1])
    theirs = of_torch(shape[1], np.zeros(shape))
    ours.gamma[:], ours.beta[:] = random.normal(size=shape[1]), random.normal(size=shape[1])
    for training in (True, True, True, False):
        theirs.train(training)
        x, dy = 3 + 2 * random.normal(size=shape), random.normal(size=shape)
        y, gradients = autograd(
            lambda x, gamma, beta: torch.func.functional_call(theirs, {"weight": gamma, "bias": beta}, (x,)), [x, ours.gamma, ours.beta], dy
        )
        back = ours.backward(dy, x, training=training)
        assert same(ours.forward(x, training=training), y) and same(list(back), gradients)
        assert same(ours.running_mean, theirs.running_mean) and same(ours.running_var, theirs.running_var)
        assert ours.num_batches_tracked == theirs.num_batches_tracked.item()
    assert ours.num_batches_tracked == 3


def test_gradients_are_those_of_finite_differences():
    """BatchNorm, brute force: each x moves mean and variance of all."""
    random = np.random.default_rng(1)
    x, dy = random.normal(size=(4, 2, 3)), random.normal(size=(4, 2, 3))
    assert same(BatchNorm(2).backward(dy, x)[0], differences(lambda x: BatchNorm(2).forward(x), [x], dy)[0], 1e-7)


def test_the_running_variance_is_the_unbiased_one():
    """BatchNorm, closed form: of 1 and 3 the batch's variance is 1, and the average takes 2."""
    norm = BatchNorm(1, momentum=1.0)
    assert same(norm.forward(np.array([[1.0], [3.0]])), np.array([[-1.0], [1.0]]) / np.sqrt(1 + 1e-5)) and norm.running_var.tolist() == [2.0]
    assert norm.running_mean.tolist() == [2.0] and BatchNorm(1).momentum == 0.1


def test_one_value_a_channel_is_refused_in_training_as_torch_does():
    """BatchNorm, parity: torch refuses it too; when predicting, one sample is enough for both; (N, L, C) is refused where L is not C."""
    norm, theirs = BatchNorm(3), torch.nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match=r"x of shape \(1, 3\) has 1 value a channel; to train, batch normalisation needs two or more"):
        norm.forward(np.ones((1, 3)))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        theirs(torch.ones(1, 3))
    assert norm.num_batches_tracked == 0 and norm.forward(np.ones((1, 3)), training=False).shape == (1, 3)
    for shape in ((2, 4, 3), (3,), (2, 3, 1, 1, 1)):
        with pytest.raises(ValueError, match="with C = 3"):
            norm.forward(np.ones(shape))
