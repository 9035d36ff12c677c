"""Eigenvalues, trace and density of a matrix that is only a product."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from weft.optim.curvature.products import Product


def lanczos(product: Product, start: Float[Tensor, " n"], steps: int) -> tuple[Float[Tensor, "k k"], Float[Tensor, "n k"]]:
    """The tridiagonal matrix and the basis of the Krylov space of ``start``, orthogonalised in full; shorter when the space is exhausted."""
    basis = [start / start.norm()]
    alphas: list[Tensor] = []
    betas: list[Tensor] = []
    for _ in range(min(steps, product.size)):
        moved = product(basis[-1])
        alphas.append(basis[-1] @ moved)
        known = torch.stack(basis, 1)
        for _again in range(2):  # once is not enough against rounding
            moved = moved - known @ (known.t() @ moved)
        length = moved.norm()
        if len(alphas) == min(steps, product.size) or float(length) < 1e-6 * max(1.0, float(torch.stack(alphas).abs().max())):
            break
        betas.append(length)
        basis.append(moved / length)
    size = len(alphas)
    matrix = torch.diag(torch.stack(alphas))
    if size > 1:
        off = torch.stack(betas[: size - 1])
        matrix = matrix + torch.diag(off, 1) + torch.diag(off, -1)
    return matrix, torch.stack(basis[:size], 1)


def eigenvalues(product: Product, count: int = 1, *, steps: int = 50, seed: int = 0, like: Tensor | None = None) -> Float[Tensor, " k"]:
    """The ``count`` eigenvalues of largest size, largest first, by ``steps`` of Lanczos' method from a random start.

    Errors: ``ValueError`` for a count that is not between 1 and the size.
    Paper: Lanczos, 1950; used so by Ghorbani et al., 2019, arXiv:1901.10159. Use for sharpness: the largest eigenvalue of the Hessian; beyond 2 /
    of it a gradient step diverges. Cost: ``steps`` products and vectors.

    >>> from weft.optim.curvature.products import FisherProduct
    >>> [round(float(value), 3) for value in eigenvalues(FisherProduct(torch.diag(torch.tensor([1.0, 2.0, 3.0])) * 3**0.5), 2)]
    [9.0, 4.0]
    """
    if not 1 <= count <= product.size:
        raise ValueError(f"eigenvalues(count={count}): a matrix of size {product.size} has 1 to {product.size}.")
    matrix, _ = lanczos(product, _drawn(product, seed, like), max(steps, count))
    found = torch.linalg.eigvalsh(matrix)
    return found[found.abs().argsort(descending=True)][:count]


def trace(product: Product, *, draws: int = 32, seed: int = 0, like: Tensor | None = None) -> tuple[float, float]:
    """The trace, and the standard error of this estimate: the mean of u . A u over random signs u.

    Paper: Hutchinson, 1989, doi:10.1080/03610918908812806. Cost: ``draws`` products. A diagonal matrix needs one.

    >>> from weft.optim.curvature.products import FisherProduct
    >>> round(trace(FisherProduct(torch.eye(2) * 2**0.5))[0], 3)
    2.0
    """
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(draws):
        u = torch.randint(0, 2, (product.size,), generator=generator).mul(2).sub(1).to(like if like is not None else torch.zeros(()))
        values.append(float(u @ product(u)))
    numbers = torch.tensor(values, dtype=torch.float64)
    return float(numbers.mean()), float(numbers.std() / draws**0.5) if draws > 1 else float("inf")


def density(
    product: Product, *, steps: int = 50, draws: int = 4, points: int = 200, width: float | None = None, seed: int = 0, like: Tensor | None = None
) -> tuple[Float[Tensor, " points"], Float[Tensor, " points"]]:
    """The density of all eigenvalues: places and heights, whose integral is 1; each eigenvalue is spread over ``width``.

    Paper: Ghorbani et al., 2019, arXiv:1901.10159 (stochastic Lanczos quadrature). Cost: ``steps * draws`` products.

    >>> from weft.optim.curvature.products import FisherProduct
    >>> places, heights = density(FisherProduct(torch.eye(3)), steps=3)
    >>> round(float(torch.trapezoid(heights, places)), 2)
    1.0
    """
    found = []
    for draw in range(draws):
        matrix, _ = lanczos(product, _drawn(product, seed + draw, like), steps)
        values, vectors = torch.linalg.eigh(matrix)
        found.append((values, vectors[0].square()))
    low, high = min(float(v.min()) for v, _ in found), max(float(v.max()) for v, _ in found)
    spread = width or max((high - low) / 60, 1e-6 * max(abs(high), abs(low), 1e-6))
    places = torch.linspace(low - 5 * spread, high + 5 * spread, points).to(found[0][0])
    heights = torch.zeros_like(places)
    for values, weights in found:
        bells = torch.exp(-0.5 * ((places[:, None] - values) / spread).square()) / (spread * (2 * torch.pi) ** 0.5)
        heights += bells @ weights / draws
    return places, heights


def _drawn(product: Product, seed: int, like: Tensor | None) -> Tensor:
    made = torch.randn(product.size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made.to(like if like is not None else torch.zeros(()))
