"""Differential equations as losses: derivatives of a network by its inputs, residuals, points to test them at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from weft._lazy import unknown
from weft.losses.shapes import full

PLANS = ("latin", "sobol", "uniform")


def derivative(value: Float[Tensor, " n"], points: Float[Tensor, "n d"], dim: int, *, order: int = 1) -> Float[Tensor, " n"]:
    """The derivative of each value by one coordinate of its own point, differentiable again.

    Shapes: values (N,) made from points (N, D) row by row, with ``points.requires_grad`` -> (N,). ``order`` 2 differentiates twice.
    Errors: ``ValueError`` when the values do not depend on the points, or for an order below 1.
    Use to write an equation as it stands on paper; cost: one backward pass an order, with graph.

    >>> x = torch.tensor([[3.0]], requires_grad=True)
    >>> derivative(x[:, 0] ** 3, x, 0, order=2).detach()
    tensor([18.])
    """
    if order < 1:
        raise ValueError(f"derivative of order {order}: the order is at least 1.")
    for _ in range(order):
        if not value.requires_grad:
            return torch.zeros_like(value)  # the derivative of a constant, or of something linear twice
        (slope,) = torch.autograd.grad(value.sum(), points, create_graph=True, allow_unused=True)
        if slope is None:
            raise ValueError("derivative: the values do not depend on these points; make them from that very tensor, with requires_grad.")
        value = slope[:, dim]
    return value


def residual(
    network: Callable[[Tensor], Tensor], points: Float[Tensor, "n d"], equation: Callable[[Tensor, Tensor], Tensor]
) -> Float[Tensor, " n"]:
    """How far a network is from solving an equation, point by point: equation(u, x)^2, u = network(x), with x ready to be differentiated by.

    Shapes: ``network`` maps (N, D) to (N,) or (N, 1), row by row (no batch norm); ``equation`` takes u (N,) and points (N, D) and returns what
    should be 0, (N,), with ``derivative`` -> (N,).
    Errors: ``ValueError`` when the network returns more than one value a point.
    Paper: Raissi et al., 2019 (physics-informed networks), doi:10.1016/j.jcp.2018.10.045.
    Use as one term, ``Loss.mean(residual(...), name="equation")``, with boundary and initial values as further terms by ``mse`` (weight 10 to 100);
    float32 and a smooth activation such as tanh. Cost: a backward pass for each derivative, and one through all of them.

    >>> decay = lambda u, x: derivative(u, x, 0) + 2 * u
    >>> residual(lambda x: torch.exp(-2 * x), torch.rand(3, 1), decay).detach().abs().max().item() < 1e-9
    True
    """
    x = full(points).detach().requires_grad_()
    with torch.enable_grad():
        u = network(x)
        u = u[:, 0] if u.ndim == 2 and u.shape[1] == 1 else u
        if u.shape != (len(x),):
            raise ValueError(f"residual needs one value a point, ({len(x)},) or ({len(x)}, 1); the network returned {tuple(u.shape)}.")
        return equation(u, x).square()


def heat_equation(*, diffusivity: float = 1.0, time: int = -1) -> Callable[[Tensor, Tensor], Tensor]:
    """u_t - diffusivity (sum of u_xx over all coordinates but time): 0 where heat spreads as it should.

    Errors: ``ValueError`` for a diffusivity that is not positive.
    Use with ``residual``; write your own equation the same way.

    >>> x = torch.rand(2, 2, requires_grad=True)
    >>> heat_equation()(x[:, 0] ** 2 / 2 + x[:, 1], x).detach()
    tensor([0., 0.])
    """
    if diffusivity <= 0:
        raise ValueError(f"heat_equation needs a diffusivity > 0; got {diffusivity}.")

    def equation(u: Tensor, x: Tensor) -> Tensor:
        when = time % x.shape[1]
        spread = torch.stack([derivative(u, x, i, order=2) for i in range(x.shape[1]) if i != when]).sum(0)
        return derivative(u, x, when) - diffusivity * spread

    return equation


def collocation(
    low: Sequence[float], high: Sequence[float], count: int, *, plan: str = "sobol", generator: torch.Generator | None = None
) -> Float[Tensor, "n d"]:
    """Points spread over a box: "uniform" by chance, "latin" one in each of N slices along every side, "sobol" a scrambled low-discrepancy sequence.

    Errors: ``ValueError`` for an unknown plan, an empty box, or a count below 1.
    Paper: McKay et al., 1979, doi:10.2307/1268522 (latin); Sobol, 1967, doi:10.1016/0041-5553(67)90144-9.
    Use anew for every step, or every few: fixed points are learned by heart.

    >>> points = collocation([0.0, -1.0], [1.0, 1.0], 8, plan="latin", generator=torch.Generator().manual_seed(0))
    >>> sorted((8 * points[:, 0]).floor().tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    if plan not in PLANS:
        raise unknown("plan of points", plan, PLANS)
    if count < 1 or len(low) != len(high) or not all(a < b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"collocation needs at least one point and a box with low < high on every side; got {count}, {list(low)} and {list(high)}.")
    sides = len(low)
    if plan == "uniform":
        share = torch.rand(count, sides, generator=generator)
    elif plan == "latin":
        order = torch.stack([torch.randperm(count, generator=generator) for _ in range(sides)], 1)
        share = (order + torch.rand(count, sides, generator=generator)) / count
    else:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        share = torch.quasirandom.SobolEngine(sides, scramble=True, seed=seed).draw(count)
    first = torch.tensor(low, dtype=share.dtype)
    return first + share * (torch.tensor(high, dtype=share.dtype) - first)
