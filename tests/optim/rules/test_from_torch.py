"""Torch's optimizers by name: torch's own steps, decay where it belongs, sparse rows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split, walk
from weft.optim import adadelta, adafactor, adagrad, adamax, asgd, nadam, radam, rmsprop, rprop, sparse_adam

PAIRS = {
    "rmsprop": (rmsprop(0.01, 0.9, 0.5, 0.1, centered=True), lambda named: torch.optim.RMSprop(split(named, 0.1), lr=0.01, alpha=0.9, momentum=0.5, centered=True)),
    "adagrad": (adagrad(0.1, 0.01, 0.1, 0.5), lambda named: torch.optim.Adagrad(split(named, 0.1), lr=0.1, lr_decay=0.01, initial_accumulator_value=0.5)),
    "adadelta": (adadelta(1.0, 0.8, 0.1), lambda named: torch.optim.Adadelta(split(named, 0.1), lr=1.0, rho=0.8)),
    "nadam": (nadam(0.01, 0.1), lambda named: torch.optim.NAdam(split(named, 0.1), lr=0.01, decoupled_weight_decay=True)),
    "radam": (radam(0.01, 0.1), lambda named: torch.optim.RAdam(split(named, 0.1), lr=0.01, decoupled_weight_decay=True)),
    "adamax": (adamax(0.01, 0.1), lambda named: torch.optim.Adamax(split(named, 0.1), lr=0.01)),
    "rprop": (rprop(0.01), lambda named: torch.optim.Rprop([p for _, p in named], lr=0.01)),
    "asgd": (asgd(0.01, 1e-2, 0.6, 5, 0.1), lambda named: torch.optim.ASGD(split(named, 0.1), lr=0.01, lambd=1e-2, alpha=0.6, t0=5)),
    "adafactor": (adafactor(0.1, 0.1), lambda named: torch.optim.Adafactor(split(named, 0.1), lr=0.1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_twenty_steps_are_torchs(name):
    """rmsprop, adagrad, adadelta, nadam, radam, adamax, rprop, asgd and adafactor, parity: twenty steps in float64, batched over parameters here, one by one there."""
    ours, theirs = PAIRS[name]

    def by_one(named):
        optimizer = theirs(named)
        for group in optimizer.param_groups:
            group["foreach"] = False
        return optimizer

    assert_same_walk(ours, by_one, tolerance=1e-8 if name == "asgd" else 1e-10)  # of ASGD's two loops in torch one keeps its rate in float32


@pytest.mark.parametrize("name", [n for n in PAIRS if n not in ("rprop",)])
def test_the_batched_loops_are_used(name):
    """rmsprop and the others, property: ``foreach`` stands in every group."""
    from tests.optim.rules.problems import parameters

    assert all(group["foreach"] for group in PAIRS[name][0](parameters()).param_groups)


def test_radam_begins_with_plain_steps():
    """radam, closed form: while the variance is not tractable (five steps with b2 = 0.999) the step is lr m^; then it is scaled by r_t."""
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = radam(0.1, betas=(0.5, 0.999), eps=0.0)([("w", w)])
    longest = 2 / (1 - 0.999) - 1
    for t in range(1, 9):
        before = w.item()
        w.grad = torch.full_like(w, 4.0)
        optimizer.step()
        length = longest - 2 * t * 0.999**t / (1 - 0.999**t)
        wanted = 4.0
        if length > 5:
            wanted = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
        assert before - w.item() == pytest.approx(0.1 * wanted), t


def test_eps_stands_outside_the_root():
    """rmsprop, closed form: g / (sqrt(v) + eps), which differs from g / sqrt(v + eps)."""
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    w.grad = torch.ones_like(w)
    rmsprop(1.0, alpha=0.75, eps=0.5)([("w", w)]).step()
    assert w.item() == pytest.approx(-1 / (0.5 + 0.5)) and abs(w.item()) != pytest.approx(1 / math.sqrt(0.25 + 0.5))


@pytest.mark.parametrize("make", [sparse_adam(0.1), adagrad(0.1)], ids=["sparse_adam", "adagrad"])
def test_sparse_gradients_move_the_rows_that_were_used(make):
    """sparse_adam and adagrad, property: rows that were looked up move as in a dense run in which only they exist, the others stay bit for bit."""
    torch.manual_seed(0)
    start = torch.randn(6, 3, dtype=torch.float64)
    sparse, dense = nn.Embedding(6, 3, sparse=True, dtype=torch.float64), nn.Parameter(start[[1, 4]].clone())
    sparse.weight.data.copy_(start)
    other = torch.optim.Adam([dense], lr=0.1) if "adam" in make.keywords["name"] else torch.optim.Adagrad([dense], lr=0.1)
    optimizer = make([("w", sparse.weight)])
    for step in range(5):
        optimizer.zero_grad()
        other.zero_grad()
        scale = torch.arange(6, dtype=torch.float64).reshape(2, 3) + step
        (sparse(torch.tensor([1, 4])) * scale).sum().backward()
        (dense * scale).sum().backward()
        optimizer.step()
        other.step()
    torch.testing.assert_close(sparse.weight.detach()[[1, 4]], dense.detach(), rtol=0, atol=1e-6)  # SparseAdam adds eps before the correction, Adam after it
    assert torch.equal(sparse.weight.detach()[[0, 2, 3, 5]], start[[0, 2, 3, 5]])


def test_asgd_averages_from_where_it_is_told():
    """asgd, closed form: from step ``start`` on the state's ``ax`` is the mean of the weights that followed."""
    places = []

    def keep(optimizer, step):
        places.append(optimizer)

    walk(asgd(0.01, start=5.0), steps=12, before=keep)
    optimizer = places[0]
    for group in optimizer.param_groups:
        for p in group["params"]:
            assert not torch.equal(optimizer.state[p]["ax"], p.detach())
