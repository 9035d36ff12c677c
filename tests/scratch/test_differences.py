"""Gradients by finite differences against closed forms."""

from __future__ import annotations

import numpy as np

from tests.scratch.compare import same
from weft.scratch import numerical_gradient


def test_gradients_of_known_functions():
    """numerical_gradient, closed form: of a square, a product and a sine, for any shape; x stays as it was."""
    x = np.random.default_rng(0).normal(size=(2, 3))
    before = x.copy()
    assert same(numerical_gradient(lambda x: float((x**2).sum()), x), 2 * x, 1e-8)
    assert same(numerical_gradient(lambda x: float(np.sin(x).prod()), x), np.sin(x).prod() * np.cos(x) / np.sin(x), 1e-8)
    assert same(numerical_gradient(lambda x: float(x) ** 3, np.array(2.0)), 12.0, 1e-8) and np.array_equal(x, before)


def test_it_reckons_in_float64_whatever_comes():
    """numerical_gradient, property: float32 and whole numbers are taken to float64, where a step of 1e-6 can be seen."""
    for kind in (np.float32, np.int64):
        assert same(numerical_gradient(lambda x: float((x**2).sum()), np.array([3, -2], kind)), [6.0, -4.0], 1e-7)


def test_a_wrong_gradient_is_seen():
    x = np.array([0.5, 1.5])
    assert not same(numerical_gradient(lambda x: float((x**3).sum()), x), 2 * x**2, 1e-3)
