"""What every optimizer factory does by itself: descends, resumes, decays where it should, keeps what it documents, and refuses what it cannot take."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

import weft.optim as optim
from tests.contracts.walk import entries, over
from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.optim.named_state import load_by_name, save_by_name

# One factory a name, at a rate at which it descends; with_decay adds a decay of 0.1 to those that have one.
MAKE = {
    "adabound": lambda: optim.adabound(0.05, gamma=0.01),
    "adadelta": lambda: optim.adadelta(20.0),
    "adafactor": lambda: optim.adafactor(0.2),
    "adagrad": lambda: optim.adagrad(0.5),
    "adam": lambda: optim.adam(0.05),
    "adamax": lambda: optim.adamax(0.05),
    "adamw": lambda: optim.adamw(0.05),
    "adan": lambda: optim.adan(0.05),
    "asgd": lambda: optim.asgd(0.05, start=5),
    "by_depth": lambda: optim.by_depth(optim.adamw(0.05), "order", 0.7),
    "by_parts": lambda: optim.by_parts({"matrices": ("w*", optim.sgd(0.05, 0.5)), "rest": ("*", optim.adam(0.05))}),
    "classical_momentum": lambda: optim.classical_momentum(0.05),
    "groups": lambda: optim.groups(optim.adamw(0.05), {"matrices": ("w*", {"lr": 0.1}), "rest": ("*", {})}),
    "lamb": lambda: optim.lamb(0.05),
    "lars": lambda: optim.lars(0.5, trust=0.1),
    "layerwise": lambda: optim.layerwise(optim.adamw(0.05), ["w", "v", "b"], 0.7),
    "lbfgs": lambda: optim.lbfgs(0.5, max_iter=3),
    "lion": lambda: optim.lion(0.05),
    "muon": lambda: optim.muon(0.05, rest_lr=0.05),
    "nadam": lambda: optim.nadam(0.05),
    "radam": lambda: optim.radam(0.05),
    "rmsprop": lambda: optim.rmsprop(0.05, momentum=0.5, centered=True),
    "rprop": lambda: optim.rprop(0.05),
    "schedule_free_adamw": lambda: optim.schedule_free_adamw(0.05),
    "schedule_free_sgd": lambda: optim.schedule_free_sgd(0.2),
    "sgd": lambda: optim.sgd(0.05, momentum=0.5),
    "shampoo": lambda: optim.shampoo(0.1, every=3),
    "soap": lambda: optim.soap(0.05, every=4),
    "sophia": lambda: optim.sophia(0.05),
    "sparse_adam": lambda: optim.sparse_adam(0.05),
    "swats": lambda: optim.swats(0.05, tolerance=0.3, betas=(0.9, 0.9)),
}
SPARSE = {"sparse_adam"}  # takes sparse gradients alone
CLOSURE = {"lbfgs"}  # evaluates the objective itself
COMPOSED = {"by_depth", "by_parts", "groups", "layerwise"}  # their decay is that of the factory inside

# Numbers kept for a matrix of 6 by 4, for a bias of 6, and the bytes of counters as tensors, per parameter.
STATE = {
    "adabound": (48, 12, 0), "adadelta": (48, 12, 4), "adafactor": (10, 6, 4), "adagrad": (24, 6, 4), "adam": (48, 12, 4), "adamax": (48, 12, 4),
    "adamw": (48, 12, 4), "adan": (96, 24, 0), "classical_momentum": (24, 6, 0), "lamb": (48, 12, 0), "lars": (24, 6, 0), "lion": (24, 6, 0),
    "radam": (48, 12, 4), "rprop": (48, 12, 4), "schedule_free_adamw": (48, 12, 0), "schedule_free_sgd": (24, 6, 0), "sgd": (24, 6, 0),
    "shampoo": (24 + 2 * (36 + 16), 6 + 6, 0), "soap": (48 + 2 * (36 + 16), 12, 0), "sophia": (48, 12, 0), "swats": (48, 12, 0), "sparse_adam": (48, 12, 0),
    "nadam": (48, 12, 8), "rmsprop": (72, 18, 4), "asgd": (24, 6, 12),
}  # fmt: skip
NO_COUNT = {"by_depth": "that of its factory", "by_parts": "those of its parts", "groups": "that of its factory", "layerwise": "that of its factory", "lbfgs": "a history that grows", "muon": "measured by its own test"}


def test_every_optimizer_has_its_line():
    """Contract: the tables here name every optimizer of the catalogue."""
    names = {entry.name for entry in entries("optimizer")}
    assert names == set(MAKE) and names == set(STATE) | set(NO_COUNT)


def problem(dtype=torch.float32):
    """A small convex problem over two matrices and a bias."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"w": (6, 4), "v": (3, 4), "b": (6,)}
    named = [(n, nn.Parameter(torch.randn(shape, generator=generator).to(dtype))) for n, shape in shapes.items()]
    return named, lambda: sum((p.float() - 2).square().sum() * (i + 1) / 4 for i, (_, p) in enumerate(named))


