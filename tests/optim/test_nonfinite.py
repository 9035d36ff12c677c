"""The culprit of a non-finite step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp
from weft.engine import NonFinite, Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised


def batch(n=6):
    return {"input": torch.randn(n, 8), "target": torch.zeros(n, dtype=torch.long)}


def test_parameters_that_were_bad_before_are_named():
    """Property: then the samples are innocent and are not accused."""
    method = Supervised(mlp(8, 4, 2), cross_entropy)
    with torch.no_grad():
        method.network[2].bias[0] = torch.inf
    with pytest.raises(NonFinite, match=r"already non-finite: network\.2\.bias") as caught:
        fit(method, [batch()], until=Steps(1))
    assert "samples" not in str(caught.value)


def test_a_gradient_alone_is_found_too():
    """Property: sqrt at zero has a finite value and an infinite slope; the sample is named."""

    class Root(Supervised):
        def loss(self, batch):
            from weft.losses import Loss

            return Loss.mean((self.network(batch["input"]).square().sum(1) * batch["keep"]).sqrt())

    data = batch() | {"keep": torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])}
    with pytest.raises(NonFinite, match=r"gradients of network.*samples 2 of the batch"):
        fit(Root(nn.Linear(8, 2), cross_entropy), [data], until=Steps(1))


def test_a_network_that_needs_company_is_not_asked_sample_by_sample():
    """Property: batch norm cannot replay single samples; the report says what it can."""
    method = Supervised(nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), cross_entropy)
    data = batch()
    data["input"][1, 0] = torch.nan
    with pytest.raises(NonFinite, match="loss term 'loss' is nan"):
        fit(method, [data], until=Steps(1))
