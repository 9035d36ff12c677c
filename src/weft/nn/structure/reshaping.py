"""Other shapes for the same numbers, the batch left alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxtyping import Shaped
from torch import Tensor, nn


class Flatten(nn.Module):
    """Each item as one row: (B, ...) -> (B, n), checked.

    Shapes: x (B, ...) -> (B, n), n the numbers of an item; the batch is never folded in.
    Errors: ``ValueError`` when ``size`` is given and an item holds another number.
    Use when a linear layer follows convolutions: with ``size`` a picture of another size is told here, not by a matrix product.

    >>> import torch
    >>> Flatten(48)(torch.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 48])
    """

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Shaped[Tensor, " b *item"]) -> Shaped[Tensor, "b n"]:
        flat = x.flatten(1)
        if self.size is not None and flat.shape[1] != self.size:
            raise ValueError(f"Flatten expects items of {self.size} numbers; got x of shape {tuple(x.shape)}, {flat.shape[1]} numbers an item.")
        return flat

    def extra_repr(self) -> str:
        return f"size={self.size}"


class Reshape(nn.Module):
    """Each item in another shape: (B, ...) -> (B, *shape).

    Shapes: ``shape`` is that of an item, without the batch; one size may be -1.
    Errors: ``ValueError`` when an item's numbers do not fill the shape.

    >>> import torch
    >>> Reshape((3, -1))(torch.zeros(2, 12)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        if sum(size == -1 for size in shape) > 1 or any(size < 1 and size != -1 for size in shape):
            raise ValueError(f"Reshape takes sizes of at least 1, one of which may be -1; got {tuple(shape)}.")
        self.shape = tuple(shape)

    def forward(self, x: Shaped[Tensor, " b *item"]) -> Shaped[Tensor, " b *out"]:
        numbers, known = math.prod(x.shape[1:]), math.prod([size for size in self.shape if size != -1])
        if numbers % known if -1 in self.shape else numbers != known:
            raise ValueError(f"Reshape cannot put an item of shape {tuple(x.shape[1:])}, {numbers} numbers, into {self.shape}.")
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        return f"{self.shape}"


class Permute(nn.Module):
    """Each item's dimensions in another order, counted from 1: the batch, 0, stays first.

    Shapes: ``Permute((2, 1))`` turns (B, T, C) into (B, C, T).
    Errors: ``ValueError`` unless ``order`` is an order of 1 .. n, or for an x with another number of dimensions.

    >>> import torch
    >>> Permute((2, 1))(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 3, 5])
    """

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        if sorted(order) != list(range(1, len(order) + 1)):
            raise ValueError(f"Permute takes the numbers 1 to n in some order (0, the batch, stays first); got {tuple(order)}.")
        self.order = tuple(order)

    def forward(self, x: Shaped[Tensor, " b *item"]) -> Shaped[Tensor, " b *out"]:
        if x.ndim != len(self.order) + 1:
            raise ValueError(f"Permute({self.order}) is for tensors of {len(self.order) + 1} dimensions; got x of shape {tuple(x.shape)}.")
        return x.permute(0, *self.order)

    def extra_repr(self) -> str:
        return f"{self.order}"


class Split(nn.Module):
    """A tensor cut along one dimension into parts of the given sizes.

    Shapes: x (B, ..., sum(sizes) at ``dim``, ...) -> one tensor for each size.
    Errors: ``ValueError`` when the sizes do not add up.

    >>> import torch
    >>> [part.shape[1] for part in Split((2, 3))(torch.zeros(1, 5))]
    [2, 3]
    """

    def __init__(self, sizes: Sequence[int], *, dim: int = 1) -> None:
        super().__init__()
        self.sizes, self.dim = tuple(sizes), dim

    def forward(self, x: Shaped[Tensor, " ..."]) -> list[Shaped[Tensor, " ..."]]:
        if x.shape[self.dim] != sum(self.sizes):
            raise ValueError(f"Split into {self.sizes} needs {sum(self.sizes)} along dimension {self.dim}; got x of shape {tuple(x.shape)}.")
        return list(x.split(self.sizes, self.dim))

    def extra_repr(self) -> str:
        return f"{self.sizes}, dim={self.dim}"


class Select(nn.Module):
    """One place along a dimension: x[:, index].

    Shapes: x with n places at ``dim`` -> x without ``dim``; ``index`` may count from the end.
    Errors: ``ValueError`` for an index that is not there.

    >>> import torch
    >>> Select(-1)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([3.])
    """

    def __init__(self, index: int, *, dim: int = 1) -> None:
        super().__init__()
        self.index, self.dim = index, dim

    def forward(self, x: Shaped[Tensor, " ..."]) -> Shaped[Tensor, " ..."]:
        if not -x.shape[self.dim] <= self.index < x.shape[self.dim]:
            raise ValueError(f"Select({self.index}) along dimension {self.dim} is not in x of shape {tuple(x.shape)}.")
        return x.select(self.dim, self.index)

    def extra_repr(self) -> str:
        return f"{self.index}, dim={self.dim}"
