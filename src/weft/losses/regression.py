"""Losses of numbers: squared, absolute, and between."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def mse(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Squared error: (prediction - target)^2.

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ, (B, 1) and (B,) included.
    Use when noise is about normal (it is the negative log-likelihood of a normal distribution, but for constants); instead of it, ``huber`` or
    ``l1`` when there are outliers, and ``cross_entropy`` for classes. Its minimiser is the mean. Parts add up:
    ``Loss.mean(mse(a, b), name="squared") + 0.1 * Loss.mean(l1(a, b), name="absolute")``.

    >>> import torch
    >>> mse(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor([0., 4.])
    """
    return F.mse_loss(*numbers(prediction, target, "mse"), reduction="none")


def l1(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Absolute error: |prediction - target|.

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ, (B, 1) and (B,) included.
    Use when outliers should not dominate (noise as in a Laplace distribution); its minimiser is the median; instead of it, ``huber`` for a smooth
    minimum.

    >>> import torch
    >>> l1(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor([0., 2.])
    """
    return F.l1_loss(*numbers(prediction, target, "l1"), reduction="none")


def rmse(prediction: Float[Tensor, "b ..."], target: Shaped[Tensor, "b ..."]) -> Float[Tensor, " b"]:
    """Root of the mean squared error of each item: sqrt(mean over its numbers of (prediction - target)^2).

    Shapes: prediction and target (B, ...) -> (B,), in the target's unit. An item without any error has gradient 0, where the root has none.
    Errors: ``ValueError`` when the shapes differ.
    Differs from the root of the mean over a batch, which is no sum over items, so that parts of a batch could not add up; its gradient points
    where that of ``mse`` does, so train with ``mse`` and report its root.
    Use when an item with a large error should not count by its square.

    >>> import torch
    >>> rmse(torch.tensor([[3.0, 4.0], [1.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    tensor([3.5355, 0.0000])
    """
    a, b = numbers(prediction, target, "rmse")
    error = (a - b).flatten(1) if a.ndim > 1 else (a - b).unsqueeze(1)
    return torch.linalg.vector_norm(error, dim=1) / math.sqrt(max(error.shape[1], 1))


def huber(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, delta: float = 1.0) -> Float[Tensor, " ..."]:
    """Squared error near zero, absolute beyond: e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2).

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ or delta is not positive.
    Paper: Huber, 1964, doi:10.1214/aoms/1177703732. It is delta times ``smooth_l1`` with beta = delta.
    Use when most noise is small and some is wild, and for temporal-difference errors.

    >>> import torch
    >>> huber(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 2.5000])
    """
    if delta <= 0:
        raise ValueError(f"huber needs delta > 0, the error where it turns from square to straight; got {delta}.")
    return F.huber_loss(*numbers(prediction, target, "huber"), reduction="none", delta=delta)


def smooth_l1(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, beta: float = 1.0) -> Float[Tensor, " ..."]:
    """Absolute error with a round bottom: e^2 / (2 beta) for |e| < beta, else |e| - beta / 2.

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ or beta is not positive.
    Paper: Girshick, 2015, arXiv:1504.08083. Differs from ``huber``: its slope far out is 1 whatever beta is; ``huber``'s is delta.
    Use for the coordinates of boxes; instead of it, ``l1`` for beta = 0.

    >>> import torch
    >>> smooth_l1(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), beta=2.0)
    tensor([0.0625, 2.0000])
    """
    if beta <= 0:
        raise ValueError(f"smooth_l1 needs beta > 0, the error where it turns from square to straight; got {beta}. With beta = 0 it is l1.")
    return F.smooth_l1_loss(*numbers(prediction, target, "smooth_l1"), reduction="none", beta=beta)


def log_cosh(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """log cosh(e): e^2 / 2 near zero, |e| - log 2 far out, smooth everywhere; its gradient is tanh(e).

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number. Computed as |e| + log1p(exp(-2 |e|)) - log 2: cosh itself overflows
    beyond 89 in float32.
    Errors: ``ValueError`` when the shapes differ.
    Use like ``huber`` when a second derivative is wanted too.

    >>> import torch
    >>> log_cosh(torch.tensor([0.0, 10_000.0]), torch.tensor([0.0, 0.0]))
    tensor([   0.0000, 9999.3066])
    """
    a, b = numbers(prediction, target, "log_cosh")
    error = a - b
    # softplus(-2 e) + e is the same without a corner at 0, where |e| would have no slope.
    return error + F.softplus(-2 * error) - math.log(2)


def numbers(prediction: Tensor, target: Tensor, who: str) -> tuple[Tensor, Tensor]:
    """Both in full precision and of one type, after checking that they have one shape."""
    same_shape(prediction, target, who)
    prediction = full(prediction)
    return prediction, target if target.dtype == prediction.dtype else target.to(torch.promote_types(prediction.dtype, target.dtype))
