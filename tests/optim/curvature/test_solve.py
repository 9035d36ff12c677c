"""Conjugate gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.optim import conjugate_gradient


def matrix(size, seed=0, least=0.1):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(size, size, generator=g, dtype=torch.float64)
    return a @ a.t() + least * torch.eye(size, dtype=torch.float64)


def test_it_goes_the_way_of_scipy():
    """conjugate_gradient, parity: SciPy's solution, and its iterate after every number of iterations."""
    linalg = pytest.importorskip("scipy.sparse.linalg")
    a, b = matrix(12), torch.randn(12, dtype=torch.float64)
    for most in (1, 3, 7, 12):
        theirs, _ = linalg.cg(a.numpy(), b.numpy(), rtol=0.0, maxiter=most)
        torch.testing.assert_close(conjugate_gradient(lambda v: a @ v, b, tolerance=0.0, most=most).x, torch.as_tensor(theirs), rtol=1e-6, atol=1e-8)


@given(st.integers(1, 15), st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_it_solves_and_a_start_or_a_preconditioner_only_shortens(size, seed):
    """conjugate_gradient, property: A x = b whatever the start; with the inverse as preconditioner one iteration is enough."""
    a, b = matrix(size, seed, 1.0), torch.randn(size, dtype=torch.float64)
    found = conjugate_gradient(lambda v: a @ v, b, tolerance=1e-10, most=10 * size)
    torch.testing.assert_close(a @ found.x, b, rtol=1e-6, atol=1e-6)
    again = conjugate_gradient(lambda v: a @ v, b, start=found.x, tolerance=1e-6)
    assert again.iterations == 0
    inverse = torch.linalg.inv(a)
    assert conjugate_gradient(lambda v: a @ v, b, tolerance=1e-6, preconditioner=lambda r: inverse @ r).iterations <= 2


def test_negative_curvature_ends_it_and_is_named():
    """conjugate_gradient, closed form: along a direction in which the matrix curves downwards nothing is solved."""
    a = torch.diag(torch.tensor([1.0, -2.0]))
    found = conjugate_gradient(lambda v: a @ v, torch.tensor([0.1, 1.0]))
    assert found.negative is not None and found.negative @ a @ found.negative < 0
    torch.testing.assert_close(found.x, torch.tensor([0.1, 1.0]))
    with pytest.raises(ValueError, match="expected 0 or more"):
        conjugate_gradient(lambda v: v, torch.ones(1), tolerance=-1.0)
