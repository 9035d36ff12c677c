"""Losses of numbers: squared, absolute, and between."""

from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.shapes import full, same_shape


def mse(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Squared error: (prediction - target)^2.

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ, (B, 1) and (B,) included.
    Use when noise is about normal; instead of it, ``huber`` or ``l1`` when there are outliers. Its minimiser is the mean.

    >>> import torch
    >>> mse(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor([0., 4.])
    """
    same_shape(prediction, target, "mse")
    return (full(prediction) - target).square()


def l1(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Absolute error: |prediction - target|.

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ, (B, 1) and (B,) included.
    Use when outliers should not dominate; its minimiser is the median; instead of it, ``huber`` for a smooth minimum.

    >>> import torch
    >>> l1(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor([0., 2.])
    """
    same_shape(prediction, target, "l1")
    return (full(prediction) - target).abs()


def huber(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, delta: float = 1.0) -> Float[Tensor, " ..."]:
    """Squared error near zero, absolute beyond: e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2).

    Shapes: prediction and target (B, ...) -> (B, ...), one value a number.
    Errors: ``ValueError`` when the shapes differ or delta is not positive.
    Paper: Huber, 1964, doi:10.1214/aoms/1177703732. "Smooth L1" with beta is this with delta = beta, divided by beta.
    Use when most noise is small and some is wild, and for temporal-difference errors.

    >>> import torch
    >>> huber(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 2.5000])
    """
    if delta <= 0:
        raise ValueError(f"huber needs delta > 0, the error where it turns from square to straight; got {delta}.")
    same_shape(prediction, target, "huber")
    error = (full(prediction) - target).abs()
    near = error.clamp(max=delta)
    return near * (error - 0.5 * near)
