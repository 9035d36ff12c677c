"""Freezing: nothing of a frozen part moves, buffers included."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Method, Steps, fit
from weft.losses import Loss
from weft.surgery import freeze, is_frozen, keep_frozen, thaw


class Head(Method):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)

    def loss(self, batch):
        return Loss.mean(self.head(self.body(batch["input"])).square())


def test_a_frozen_part_stays_as_it_is_through_training():
    """freeze, property: parameters and batch-norm statistics stay bit for bit, dropout stays off, the rest trains."""
    torch.manual_seed(0)
    method = Head()
    freeze(method.body)
    before = {k: v.clone() for k, v in method.state_dict().items()}
    fit(method, [torch.randn(8, 3) + 2], until=Steps(5))
    for name, value in method.state_dict().items():
        assert torch.equal(before[name], value) == name.startswith("body."), name
    method.train()
    assert method.head.training
    assert not any(part.training for part in method.body.modules())


def test_thaw_undoes_freeze_below():
    """thaw, property: marks anywhere inside are gone, everything needs a gradient and trains again."""
    method = Head()
    freeze(method.body[1])
    freeze(method.body)
    assert is_frozen(method.body)
    thaw(method.body)
    keep_frozen(method)
    assert not any(is_frozen(part) for part in method.modules())
    assert all(part.training for part in method.body.modules())
    assert all(p.requires_grad for p in method.parameters())


def test_training_nothing_is_said():
    method = Head()
    freeze(method.body)
    freeze(method.head)
    with pytest.raises(ValueError, match="frozen"):
        fit(method, [torch.randn(8, 3)], until=Steps(1))