def step(name, named, value, optimizer):
    def closure():
        for _, p in named:
            p.grad = None
        loss = value()
        loss.backward()
        if name in SPARSE:
            for _, p in named:
                p.grad = p.grad.to_sparse()
        return float(loss.detach())

    if name in CLOSURE:
        return optimizer.step(closure)
    loss = closure()
    optimizer.step()
    return loss


@over("optimizer")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=["float32", "float64", "bfloat16"])
def test_it_descends(entry, dtype):
    """Contract: forty steps lower a quadratic by a fifth at least, in every type of parameter, which stays of its type."""
    named, value = problem(dtype)
    if dtype == torch.bfloat16 and entry.name in SPARSE | CLOSURE:
        pytest.skip("torch's sparse Adam and L-BFGS are for float32 and float64")
    optimizer = MAKE[entry.name]()(named)
    first = float(value().detach())
    for _ in range(40):
        step(entry.name, named, value, optimizer)
    assert float(value().detach()) < 0.8 * first
    assert all(p.dtype == dtype and torch.isfinite(p).all() for _, p in named)


@over("optimizer")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_its_state_goes_on_bit_for_bit(entry, dtype):
    """Contract: saved by name after five steps and loaded into a fresh optimizer, five more end where ten in a row do."""
    if dtype == torch.bfloat16 and entry.name in SPARSE | CLOSURE:
        pytest.skip("torch's sparse Adam and L-BFGS are for float32 and float64")
    if entry.name == "lbfgs":
        pytest.skip("its history is one list for all parameters, not saved by name; the arrows' contract resumes it from where a step ends")
    ends = []
    for cut in (None, 5):
        named, value = problem(dtype)
        optimizer = MAKE[entry.name]()(named)
        for i in range(10):
            if i == cut:
                saved = save_by_name(optimizer, named)
                optimizer = MAKE[entry.name]()(named)
                assert load_by_name(optimizer, named, saved) == {"vanished": [], "new": []}
            step(entry.name, named, value, optimizer)
        ends.append([p.detach().clone() for _, p in named])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def decaying(name):
    return "weight_decay" in inspect.signature(getattr(optim, name)).parameters


@over("optimizer")
def test_decay_acts_on_matrices_alone(entry):
    """Contract: two steps with zero gradients move matrices towards zero and leave the bias, bit for bit; without decay nothing moves."""
    if entry.name in COMPOSED or not decaying(entry.name):
        pytest.skip("has no decay of its own")
    for decay in (0.1, 0.0):
        named, _ = problem()
        before = {n: p.detach().clone() for n, p in named}
        options = {"lambd": 0.0} if entry.name == "asgd" else {}  # its own falling average shrinks everything by lambd
        optimizer = getattr(optim, entry.name)(0.1, weight_decay=decay, **options)(named)
        for _ in range(2):
            for _, p in named:
                p.grad = torch.zeros_like(p)
            optimizer.step()
        for n, p in named:
            if p.ndim < 2 or decay == 0:
                assert torch.equal(p.detach(), before[n]), n
            else:
                assert p.detach().norm() < before[n].norm(), n


