"""Batch norm that stands still."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.references import reference
from weft.nn import FrozenBatchNorm, freeze_batch_norms


def trained():
    norm = nn.BatchNorm2d(4)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    for _ in range(3):
        norm(3 + 2 * torch.randn(8, 4, 5, 5))
    return norm


def test_equals_torchvision():
    """Parity: FrozenBatchNorm (frozen_batch_norm) against torchvision's, with the state of a trained batch norm."""
    ops, norm = reference("torchvision.ops"), trained()
    ours, theirs = FrozenBatchNorm(4), ops.FrozenBatchNorm2d(4)
    ours.load_state_dict(norm.state_dict())
    theirs.load_state_dict(norm.state_dict())
    x = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours(x), norm.eval()(x))


def test_nothing_moves_while_the_rest_learns():
    """Property: freeze_batch_norms puts a still norm in place of each, with the same answers; training changes none of its numbers."""
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sequential(trained(), nn.ReLU()))
    x = torch.randn(2, 4, 3, 3)
    expected = network.eval()(x)
    frozen = freeze_batch_norms(network.train())
    torch.testing.assert_close(frozen(x), expected)
    before = {name: value.clone() for name, value in frozen[1][0].state_dict().items()}
    optimizer = torch.optim.SGD(frozen.parameters(), lr=0.1)
    frozen(5 + x).sum().backward()
    optimizer.step()
    assert len(before) == 4 and all(torch.equal(value, before[name]) for name, value in frozen[1][0].state_dict().items())
    with pytest.raises(ValueError, match="keeps no running statistics"):
        freeze_batch_norms(nn.BatchNorm2d(3, track_running_stats=False))
