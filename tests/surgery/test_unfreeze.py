"""Gradual unfreezing: one more part a stage, and each stage goes on from the one before."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Checkpoints, Epochs, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.surgery import gradual_unfreezing, is_frozen


def network():
    torch.manual_seed(0)
    return nn.ModuleDict({"body": nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)), "middle": nn.Sequential(nn.ReLU(), nn.Linear(8, 8)), "head": nn.Linear(8, 2)})


class Chain(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = network()

    def forward(self, x):
        for part in self.parts.values():
            x = part(x)
        return x


def test_one_more_part_a_stage():
    """gradual_unfreezing, property: parts thaw from the top, what is not named never does."""
    net, seen = network(), []
    for stage in gradual_unfreezing(net, ["head", "middle"]):
        seen.append((stage, {n.split(".")[0] for n, p in net.named_parameters() if p.requires_grad}))
    assert seen == [("head", {"head"}), ("middle", {"head", "middle"})]
    assert all(is_frozen(layer) for layer in net["body"])


def test_stages_train_what_is_thawed_and_carry_their_state(tmp_path):
    """gradual_unfreezing, contract: within fit, frozen parts keep even their statistics; Adam's memory of the head goes on in the next stage, bit for bit resumable."""
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    data = [(x + 1, (x[:, 0] > 0).long())]

    def train(folder):
        method, before, moved, counts = Supervised(Chain(), cross_entropy), None, {}, {}
        for stage in gradual_unfreezing(method.network, ["parts.head", "parts.middle", "parts.body"]):
            start = {k: v.clone() for k, v in method.state_dict().items()}
            with pytest.warns(UserWarning, match="carried over") if before else torch.enable_grad():
                state = fit(method, data, until=Epochs(3), run=Checkpoints(folder / stage, previous=before))
            moved[stage] = {k.split(".")[2] for k, v in method.state_dict().items() if not torch.equal(start[k], v)}
            saved = state.updates["all"].optimizer.state_dict()["state"].values()
            counts[stage] = sorted({int(s["step"]) for s in saved})
            before = folder / stage
        return method, moved, counts

    _, moved, counts = train(tmp_path / "a")
    assert moved == {"parts.head": {"head"}, "parts.middle": {"head", "middle"}, "parts.body": {"head", "middle", "body"}}
    assert counts == {"parts.head": [3], "parts.middle": [3, 6], "parts.body": [3, 6, 9]}


def test_wrong_names_freeze_nothing():
    net = network()
    with pytest.raises(AttributeError, match="tail"):
        next(gradual_unfreezing(net, ["tail"]))
    with pytest.raises(ValueError, match="names of the parts"):
        next(gradual_unfreezing(net, []))
    assert all(p.requires_grad for p in net.parameters())
