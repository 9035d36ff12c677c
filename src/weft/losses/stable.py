"""Logarithms of sums of exponentials from parts, defined where nothing is left to sum."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full


def log_sum_exp(x: Float[Tensor, " ..."], dim: int = -1) -> Float[Tensor, " ..."]:
    """log sum exp(x) along ``dim``, computed as m + log sum exp(x - m) with m the largest: nothing overflows.

    Shapes: (..., N, ...) -> the same without ``dim``. A row of -inf alone gives -inf, the logarithm of no mass, with gradient 0; torch's own gives
    that value with the gradient NaN.
    Use where masks may rule everything out; instead of it, ``torch.logsumexp`` where they cannot.

    >>> import torch
    >>> log_sum_exp(torch.tensor([[10_000.0, 10_000.0], [float("-inf"), float("-inf")]]))
    tensor([10000.6934,       -inf])
    """
    largest, _, total = _parts(full(x), dim)
    return (largest + total).squeeze(dim)


def log_softmax(x: Float[Tensor, " ..."], dim: int = -1) -> Float[Tensor, " ..."]:
    """x - log sum exp(x) along ``dim``; a row of -inf alone stays -inf, with gradient 0, where torch's gives NaN.

    Shapes: (..., N, ...) -> the same.
    Use where masks may rule everything out; instead of it, ``torch.log_softmax`` where they cannot: one kernel instead of six.

    >>> import torch
    >>> log_softmax(torch.tensor([[0.0, 0.0], [float("-inf"), float("-inf")]]))
    tensor([[-0.6931, -0.6931],
            [   -inf,    -inf]])
    """
    _, shifted, total = _parts(full(x), dim)
    return shifted - total


def _parts(x: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """The largest entry, x less it, and the logarithm of the sum of exponentials of that."""
    largest = x.detach().amax(dim, keepdim=True)
    nothing = largest == float("-inf")
    shifted = (x - largest.masked_fill(nothing, 0.0)).masked_fill(nothing, float("-inf"))  # the same numbers, without a gradient
    # Where the sum is 0 its logarithm is not taken, for its gradient there is no number.
    return largest, shifted, shifted.exp().sum(dim, keepdim=True).masked_fill(nothing, 1.0).log()
