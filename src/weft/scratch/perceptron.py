"""The perceptron: the first machine that learned."""

from __future__ import annotations

import numpy as np


class Perceptron:
    """A line between two classes, moved by its mistakes: w += lr · (y - ŷ) · x, b += lr · (y - ŷ), with ŷ = 1 where w · x + b > 0.

    Shapes: x (F,) or (N, F), y (N,) of 0 and 1, or of -1 and 1, which ``predict`` then gives back. Weights begin normal with deviation 0.1, the
    bias at 0. ``fit`` sees the samples in a new order each epoch and stops after one without a mistake; ``mistakes`` counts them by epoch.
    Raises ValueError for other labels and other widths.

    Paper: Rosenblatt, 1958, doi:10.1037/h0042519. It ends without a mistake where a line divides the classes (Novikoff, 1962), and never
    elsewhere: no line divides XOR, so it is right on three of its four points at most (Minsky and Papert, 1969).

    Use it to see learning at its smallest; instead of it, ``MLP`` for what no line divides. Cost: O(N F) an epoch.

    >>> x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])
    >>> Perceptron(2, lr=0.1, seed=0).fit(x, y).predict(x)
    array([0, 0, 0, 1])
    """

    def __init__(self, n_inputs: int, lr: float = 0.01, seed: int | None = None) -> None:
        self.random = np.random.default_rng(seed)
        self.lr = lr
        self.weights = self.random.normal(0.0, 0.1, n_inputs)
        self.bias = 0.0
        self.labels = np.array([0, 1])
        self.mistakes: list[int] = []

    def fit(self, x: np.ndarray, y: np.ndarray, epochs: int = 100, *, shuffle: bool = True) -> Perceptron:
        """Learn from samples (N, F) and labels (N,), one at a time, for at most so many epochs."""
        x, y = self._checked(np.atleast_2d(x)), np.asarray(y)
        low = -1 if (y == -1).any() else 0
        if y.shape != (len(x),) or not np.isin(y, (low, 1)).all():
            raise ValueError(f"Labels {np.unique(y)[:5]} of shape {y.shape}; expected {len(x)} of 0 and 1, or of -1 and 1")
        self.labels = np.array([low, 1])
        target = (y == 1).astype(int)
        for _ in range(epochs):
            self.mistakes.append(0)
            for i in self.random.permutation(len(x)) if shuffle else range(len(x)):
                error = target[i] - int(self.activation(x[i]) > 0)
                self.weights += self.lr * error * x[i]
                self.bias += self.lr * error
                self.mistakes[-1] += abs(error)
            if not self.mistakes[-1]:
                break
        return self

    def activation(self, x: np.ndarray) -> np.ndarray:
        """w · x + b of one sample or of many."""
        return np.asarray(x) @ self.weights + self.bias

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The label of one sample (F,), or of each of many (N, F)."""
        return self.labels[(self.activation(self._checked(np.asarray(x))) > 0).astype(int)]

    def _checked(self, x: np.ndarray) -> np.ndarray:
        if x.ndim not in (1, 2) or x.shape[-1] != len(self.weights):
            raise ValueError(f"Samples of shape {x.shape}; expected (F,) or (N, F) with F = {len(self.weights)}")
        return x
