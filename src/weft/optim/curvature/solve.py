"""Linear equations with a matrix that is only a product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Solution:
    """``x`` with the norm of its residual, the number of products, and a direction of negative curvature if one was met."""

    x: Tensor
    residual: float
    iterations: int
    negative: Tensor | None = None


def conjugate_gradient(
    product: Callable[[Tensor], Tensor],
    b: Float[Tensor, " n"],
    *,
    start: Float[Tensor, " n"] | None = None,
    tolerance: float = 1e-5,
    most: int | None = None,
    preconditioner: Callable[[Tensor], Tensor] | None = None,
) -> Solution:
    """Solve A x = b for a symmetric positive A by conjugate gradients, until |A x - b| <= tolerance |b| or ``most`` products.

    Where A curves downwards it stops with what it has (with b if that is nothing) and names the direction: a truncated Newton step.

    Errors: ``ValueError`` for a tolerance below zero.
    Paper: Hestenes and Stiefel, 1952. Use with ``HessianProduct`` and kin; instead of it ``torch.linalg.solve`` for a matrix that fits into
    memory. Cost: one product and five vectors an iteration; n iterations are exact up to rounding.

    >>> conjugate_gradient(lambda v: torch.tensor([2.0, 4.0]) * v, torch.ones(2)).x
    tensor([0.5000, 0.2500])
    """
    if tolerance < 0:
        raise ValueError(f"conjugate_gradient(tolerance={tolerance}): expected 0 or more.")
    solved = preconditioner or (lambda r: r)
    x = torch.zeros_like(b) if start is None else start.clone()
    r = b - product(x) if start is not None else b.clone()
    z = solved(r)
    direction, rz, goal = z.clone(), r @ z, tolerance * float(b.norm())
    count = 0
    while count < (len(b) if most is None else most) and float(r.norm()) > goal:
        moved = product(direction)
        count += 1
        curvature = direction @ moved
        if curvature <= 0:
            return Solution(x if count > 1 or start is not None else b.clone(), float(r.norm()), count, direction)
        step = rz / curvature
        x = x + step * direction
        r = r - step * moved
        z = solved(r)
        before, rz = rz, r @ z
        direction = z + (rz / before) * direction
    return Solution(x, float(r.norm()), count)
