"""Supervised learning: masks, weights and soft targets."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.engine.toys import mlp, pairs
from weft.engine import Epochs, evaluate, fit
from weft.losses import cross_entropy, mse
from weft.methods import Supervised
from weft.metrics import Accuracy
from weft.optim import adam


def test_it_learns_what_a_line_cannot():
    """supervised, learned: the sign of a product, well above the half that guessing gives."""
    from itertools import islice

    from weft.engine import Update

    method = Supervised(mlp(8, 64, 2), cross_entropy)
    fit(method, list(islice(pairs(64), 40)), Update(adam(1e-2)), until=Epochs(8))
    assert evaluate(method, list(islice(pairs(64, seed=9), 10)), {"accuracy": Accuracy()})["accuracy"] > 0.85


def test_masks_weights_and_probabilities():
    """supervised, closed form: each is the weighted mean of the per-item loss."""
    method = Supervised(nn.Linear(3, 4), cross_entropy)
    x, y = torch.randn(6, 3), torch.randint(4, (6,))
    per = F.cross_entropy(method.network(x), y, reduction="none")
    keep = torch.tensor([True, False, True, True, False, False])
    torch.testing.assert_close(method.loss({"input": x, "target": y, "mask": keep}).value, per[keep].mean())
    weight = torch.rand(6)
    torch.testing.assert_close(method.loss({"input": x, "target": y, "weight": weight}).value, (per * weight).sum() / weight.sum())
    soft = F.one_hot(y, 4).float()
    torch.testing.assert_close(method.loss({"input": x, "target": soft}).value, per.mean())


def test_regression_takes_the_same_road():
    """supervised, closed form: mean squared error over every number."""
    method = Supervised(nn.Linear(3, 2), mse)
    x, y = torch.randn(5, 3), torch.randn(5, 2)
    torch.testing.assert_close(method.loss({"input": x, "target": y}).value, F.mse_loss(method.network(x), y))


def test_a_batch_without_target_and_a_loss_already_averaged_are_refused():
    """Error: says what came and what to give instead."""
    x, y = torch.randn(4, 3), torch.zeros(4, dtype=torch.long)
    with pytest.raises(ValueError, match=r"needs a target.*the batch has input"):
        fit(Supervised(nn.Linear(3, 2), cross_entropy), [x], until=Epochs(1))
    with pytest.raises(ValueError, match=r"one number for the whole batch.*reduction='none'"):
        fit(Supervised(nn.Linear(3, 2), F.cross_entropy), [(x, y)], until=Epochs(1))
    assert fit(Supervised(nn.Linear(3, 2), nn.CrossEntropyLoss(reduction="none")), [(x, y)], until=Epochs(1)).step == 1
