"""Batch normalisation, with the averages that stand in when there is no batch."""

from __future__ import annotations

import numpy as np


class BatchNorm:
    """y = γ (x - μ) / √(σ² + ε) + β, with μ and σ² of each channel over the batch, and over places where there are some.

    In training the batch's own variance (biased, Σ (x - μ)² / n) normalises, while the running average takes the unbiased one (n - 1); it moves by
    running += momentum · (batch - running). Predicting uses the averages. Momentum is torch's: other libraries write 1 - momentum.

    Shapes: x (N, C), (N, C, L) or (N, C, H, W) -> alike; (N, L, C) would normalise the wrong axis and is refused where its width is not C.
    Raises ValueError in training for one value a channel, whose variance is 0 and whose output would be β whatever came in.
    Paper: Ioffe and Szegedy, 2015, arXiv:1502.03167.

    Use in convolutional networks with batches of 16 and more; instead of it, ``layer_norm``, which needs no batch. Cost: two passes over x.

    >>> norm = BatchNorm(1)
    >>> norm.forward(np.array([[1.0], [3.0]])).round(4).ravel(), norm.running_var
    (array([-1.,  1.]), array([1.1]))
    """

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.gamma, self.beta = np.ones(features), np.zeros(features)
        self.running_mean, self.running_var = np.zeros(features), np.ones(features)
        self.num_batches_tracked = 0
        self.eps, self.momentum = eps, momentum

    def forward(self, x: np.ndarray, *, training: bool = True) -> np.ndarray:
        """Normalise, by the batch in training and by the averages else."""
        rows = self._rows(x)
        if training:
            if len(rows) < 2:
                raise ValueError(f"x of shape {x.shape} has {len(rows)} value a channel; to train, batch normalisation needs two or more")
            mean, var = rows.mean(axis=0), rows.var(axis=0)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (rows.var(axis=0, ddof=1) - self.running_var)
            self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        return self._back(self.gamma * (rows - mean) / np.sqrt(var + self.eps) + self.beta, x)

    def backward(self, dy: np.ndarray, x: np.ndarray, *, training: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(dx, dγ, dβ). In training μ and σ² depend on every x, so that dx = (d - mean d - x̂ mean(d x̂)) / √(σ² + ε) with d = dy γ."""
        rows, drows = self._rows(x), self._rows(dy)
        mean, var = (rows.mean(axis=0), rows.var(axis=0)) if training else (self.running_mean, self.running_var)
        normal = (rows - mean) / np.sqrt(var + self.eps)
        d = drows * self.gamma
        if training:
            d = d - d.mean(axis=0) - normal * (d * normal).mean(axis=0)
        return self._back(d / np.sqrt(var + self.eps), x), (drows * normal).sum(axis=0), drows.sum(axis=0)

    def _rows(self, x: np.ndarray) -> np.ndarray:
        """(N, C, ...) as (n, C)."""
        if x.ndim not in (2, 3, 4) or x.shape[1] != len(self.gamma):
            raise ValueError(f"x of shape {x.shape}; expected (N, C), (N, C, L) or (N, C, H, W) with C = {len(self.gamma)}")
        return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])

    def _back(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(n, C) as the shape of x."""
        return np.moveaxis(rows.reshape(x.shape[0], *x.shape[2:], x.shape[1]), -1, 1)
