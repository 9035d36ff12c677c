"""Gradient descent: all samples, some, or one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.scratch.optimizers import SGD


def train(
    network: Any, x: np.ndarray, y: np.ndarray, optimizer: Any = None, *,
    epochs: int = 1000, batch_size: int | None = None, shuffle: bool = True, seed: int = 0,
) -> list[float]:  # fmt: skip
    """Descend for some epochs and return the mean loss of each: ``batch_size`` None is one step on all samples, 1 one step a sample, else between.

    Every epoch has its own order. The last batch may be short; its mean counts by its size, so that the mean of an epoch is that of its samples.
    ``network`` has ``parameters()`` and ``backward(x, y)``, which gives a loss and the gradients in that order, as ``MLP`` and ``CNN`` do;
    ``optimizer`` has ``step(gradients)`` and is made of the same parameters (default ``SGD`` with lr 0.01).
    Raises ValueError for a batch size below 1 and for x and y of different lengths.

    Paper: Robbins and Monro, 1951, doi:10.1214/aoms/1177729586.

    >>> from weft.scratch import MLP
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> network = MLP([1, 8, 1], activation="tanh", loss="mse")
    >>> history = train(network, x, x**2, SGD(network.parameters(), lr=0.1), epochs=300, batch_size=8)
    >>> history[-1] < 0.1 * history[0]
    True
    """
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{len(x)} samples and {len(y)} targets; expected as many of each, and one at least")
    size = len(x) if batch_size is None else batch_size
    if size < 1:
        raise ValueError(f"batch_size={batch_size}; expected 1 or more, or None for all samples in one step")
    optimizer = SGD(network.parameters()) if optimizer is None else optimizer
    random = np.random.default_rng(seed)
    history = []
    for _ in range(epochs):
        order = random.permutation(len(x)) if shuffle else np.arange(len(x))
        total = 0.0
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            loss, gradients, *_ = network.backward(x[rows], y[rows])
            optimizer.step(gradients)
            total += loss * len(rows)
        history.append(total / len(x))
    return history
