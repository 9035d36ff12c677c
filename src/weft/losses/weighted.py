"""Several losses of one prediction, by name and weight."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft._lazy import load, unknown
from weft.losses.loss import Loss

Part = float | tuple[float, Callable[[Tensor, Tensor], Tensor]]


def weighted_sum(prediction: Float[Tensor, "b ..."], target: Shaped[Tensor, "b ..."], *, parts: Mapping[str, Part]) -> Float[Tensor, " b"]:
    """Sum of losses by weight, each the mean over an item's values: {"cross_entropy": 1.0, "dice": 0.5}.

    A part is a name of the catalogue and a weight, or any name and (weight, function).

    Shapes: prediction and target as the parts want them -> (B,).
    Errors: ``ValueError`` for an unknown name (the nearest are listed), and for no parts; those of the parts.
    Use where one line of a file should say the loss: ``{"name": "weighted_sum", "args": {"parts": {...}}}``. Instead of it, ``weighted_terms``
    when each part should be logged by its name, or a mask has an entry a pixel.

    >>> weighted_sum(torch.zeros(2, 3), torch.ones(2, 3), parts={"mse": 1.0, "l1": 0.1})
    tensor([1.1000, 1.1000])
    """
    values = [weight * function(prediction, target) for weight, function in _read(parts).values()]
    return torch.stack([value.reshape(len(value), -1).mean(1) for value in values]).sum(0)


def weighted_terms(prediction: Tensor, target: Tensor, *, parts: Mapping[str, Part], mask: Tensor | None = None) -> Loss:
    """The same as one ``Loss`` whose terms bear the parts' names; ``mask`` reaches each part as far as its values have dimensions.

    >>> loss = weighted_terms(torch.zeros(2, 3), torch.ones(2, 3), parts={"mse": 1.0, "l1": 0.1})
    >>> sorted(loss.terms), round(float(loss.value), 4)
    (['l1', 'mse'], 1.1)
    """
    total = Loss({})
    for name, (weight, function) in _read(parts).items():
        values = function(prediction, target)
        keep = mask
        if mask is not None and mask.ndim > values.ndim:
            # a loss of whole items, such as dice: an item counts if anything of it is kept
            keep = mask.flatten(values.ndim).any(-1) if mask.dtype == torch.bool else mask.flatten(values.ndim).amax(-1)
        total = total + Loss.mean(values, keep, weight=weight, name=name, logs={name: values})
    return total


def _read(parts: Mapping[str, Part]) -> dict[str, tuple[float, Callable[[Tensor, Tensor], Tensor]]]:
    if not parts:
        raise ValueError("A weighted sum needs at least one part, such as {'cross_entropy': 1.0}.")
    return {name: (part, named(name)) if isinstance(part, int | float) else (part[0], part[1]) for name, part in parts.items()}


def named(name: str) -> Callable[..., Tensor]:
    """The loss of this catalogue name.

    Errors: ``ValueError`` with the nearest names.

    >>> named("mse").__name__
    'mse'
    """
    package = importlib.import_module("weft.losses")
    known = dict(package.TABLE)
    for shelf in package.SHELVES:
        known |= importlib.import_module(f"weft.losses.{shelf}").TABLE
    if name not in known:
        raise unknown("loss", name, known)
    return load(known[name])
