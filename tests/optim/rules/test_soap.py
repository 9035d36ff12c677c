"""SOAP against pytorch_optimizer, and what it is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, parameters, split
from weft.optim import soap
from weft.optim.rules.soap import rotate


def test_twenty_steps_are_those_of_the_reference():
    """soap, parity: pytorch_optimizer's SOAP over twenty steps in float64, in its first basis to 1e-10; there the bases are refreshed in float32, so then to 1e-5."""
    reference = pytest.importorskip("pytorch_optimizer")
    assert_same_walk(soap(0.01, 0.1, every=100), lambda named: reference.SOAP(split(named, 0.1), lr=0.01, precondition_frequency=100))
    assert_same_walk(soap(0.01, 0.1, every=3), lambda named: reference.SOAP(split(named, 0.1), lr=0.01, precondition_frequency=3), tolerance=1e-5)


def test_the_basis_becomes_that_of_the_gradients():
    """soap, property: on gradients a b' with fixed directions the first basis vectors are a and b; bases stay orthogonal; turning there and back changes nothing."""
    torch.manual_seed(0)
    a, b = torch.randn(4, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    w = nn.Parameter(torch.zeros(4, 6, dtype=torch.float64))
    optimizer = soap(0.01, every=2)([("w", w)])
    for _ in range(40):
        w.grad = torch.outer(a, b) * torch.randn(1, dtype=torch.float64) + 0.01 * torch.randn_like(w)
        optimizer.step()
    state = optimizer.state[w]
    for i, direction in enumerate((a, b)):
        basis = state[f"basis_{i}"]
        torch.testing.assert_close(basis.T @ basis, torch.eye(len(direction), dtype=torch.float64), rtol=0, atol=1e-10)
        assert (basis[:, 0] @ direction).abs() / direction.norm() > 0.999
    some = torch.randn(4, 6, dtype=torch.float64)
    torch.testing.assert_close(rotate(rotate(some, state, back=False), state, back=True), some, rtol=0, atol=1e-12)
    assert not torch.allclose(rotate(some, state, back=False), some)


def test_what_has_no_basis_is_adam_one_step_late():
    """soap, parity: biases, and matrices with sides beyond ``largest``, are torch's AdamW whose first gradient was not used."""
    ours, theirs = parameters({"b": (4,), "w": (3, 5)}), parameters({"b": (4,), "w": (3, 5)})
    mine, other = soap(0.01, 0.0, largest=2, eps=0.0)(ours), torch.optim.Adam([p for _, p in theirs], lr=0.01, betas=(0.95, 0.95), eps=0.0)
    generator = torch.Generator().manual_seed(1)
    for step in range(12):
        for (_, p), (_, q) in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            q.grad = p.grad.clone()
        mine.step()
        if step:
            other.step()
    for (_, p), (_, q) in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=0, atol=1e-10)


def test_impossible_options_are_said():
    """soap, property: the message shows what came."""
    with pytest.raises(ValueError, match="every=10, largest=0"):
        soap(largest=0)
