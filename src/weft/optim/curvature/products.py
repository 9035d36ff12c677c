"""Products of a vector with a matrix of second derivatives that is never written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor


class Product(Protocol):
    """A symmetric matrix as a function: v -> A v, both flat."""

    size: int

    def __call__(self, vector: Float[Tensor, " n"]) -> Float[Tensor, " n"]: ...


def flat(tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> Float[Tensor, " n"]:
    """Tensors as one vector; what is None counts as zeros. They need not be contiguous.

    >>> flat([torch.ones(2, 1), None], [torch.zeros(2, 1), torch.zeros(1)])
    tensor([1., 1., 0.])
    """
    return torch.cat([(torch.zeros_like(p) if t is None else t).reshape(-1) for t, p in zip(tensors, like, strict=True)])


def unflat(vector: Float[Tensor, " n"], like: Sequence[Tensor]) -> list[Tensor]:
    """A vector in pieces of the shapes of ``like``.

    >>> [tuple(t.shape) for t in unflat(torch.arange(3.0), [torch.zeros(2, 1), torch.zeros(1)])]
    [(2, 1), (1,)]
    """
    pieces = vector.split([p.numel() for p in like])
    return [piece.reshape(p.shape) for piece, p in zip(pieces, like, strict=True)]


class HessianProduct:
    """H v, where H is the Hessian of a scalar ``loss`` by ``parameters``: the gradient of gradient . v.

    ``loss`` must still have its graph; the gradient is taken once, products as often as wanted. Parameters that the loss does not use count as
    zeros. Dropout and batch norm are as they were when the loss was computed.

    Errors: ``ValueError`` for a loss that is no scalar, or a vector of another length.
    Paper: Pearlmutter, 1994, doi:10.1162/neco.1994.6.1.147. Cost: about two backward passes a product.

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> HessianProduct((w.prod() + 3 * w[0] ** 2), [w])(torch.tensor([1.0, 0.0]))
    tensor([6., 1.])
    """

    def __init__(self, loss: Float[Tensor, ""], parameters: Sequence[Tensor]) -> None:
        if loss.ndim:
            raise ValueError(f"HessianProduct differentiates a scalar; got a loss of shape {tuple(loss.shape)}. Take its mean or sum.")
        self.parameters = list(parameters)
        self.size = sum(p.numel() for p in self.parameters)
        grads = torch.autograd.grad(loss, self.parameters, create_graph=True, allow_unused=True)
        self.gradient = flat(grads, self.parameters)

    def __call__(self, vector: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        _check(vector, self.size)
        if not self.gradient.requires_grad:  # a loss that is linear in every parameter
            return torch.zeros_like(vector)
        found = torch.autograd.grad(self.gradient @ vector.to(self.gradient), self.parameters, retain_graph=True, allow_unused=True)
        return flat(found, self.parameters).detach()


class GaussNewtonProduct:
    """J^T H_L J v: the Hessian without the curvature of the network itself, never negative for a convex loss of the outputs.

    ``outputs`` (any shape) and the scalar ``loss`` computed from them must still have their graph. For softmax cross-entropy and squared
    errors it is the Fisher matrix.

    Errors: ``ValueError`` for a loss that is no scalar, or a vector of another length.
    Paper: Schraudolph, 2002, doi:10.1162/08997660260028683. Cost: about three backward passes a product.

    >>> w = torch.tensor([2.0], requires_grad=True)
    >>> out = w ** 2
    >>> GaussNewtonProduct(out, (0.5 * out ** 2).sum(), [w])(torch.ones(1))  # J = 2 w = 4, H_L = 1
    tensor([16.])
    """

    def __init__(self, outputs: Float[Tensor, "*any"], loss: Float[Tensor, ""], parameters: Sequence[Tensor]) -> None:
        if loss.ndim:
            raise ValueError(f"GaussNewtonProduct differentiates a scalar; got a loss of shape {tuple(loss.shape)}. Take its mean or sum.")
        self.outputs, self.parameters = outputs, list(parameters)
        self.size = sum(p.numel() for p in self.parameters)
        (self.slope,) = torch.autograd.grad(loss, outputs, create_graph=True)
        self.seed = torch.zeros_like(outputs, requires_grad=True)
        grads = torch.autograd.grad(outputs, self.parameters, self.seed, create_graph=True, allow_unused=True)
        self.pulled = flat(grads, self.parameters)  # J^T seed, linear in the seed: its derivative by the seed is J

    def __call__(self, vector: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        _check(vector, self.size)
        (pushed,) = torch.autograd.grad(self.pulled @ vector.to(self.pulled), self.seed, retain_graph=True)
        if not self.slope.requires_grad:  # a loss that is linear in the outputs
            return torch.zeros_like(vector)
        (curved,) = torch.autograd.grad(self.slope, self.outputs, pushed, retain_graph=True)
        found = torch.autograd.grad(self.outputs, self.parameters, curved, retain_graph=True, allow_unused=True)
        return flat(found, self.parameters).detach()


class FisherProduct:
    """G^T G v / n for gradients of single samples G (n, P): the empirical Fisher matrix.

    The squared mean gradient is not it: that has rank one.

    >>> FisherProduct(torch.eye(2))(torch.tensor([2.0, 0.0]))
    tensor([1., 0.])
    """

    def __init__(self, gradients: Float[Tensor, "n p"]) -> None:
        self.gradients, self.size = gradients, gradients.shape[1]

    def __call__(self, vector: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        _check(vector, self.size)
        return self.gradients.t() @ (self.gradients @ vector) / len(self.gradients)


def _check(vector: Tensor, size: int) -> None:
    if vector.shape != (size,):
        raise ValueError(f"The product takes a flat vector of {size} numbers; got shape {tuple(vector.shape)}.")
