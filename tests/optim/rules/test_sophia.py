"""Sophia against pytorch_optimizer, and its two estimates of the Hessian's diagonal."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import loss, parameters
from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import GaussNewtonDiagonal, HutchinsonDiagonal, adam, sophia


def test_twenty_steps_are_those_of_the_reference():
    """sophia, parity: pytorch_optimizer's SophiaH given the same diagonals every fourth step; there p = gamma, and its rate times p is ours."""
    reference = pytest.importorskip("pytorch_optimizer")
    ours, theirs = parameters(), parameters()
    mine = sophia(0.01, 0.0, betas=(0.9, 0.8), gamma=0.05, eps=0.05 * 1e-12)(ours)
    other = reference.SophiaH([p for _, p in theirs], lr=0.01 / 0.05, betas=(0.9, 0.8), p=0.05, update_period=1000)
    generator = torch.Generator().manual_seed(3)
    for step in range(20):
        diagonals = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for _, p in ours]
        for named, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            loss(named).backward()
        if step % 4 == 0:
            mine.observe({p: d for (_, p), d in zip(ours, diagonals, strict=True)})
        mine.step()
        other.step(hessian=[d.clone() for d in diagonals] if step % 4 == 0 else None)
    for (_, p), (_, q) in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=0, atol=1e-10)


class Quadratic(Method):
    """w' A w / 2 of one vector."""

    def __init__(self, matrix):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.weight = nn.Parameter(torch.ones(len(matrix), dtype=matrix.dtype))

    def loss(self, batch):
        value = self.weight @ self.matrix @ self.weight / 2
        return Loss.mean(value.expand(len(batch["input"])))


def test_hutchinson_is_exact_for_a_diagonal_and_right_in_the_mean_otherwise():
    """HutchinsonDiagonal, closed form: a quadratic's diagonal; with off-diagonal entries only in the mean; weights and gradient are left alone."""
    data = [{"input": torch.zeros(2, 1)}]
    diagonal = torch.tensor([100.0, 3.0, 0.5, -2.0], dtype=torch.float64)
    for microbatches in (1, 2):
        method = Quadratic(torch.diag(diagonal))
        state = fit(method, data, Update(sophia(0.0, betas=(0.9, 0.0)), on="", estimator=HutchinsonDiagonal(every=1), microbatches=microbatches), until=Steps(1))
        optimizer = state.updates["all"].optimizer
        torch.testing.assert_close(optimizer.state[method.weight]["hessian"], diagonal, rtol=1e-7, atol=1e-8)
        assert method.weight.detach().unique().tolist() == [1.0]
        torch.testing.assert_close(optimizer.state[method.weight]["exp_avg"], 0.1 * diagonal, rtol=1e-9, atol=0)
    torch.manual_seed(0)
    dense = torch.randn(4, 4, dtype=torch.float64)
    method = Quadratic(dense + dense.T)
    state = fit(method, data, Update(sophia(0.0, betas=(0.9, 0.998)), on="", estimator=HutchinsonDiagonal(every=1)), until=Steps(800))
    found = state.updates["all"].optimizer.state[method.weight]["hessian"]
    torch.testing.assert_close(found / (1 - 0.998**800), (dense + dense.T).diagonal(), rtol=0, atol=0.4)


def test_gauss_newton_is_the_diagonal_of_the_fisher_in_the_mean():
    """GaussNewtonDiagonal, brute force: logistic regression; the mean over many draws is sum_y p(y) g_y^2, taken sample by sample."""
    torch.manual_seed(0)
    x = torch.randn(8, 3)
    network = nn.Linear(3, 2)
    method = Supervised(network, cross_entropy)

    def drawn(batch):
        return batch | {"target": torch.distributions.Categorical(logits=network(batch["input"])).sample()}

    state = fit(method, [(x, torch.zeros(8, dtype=torch.long))], Update(sophia(0.0, betas=(0.9, 0.999)), on="", estimator=GaussNewtonDiagonal(drawn, every=1)), until=Steps(800))
    found = state.updates["all"].optimizer.state[network.weight]["hessian"] / (1 - 0.999**800)
    wanted = torch.zeros(2, 3)
    for row in x:
        for label in range(2):
            network.zero_grad()
            value = nn.functional.cross_entropy(network(row[None]), torch.tensor([label]))
            value.backward()
            wanted += network(row).softmax(0)[label].detach() * network.weight.grad.square() / len(x)
    torch.testing.assert_close(found, wanted, rtol=0.25, atol=0.01)


def test_sophia_learns_where_scales_differ():
    """sophia, learned: on a quadratic with scales 1 to 10^4, two hundred steps reach a thousandth of the loss, which the same steps of Adam do not."""
    losses = {}
    for name, update in (
        ("sophia", Update(sophia(0.05, 0.0, betas=(0.9, 0.9), gamma=1.0), on="", estimator=HutchinsonDiagonal(every=5))),
        ("adam", Update(adam(0.05, betas=(0.96, 0.99)), on="")),
    ):
        method = Quadratic(torch.diag(torch.logspace(0, 4, 8, dtype=torch.float64)))
        method.weight.data *= torch.linspace(0.5, 4, 8, dtype=torch.float64)
        fit(method, [{"input": torch.zeros(1, 1)}], update, until=Steps(200))
        losses[name] = method.loss({"input": torch.zeros(1, 1)}).value.item()
    assert losses["sophia"] < 1e-3 * losses["adam"]


def test_an_estimate_for_another_optimizer_is_refused():
    """HutchinsonDiagonal and GaussNewtonDiagonal, property: the error names the optimizer; impossible numbers are said at once."""
    method = Quadratic(torch.eye(2))
    for estimator in (HutchinsonDiagonal(), GaussNewtonDiagonal(lambda batch: batch)):
        with pytest.raises(ValueError, match=r"measures curvature for sophia; this update's optimizer is Adam\. Use Update\(sophia"):
            fit(method, [{"input": torch.zeros(1, 1)}], Update(adam(), on="", estimator=estimator), until=Steps(1))
    with pytest.raises(ValueError, match="expected at least 1 step"):
        HutchinsonDiagonal(every=0)
    with pytest.raises(ValueError, match="gamma=0; expected a positive number"):
        sophia(gamma=0)
