"""The perceptron against scikit-learn, on what a line divides and on what it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.scratch import Perceptron

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def divided(n=80, seed=0):
    """Points on both sides of a line, with a gap between."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(4 * n, 3))
    side = x @ np.array([1.0, -2.0, 0.5]) + 0.3
    keep = np.abs(side) > 0.5
    return x[keep][:n], (side[keep][:n] > 0).astype(int)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_line_divides_is_learned_without_a_mistake(seed):
    """Perceptron, learned: no mistake is left, the epochs stop there, and one sample or many are predicted alike."""
    x, y = divided(seed=seed)
    machine = Perceptron(3, seed=seed).fit(x, y)
    assert machine.mistakes[-1] == 0 and 0 not in machine.mistakes[:-1] and len(machine.mistakes) < 100
    assert np.array_equal(machine.predict(x), y) and [int(machine.predict(row)) for row in x[:5]] == y[:5].tolist()
    signs = Perceptron(3, seed=seed).fit(x, 2 * y - 1)
    assert set(signs.predict(x)) == {-1, 1} and np.array_equal(signs.weights, machine.weights)


def test_the_line_is_scikit_learns():
    """Perceptron, parity: sklearn.linear_model.Perceptron from zero weights in the same order ends with the same line."""
    peer = pytest.importorskip("sklearn.linear_model")
    x, y = divided(seed=3)
    machine = Perceptron(3, lr=1.0)
    machine.weights[:] = 0
    # scikit-learn also counts a point upon the line as a mistake, for both classes; here weights of zero predict 0, so that the first is of class 1
    order = np.argsort(-y, kind="stable")
    machine.fit(x[order], y[order], epochs=5, shuffle=False)
    theirs = peer.Perceptron(eta0=1.0, shuffle=False, max_iter=5, tol=None).fit(x[order], y[order])
    assert np.allclose(theirs.coef_[0], machine.weights) and np.isclose(theirs.intercept_[0], machine.bias)


def test_no_line_divides_xor():
    """Perceptron, brute force: whatever it begins with, three of XOR's four points at most; and no line of a fine grid does better."""
    x, y = XOR
    assert all((Perceptron(2, lr=0.1, seed=seed).fit(x, y).predict(x) == y).mean() <= 0.75 for seed in range(20))
    grid = np.linspace(-1, 1, 21)
    assert max(((x @ np.array([a, b]) + c > 0) == y).mean() for a in grid for b in grid for c in grid) == 0.75


def test_one_neuron_is_torchs():
    """Perceptron, parity: the activation is torch.nn.Linear's with the same weights, and a step of learning moves it as the rule says."""
    machine, x = Perceptron(3, lr=0.5, seed=1), np.array([1.0, 2.0, -1.0])
    layer = torch.nn.Linear(3, 1, dtype=torch.float64)
    layer.load_state_dict({"weight": torch.tensor(machine.weights)[None], "bias": torch.tensor([machine.bias])})
    assert np.isclose(layer(torch.tensor(x)).item(), machine.activation(x))
    before, wrong = machine.weights.copy(), 1 - int(machine.predict(x))
    machine.fit(x, np.array([wrong]), epochs=1)
    assert np.allclose(machine.weights - before, 0.5 * (2 * wrong - 1) * x) and machine.bias == 0.5 * (2 * wrong - 1)


def test_weights_begin_small_and_repeatable():
    assert np.array_equal(Perceptron(4, seed=5).weights, Perceptron(4, seed=5).weights) and Perceptron(4).bias == 0
    assert abs(Perceptron(10_000, seed=0).weights.std() - 0.1) < 0.003


@pytest.mark.parametrize(("x", "y"), [(np.ones((2, 2)), [0, 2]), (np.ones((2, 2)), [-1, 0]), (np.ones((2, 2)), [0]), (np.ones((2, 3)), [0, 1]), (np.ones((1, 2, 2)), [0, 1])])
def test_other_labels_and_widths_are_refused(x, y):
    with pytest.raises(ValueError, match="expected"):
        Perceptron(2).fit(x, np.array(y))
