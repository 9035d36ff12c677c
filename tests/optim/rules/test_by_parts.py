"""Several optimizers in one; Muon for matrices."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split
from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import adam, adamw, by_parts, linear, muon, sgd, sparse_adam


def test_each_part_goes_its_own_way():
    """by_parts, parity: two torch optimizers side by side; the first pattern that matches takes the parameter."""

    class Two:
        def __init__(self, named):
            self.both = [torch.optim.SGD([p for n, p in named if n == "wide"], lr=0.01), torch.optim.Adam([p for n, p in named if n != "wide"], lr=0.02)]

        def zero_grad(self):
            for optimizer in self.both:
                optimizer.zero_grad()

        def step(self):
            for optimizer in self.both:
                optimizer.step()

    assert_same_walk(by_parts({"first": ("wide", sgd(0.01)), "rest": ("*", adam(0.02))}), Two)


def test_a_schedule_reaches_one_part():
    """by_parts, closed form: ``{"head.lr": ...}`` changes the head's rate only, inside fit."""
    torch.manual_seed(0)
    method = Supervised(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)), cross_entropy)
    update = Update(by_parts({"head": ("network.1", sgd(1.0)), "body": ("*", adamw(0.1, 0.0))}), on="", schedule={"head.lr": linear()})
    state = fit(method, [(torch.randn(4, 2), torch.tensor([0, 1, 0, 1]))], update, until=Steps(4))
    assert {g["name"]: g["lr"] for g in state.updates["all"].optimizer.param_groups} == {"head": 0.25, "body": 0.1}


def test_sparse_tables_beside_dense_layers():
    """by_parts with sparse_adam, property: both parts move, only looked-up rows of the table."""
    torch.manual_seed(0)
    net = nn.ModuleDict({"table": nn.Embedding(5, 2, sparse=True), "head": nn.Linear(2, 1)})
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    optimizer = by_parts({"table": ("table", sparse_adam(0.1)), "rest": ("*", adam(0.1))})(list(net.named_parameters()))
    net["head"](net["table"](torch.tensor([3]))).sum().backward()
    optimizer.step()
    moved = (net["table"].weight.detach() != before["table.weight"]).any(1).tolist()
    assert moved == [False, False, False, True, False] and not torch.equal(net["head"].weight.detach(), before["head.weight"])


def test_orphans_and_empty_parts_are_refused():
    """by_parts, property: the error names the parameter, or the part."""
    named = list(nn.Linear(2, 1).named_parameters())
    with pytest.raises(ValueError, match="no group takes bias"):
        by_parts({"a": ("weight", sgd())})(named)
    with pytest.raises(ValueError, match="group 'b' takes no parameter"):
        by_parts({"a": ("*", sgd()), "b": ("bias", sgd())})(named)


def test_muon_is_torchs_with_adamw_beside_it():
    """muon, parity: torch's Muon on hidden matrices and torch's AdamW on embeddings, heads, kernels and biases."""
    pytest.importorskip("torch.optim._muon")
    shapes = {"embed": (5, 4), "hidden": (4, 4), "wide": (3, 6), "kernel": (2, 3, 2), "bias": (4,), "head": (2, 4)}

    class Two:
        def __init__(self, named):
            hidden = [p for n, p in named if n in ("hidden", "wide")]
            self.both = [torch.optim.Muon(hidden, lr=0.02, weight_decay=0.01), torch.optim.AdamW(split([(n, p) for n, p in named if n not in ("hidden", "wide")], 0.01), lr=3e-4)]

        def zero_grad(self):
            for optimizer in self.both:
                optimizer.zero_grad()

        def step(self):
            for optimizer in self.both:
                optimizer.step()

    assert_same_walk(muon(), Two, shapes=shapes, tolerance=1e-10)


def test_muons_steps_have_singular_values_near_one():
    """muon, property: the first step is lr sqrt(max(1, rows / columns)) times a matrix whose singular values lie between 0.5 and 1.3."""
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(12, 8))
    w.grad = torch.randn(12, 8)
    muon(1.0, 0.0)([("w", w)]).step()
    values = torch.linalg.svdvals(w.detach()) / (12 / 8) ** 0.5
    assert values.min() > 0.5 and values.max() < 1.3


def test_muon_without_matrices_is_refused():
    """muon, property: it says what to use instead."""
    with pytest.raises(ValueError, match="muon found no matrix outside"):
        muon()([("bias", nn.Parameter(torch.ones(3)))])
    with pytest.raises(ValueError, match="rest_lr=-1"):
        muon(rest_lr=-1)
