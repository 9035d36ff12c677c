"""A trial leaves no trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.data import Arrays, Loader
from weft.engine import Steps, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.observe.find.untouched import untouched


def test_a_training_inside_is_as_if_it_had_not_been():
    """Property: weights, statistics, gradients, modes, random state and the loader's position, also after an error."""
    method = Supervised(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)), mse)
    method.network[0].weight.grad = torch.ones(4, 3)
    method.network[1].eval()
    loader = Loader(Arrays({"input": torch.randn(20, 3), "target": torch.randn(20, 1)}), batch_size=4, seed=1)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    position, draw = loader.state_dict(), torch.get_rng_state()


    def trial():
        with untouched(method, loader):
            fit(method, loader, until=Steps(3))
            assert not torch.equal(method.network[0].weight, before["network.0.weight"])
            raise KeyError

    with pytest.raises(KeyError):
        trial()
    for name, value in method.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert torch.equal(method.network[0].weight.grad, torch.ones(4, 3))
    assert not method.network[1].training and method.network[2].training
    assert loader.state_dict() == position and torch.equal(torch.get_rng_state(), draw)
