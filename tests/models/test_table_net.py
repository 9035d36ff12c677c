"""The residual network for tables."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import mse
from weft.models.tabular import TableNet


def test_equals_the_formula():
    """Closed form: TableNet is the paper's residual blocks written out in torch's functions."""
    network, x = TableNet(5, 2, dim=8, depth=2).eval(), torch.randn(4, 5)
    h = F.linear(x, network.stem.weight, network.stem.bias)
    for block in network.blocks:
        z = F.layer_norm(h, (8,), block.norm.weight, block.norm.bias)
        h = h + F.linear(F.relu(F.linear(z, block.up.weight, block.up.bias)), block.down.weight, block.down.bias)
    h = F.relu(F.layer_norm(h, (8,), network.norm.weight, network.norm.bias))
    torch.testing.assert_close(network(x), F.linear(h, network.head.weight, network.head.bias))


def test_learns_what_a_line_cannot():
    """Learned: the product of two columns, of which a linear model explains nothing, to a fifth of its variance at most."""
    x = torch.randn(512, 4)
    y = x[:, :1] * x[:, 1:2]
    network = TableNet(4, 1, dim=32, depth=1, dropout=0.0)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        mse(network(x), y).mean().backward()
        optimizer.step()
    fresh = torch.randn(512, 4)
    assert mse(network.eval()(fresh), fresh[:, :1] * fresh[:, 1:2]).mean() < 0.2


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"TableNet expects a tensor of shape \(B, 5\); got \(4, 6\)"):
        TableNet(5, 2)(torch.zeros(4, 6))