@over("optimizer")
def test_it_keeps_what_it_documents(entry):
    """Contract: the bytes of its state after one step, for a matrix and for a bias."""
    if entry.name in NO_COUNT:
        pytest.skip(NO_COUNT[entry.name])
    for shape, numbers in (((6, 4), STATE[entry.name][0]), ((6,), STATE[entry.name][1])):
        p = nn.Parameter(torch.ones(shape))
        p.grad = torch.ones(shape).to_sparse() if entry.name in SPARSE else torch.ones(shape)
        optimizer = MAKE[entry.name]()([("w", p)])
        optimizer.step()
        assert optim.state_bytes(optimizer) == 4 * numbers + STATE[entry.name][2]


@over("optimizer")
def test_its_state_is_known_before_it_runs(entry):
    """Contract: the estimate without numbers is the bytes that a real step keeps; L-BFGS, whose history grows, says so."""
    if entry.name in SPARSE:
        pytest.skip("a step without numbers has no sparse gradient")
    named, value = problem()
    if entry.name in ("adafactor", "asgd"):
        with pytest.raises(ValueError, match="reads its own numbers while it steps"):
            optim.state_estimate(MAKE[entry.name](), named)
        return
    if entry.name in CLOSURE:
        with pytest.raises(ValueError, match=r"at most 2 \* history"):
            optim.state_estimate(MAKE[entry.name](), named)
        return
    estimate = optim.state_estimate(MAKE[entry.name](), named)
    optimizer = MAKE[entry.name]()(named)
    step(entry.name, named, value, optimizer)
    assert estimate == optim.state_bytes(optimizer) and (estimate > 0 or entry.name == "sgd")


@over("optimizer")
def test_it_refuses_what_it_cannot_take(entry):
    """Contract: no parameters, one that comes twice, and parameters without names are said; a generator is taken whole."""
    make = MAKE[entry.name]()
    with pytest.raises(ValueError, match="got no parameters"):
        make([])
    named, _ = problem()
    with pytest.raises(ValueError, match="'twice' and 'w' are the same parameter"):
        make([*named, ("twice", named[0][1])])
    with pytest.raises(TypeError, match=r"pairs, not Parameter; give list\(network.named_parameters\(\)\)"):
        make([p for _, p in named])
    optimizer = make(pair for pair in named)
    assert sum(len(g["params"]) for g in optimizer.param_groups) == 3


NOT_IN_PIECES = {
    "soap": "where its first gradient is zero its basis is any, and rounding chooses",
    "lbfgs": "its line search reads the loss",
    "sparse_adam": "its gradients are sparse",
    "rprop": "a sign of nearly zero may turn by rounding",
    "lion": "a sign of nearly zero may turn by rounding",
    "muon": "orthogonalises in bfloat16",
    "by_parts": "the names of its parts are those of the problem",
    "groups": "the names of its groups are those of the problem",
}


@over("optimizer")
def test_a_batch_in_pieces_is_the_same_batch(entry):
    """Contract: through the engine, three steps with four microbatches equal three with one, up to rounding in float64."""
    if entry.name in NOT_IN_PIECES:
        pytest.skip(NOT_IN_PIECES[entry.name])
    ends = []
    for pieces in (1, 4):
        torch.manual_seed(0)
        method = Supervised(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double(), mse)
        x = torch.randn(8, 3, dtype=torch.float64)
        fit(method, [(x, x.sum(1, keepdim=True).sin())], Update(MAKE[entry.name](), on="", microbatches=pieces), until=Steps(3))
        ends.append([p.detach().clone() for p in method.parameters()])
    for whole, cut in zip(*ends, strict=True):
        torch.testing.assert_close(whole, cut, rtol=1e-5, atol=1e-7)
