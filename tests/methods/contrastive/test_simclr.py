"""SimCLR: the papers' loss, and no microbatches."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Steps, Update, fit
from weft.methods import SimCLR
from weft.optim import sgd


def method(temperature=0.5):
    torch.manual_seed(0)
    return SimCLR(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 3), temperature=temperature)


def views(size=6):
    x = torch.randn(size, 4)
    return {"input": x, "view": x + 0.1 * torch.randn(size, 4)}


def test_loss_is_the_papers_double_loop():
    """SimCLR, brute force: the sum over every pair of views, written as in the paper."""
    batch, made = views(), method(temperature=0.2)
    with torch.no_grad():
        z = torch.stack([made.projector(made.network(batch[k])) for k in ("input", "view")], 1).flatten(0, 1)  # partners side by side
        s = F.cosine_similarity(z[:, None], z[None], dim=-1) / 0.2
        total = 0.0
        for i in range(12):
            others = [s[i, k].exp() for k in range(12) if k != i]
            total += float(-(s[i, i ^ 1].exp() / sum(others)).log())
        assert float(made.loss(batch).value) == pytest.approx(total / 12, rel=1e-5)


def test_microbatches_are_refused():
    """SimCLR, contract: every sample is every other's negative, and the engine is told so."""
    with pytest.raises(ValueError, match="couples"):
        fit(method(), [views()], Update(sgd(0.1), on="", microbatches=2), until=Steps(1))


def test_features_are_deployed_without_the_projector():
    made = method()
    assert made.deploy() == {"embed": made.network}
    assert made.predict(views())["embedding"].shape == (6, 8)
