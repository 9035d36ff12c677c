"""Shampoo against pytorch_optimizer, and by its formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, split
from weft.optim import adagrad, shampoo
from weft.optim.rules.shampoo import inverse_root


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_twenty_steps_are_those_of_the_reference(decay):
    """shampoo, parity: pytorch_optimizer's Shampoo without momentum, roots at every step, for matrices and kernels."""
    reference = pytest.importorskip("pytorch_optimizer")
    shapes = {"wide": (3, 5), "square": (4, 4), "kernel": (2, 3, 2)}
    assert_same_walk(shampoo(0.1, 0.0, every=1, weight_decay=decay), lambda named: reference.Shampoo(split(named, decay), lr=0.1, weight_decouple=True), shapes=shapes)


def test_biases_take_adagrads_step():
    """shampoo, parity: torch's Adagrad starting at eps; matrices beyond ``largest`` on both sides take the plain gradient."""
    assert_same_walk(shampoo(0.1, 0.0, eps=1e-3), lambda named: torch.optim.Adagrad([p for _, p in named], lr=0.1, initial_accumulator_value=1e-3, eps=0), shapes={"b": (4,)}, tolerance=1e-9)
    assert_same_walk(shampoo(0.01, 0.0, largest=2), lambda named: torch.optim.SGD([p for _, p in named], lr=0.01), shapes={"w": (3, 4)})
    assert callable(adagrad)


def test_stale_roots_and_long_sides():
    """shampoo, closed form: between two refreshes the roots stay; a side longer than ``largest`` has none, and the other takes the power -1/2."""
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(2, 6, dtype=torch.float64))
    optimizer = shampoo(1.0, 0.0, eps=1e-6, every=3, largest=4)([("w", w)])
    gram = 1e-6 * torch.eye(2, dtype=torch.float64)
    for step in range(1, 7):
        w.grad = torch.randn_like(w)
        before = w.detach().clone()
        optimizer.step()
        gram = gram + w.grad @ w.grad.T
        if step == 1 or step % 3 == 0:
            root = torch.linalg.matrix_power(torch.linalg.cholesky(torch.linalg.inv(gram)), 1)
            values, vectors = torch.linalg.eigh(gram)
            root = vectors @ torch.diag(values**-0.5) @ vectors.T
        torch.testing.assert_close(before - w.detach(), root @ w.grad, rtol=1e-9, atol=1e-9)
    assert set(optimizer.state[w]) == {"step", "gram_0", "root_0"}


def test_grafting_gives_the_gradients_length():
    """shampoo, property: with ``graft`` and no momentum each step is lr |g| long."""
    torch.manual_seed(0)
    for shape in ((3, 4), (5,)):
        w = nn.Parameter(torch.zeros(shape))
        w.grad = torch.randn(shape)
        shampoo(0.5, 0.0, graft=True)([("w", w)]).step()
        assert w.detach().norm().item() == pytest.approx(0.5 * w.grad.norm().item(), rel=1e-5)


def test_the_inverse_root_inverts():
    """inverse_root, closed form: root^order times the matrix is the identity; a matrix of zeros stays finite."""
    torch.manual_seed(0)
    half = torch.randn(5, 5, dtype=torch.float64)
    matrix = half @ half.T + 0.1 * torch.eye(5, dtype=torch.float64)
    for order in (1, 2, 4, 6):
        root = inverse_root(matrix, order, 1e-9)
        torch.testing.assert_close(torch.linalg.matrix_power(root, order) @ matrix, torch.eye(5, dtype=torch.float64), rtol=0, atol=1e-8)
    assert torch.isfinite(inverse_root(torch.zeros(3, 3), 4, 1e-6)).all()
    with pytest.raises(ArithmeticError, match="not finite: its gradients overflowed"):
        inverse_root(torch.full((3, 3), float("nan")), 4, 1e-6)


def test_impossible_options_are_said():
    """shampoo, property: the message shows what came."""
    with pytest.raises(ValueError, match=r"every=0, largest=1024, beta2=1.0"):
        shampoo(every=0)
