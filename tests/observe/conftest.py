"""A moment of a training without a training, and a small real one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from weft.engine import Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim.optimizers import sgd


@pytest.fixture
def moment():
    """Makes a state as listeners see it."""

    def make(step=1, **changes):
        values = {"stage": "", "step": step, "epoch": 0, "samples": step * 8, "seconds": step * 0.5, "total": 100, "metrics": {}, "updates": {}}
        values["progress"] = lambda: SimpleNamespace(fraction=0.25)
        return SimpleNamespace(**(values | changes))

    return make


@pytest.fixture
def batches():
    x = torch.randn(6, 8, 4, generator=torch.Generator().manual_seed(1))
    return [(rows, (rows[:, 0] > 0).long()) for rows in x]


@pytest.fixture
def training():
    """Makes a method with dropout and its update, always the same."""

    def make():
        torch.manual_seed(3)
        network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))
        return Supervised(network, cross_entropy), Update(sgd(0.1, momentum=0.9), on="network")

    return make
