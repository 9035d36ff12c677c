"""Whether a classifier can tell two samples apart."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.keyed import shuffled
from weft.data.quality.drift import Test

STEPS = 25  # of Newton; it needs fewer


def classifier_test(first: Float[Tensor, "n d"], second: Float[Tensor, "m d"], *, squares: bool = True, folds: int = 2, seed: int = 0) -> Test:
    """Two-sample test by a classifier: how often records that it has not seen are assigned to the sample they are from.

    A ridge logistic regression on standardised columns, with their ``squares`` so that a change of spread is seen too, learns half of the
    records, the larger sample cut to the size of the smaller, and is tried on the rest, in turn (``folds``). The statistic is the share of right
    answers, p the chance of as many by guessing, P(Binomial(k, 1/2) >= right) for k the records tried. Folds share records, so with more
    than two p is slightly too small. Raises ValueError for other widths, values that are not finite, or fewer than 2 · ``folds`` rows of each.

    Paper: Lopez-Paz and Oquab, 2017, arXiv:1610.06545.
    Use for many columns or a network's features, where the weights of the classifier could also say what changed; instead of it, ``mmd_test``
    for few rows, ``ks_test`` for one column. Cost: a fit for each fold.

    >>> x = torch.arange(80.0).reshape(40, 2).sin()
    >>> classifier_test(x, x + 2).p < 0.001, classifier_test(x[::2], x[1::2]).p > 0.05
    (True, True)
    """
    size = min(len(first), len(second))
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or folds < 2 or size < 2 * folds:
        shapes = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"The samples have shapes {shapes}; expected (n, d) and (m, d) with {2 * max(folds, 2)} rows or more")
    x = torch.cat([each[shuffled(len(each), seed, number)[:size]] for number, each in enumerate((first, second))]).detach().cpu().double()
    if not bool(torch.isfinite(x).all()):
        raise ValueError("A sample holds NaN or infinity; leave those values out first")
    y = (torch.arange(2 * size) >= size).double()
    part = torch.arange(size).repeat(2) % folds  # both samples are equally large in every part
    right = sum(answers(x, y, part == held, squares) for held in range(folds))
    return Test(right / (2 * size), tail(right, 2 * size))


def answers(x: Tensor, y: Tensor, held: Tensor, squares: bool) -> int:
    """How many held-out records a classifier that learned the others places right; a tie counts as half, rounded down."""
    mean, std = x[~held].mean(0), x[~held].std(0).clamp(min=1e-12)
    z = ((x - mean) / std).clamp(-10, 10)
    z = torch.cat([z, z.square() - 1, torch.ones(len(z), 1)], 1) if squares else torch.cat([z, torch.ones(len(z), 1)], 1)
    logits = z[held] @ fitted(z[~held], y[~held])
    sure = ((logits > 0) == (y[held] > 0.5)) & (logits != 0)
    return int(sure.sum()) + int((logits == 0).sum()) // 2


def fitted(z: Tensor, y: Tensor, ridge: float = 1.0) -> Tensor:
    """Weights of a logistic regression with a ridge, by Newton's method."""
    w = torch.zeros(z.shape[1], dtype=z.dtype)
    for _ in range(STEPS):
        p = (z @ w).sigmoid()
        gradient = z.T @ (p - y) + ridge * w
        step = torch.linalg.solve((z.T * (p * (1 - p))) @ z + ridge * torch.eye(len(w), dtype=z.dtype), gradient)
        w = w - step
        if float(step.abs().max()) < 1e-8:
            break
    return w


def tail(right: int, tried: int) -> float:
    """P(Binomial(tried, 1/2) >= right)."""
    logs = [math.lgamma(tried + 1) - math.lgamma(k + 1) - math.lgamma(tried - k + 1) - tried * math.log(2) for k in range(right, tried + 1)]
    return min(1.0, math.fsum(map(math.exp, logs)))
