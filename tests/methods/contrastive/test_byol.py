"""BYOL: targets follow as averages and get no gradient; views can be cut into microbatches."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Steps, Update, fit
from weft.methods import BYOL
from weft.optim import EMA, sgd


def method(decay=0.9):
    torch.manual_seed(0)
    return BYOL(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 3), nn.Sequential(nn.Linear(3, 3)), decay=decay)


def views(size=6):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, 4, generator=generator)
    return {"input": x, "view": x + 0.1 * torch.randn(size, 4, generator=generator)}


def test_loss_is_the_distance_of_unit_vectors():
    """BYOL, parity: |normalised prediction - normalised target|^2, both ways, as in the paper."""
    made, batch = method(), views()
    with torch.no_grad():
        for p in made.target_network.parameters():
            p.add_(0.1)
        total = 0.0
        for seen, hidden in (("input", "view"), ("view", "input")):
            guess = F.normalize(made.predictor(made.projector(made.network(batch[seen]))), dim=1)
            target = F.normalize(made.target_projector(made.target_network(batch[hidden])), dim=1)
            total = total + (guess - target).square().sum(1)
        torch.testing.assert_close(made.loss(batch).value, total.mean())


def test_targets_are_averages_of_the_online_networks():
    """BYOL, closed form: after a step, target = decay * old target + (1 - decay) * new network; its own gradient is none."""
    made = method(decay=0.9)
    before = copy.deepcopy(made.target_network.state_dict())
    fit(made, [views()], until=Steps(1))
    for name, value in made.network.state_dict().items():
        torch.testing.assert_close(made.target_network.state_dict()[name], 0.9 * before[name] + 0.1 * value)
    assert all(p.grad is None and not p.requires_grad for part in (made.target_network, made.target_projector) for p in part.parameters())


def test_microbatches_are_exact():
    """BYOL, property: no sample sees another, so four pieces of a batch give the step of the whole."""
    after = []
    for parts in (1, 4):
        made = method()
        follow = [EMA("target_network", "network", 0.9), EMA("target_projector", "projector", 0.9)]
        fit(made, [views(10)], Update(sgd(0.1), on="", after=follow, microbatches=parts), until=Steps(3))
        after.append(made.state_dict())
    for name, value in after[0].items():
        torch.testing.assert_close(after[1][name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", [True, False])
def test_features_are_deployed_alone(mode):
    made = method().train(mode)
    assert made.target_network.training == mode  # normalised by its own batch, as the online network is
    assert made.deploy() == {"embed": made.network}
    assert made.predict(views())["embedding"].shape == (6, 8)
