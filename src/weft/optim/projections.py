"""Projections of weights onto a set, by name, for the follow-up ``Constrain``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from weft._lazy import hint, unknown


def max_norm(weight: Tensor, most: float = 3.0) -> Tensor:
    """Each row or filter, scaled down to a norm of at most ``most``.

    >>> max_norm(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), 1.0).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 1.0]]
    """
    norm = weight.flatten(1).norm(dim=1).reshape(-1, *[1] * (weight.ndim - 1))
    return weight * (most / norm.clamp_min(most))


def unit_norm(weight: Tensor) -> Tensor:
    """Each row or filter, divided by its norm; one of zeros stays.

    >>> unit_norm(torch.tensor([[0.0, 2.0], [0.0, 0.0]])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    norm = weight.flatten(1).norm(dim=1).reshape(-1, *[1] * (weight.ndim - 1))
    return torch.where(norm > 0, weight / norm.clamp_min(torch.finfo(weight.dtype).tiny), weight)


def non_negative(weight: Tensor) -> Tensor:
    """max(w, 0).

    >>> non_negative(torch.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return weight.clamp_min(0)


def bounded(weight: Tensor, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Each entry, clamped to [low, high].

    >>> bounded(torch.tensor([-3.0, 0.5])).tolist()
    [-1.0, 0.5]
    """
    return weight.clamp(low, high)


def orthogonal(weight: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows (columns, where there are fewer): U V' of its singular value decomposition.

    >>> orthogonal(torch.diag(torch.tensor([2.0, 0.5]))).abs().round().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    flat = weight.flatten(1)
    u, _, v = torch.linalg.svd(flat if flat.dtype == torch.float64 else flat.float(), full_matrices=False)
    return (u @ v).reshape(weight.shape).to(weight.dtype)


PROJECTIONS: dict[str, tuple[Callable[..., Tensor], tuple[str, ...], int]] = {
    "max_norm": (max_norm, ("most",), 2),
    "unit_norm": (unit_norm, (), 2),
    "non_negative": (non_negative, (), 0),
    "bounded": (bounded, ("low", "high"), 0),
    "orthogonal": (orthogonal, (), 2),
}


def projection(name: str, options: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    """The projection of a name with its options set; one of rows leaves biases and norms alone. Errors: an unknown name or option.

    >>> projection("bounded", {"high": 0.5})(torch.tensor([2.0])).item()
    0.5
    """
    if name not in PROJECTIONS:
        raise unknown("projection", name, PROJECTIONS)
    function, known, dimensions = PROJECTIONS[name]
    for option in options:
        if option not in known:
            raise ValueError(f"The projection {name!r} has no option {option!r}. {hint(option, known)}")
    return lambda weight: function(weight, **options) if weight.ndim >= dimensions else weight
