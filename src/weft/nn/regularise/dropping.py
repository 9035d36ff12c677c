"""Dropping whole branches and whole regions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def checked(p: float, who: str) -> float:
    """``p`` if it is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{who} needs a probability p between 0 and 1; got {p}.")
    return p


class DropPath(nn.Module):
    """Stochastic depth: while learning, a sample's whole branch is 0 with probability p and divided by 1 - p otherwise.

    Shapes: x (B, ...) -> the same. In eval mode the identity; p = 1 gives zeros.
    Errors: ``ValueError`` unless 0 <= p <= 1.
    Paper: Huang et al., 2016, arXiv:1603.09382.
    Use when a deep network has residual branches: put it at their end, with rates from ``drop_path_rates``; instead of it, ``nn.Dropout`` for single
    elements. Cost: one multiplication an element.

    >>> sorted(set(DropPath(0.5)(torch.ones(64, 2)).sum(1).tolist()))
    [0.0, 4.0]
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = checked(p, "DropPath")

    def forward(self, x: Float[Tensor, " b *shape"]) -> Float[Tensor, " b *shape"]:
        if not self.training or self.p == 0:
            return x
        keep = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p) if self.p < 1 else keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def drop_path_rates(depth: int, last: float) -> list[float]:
    """The rate of each of ``depth`` branches, rising evenly from 0 to ``last``: early branches feed all later ones, so they are spared.

    >>> drop_path_rates(3, 0.2)
    [0.0, 0.1, 0.2]
    """
    checked(last, "drop_path_rates")
    return [last * i / max(depth - 1, 1) for i in range(depth)]


class DropBlock(nn.Module):
    """Dropout of square regions: while learning, blocks of ``size`` become 0, in all about a share p, and the rest is scaled up to the same sum.

    Shapes: x (B, C, ...) with one to three dimensions after the channels -> the same. Each channel has regions of its own; in eval mode the identity.
    Centres are drawn with the rate p / size^d * (places / places where a block fits), so that about a share p falls out where blocks seldom overlap.
    Errors: ``ValueError`` unless 0 <= p <= 1, or when a block is larger than the features.
    Paper: Ghiasi et al., 2018, arXiv:1810.12890.
    Use when neighbours tell what a dropped element was, as in convolution features; instead of it, ``nn.Dropout2d`` for whole channels.
    Cost: one max pooling.

    >>> x = torch.ones(2, 3, 8, 8)
    >>> bool((DropBlock(0.3, 3)(x) == 0).any()), torch.equal(DropBlock(0.3, 3).eval()(x), x)
    (True, True)
    """

    def __init__(self, p: float = 0.1, size: int = 7) -> None:
        super().__init__()
        self.p, self.size = checked(p, "DropBlock"), size
        if size < 1:
            raise ValueError(f"DropBlock needs a size of at least 1; got {size}.")

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        if not self.training or self.p == 0:
            return x
        places = x.shape[2:]
        if not 1 <= len(places) <= 3 or min(places) < self.size:
            raise ValueError(f"DropBlock of size {self.size} expects (B, C) and one to three dimensions of at least that size; got {tuple(x.shape)}.")
        if self.p == 1:
            return x * 0
        inner = [place - self.size + 1 for place in places]
        rate = min(1.0, self.p / self.size ** len(places) * math.prod(places) / math.prod(inner))
        corners = x.new_empty(*x.shape[:2], *inner).bernoulli_(rate)
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(places) - 1]
        keep = 1 - pool(F.pad(corners, [self.size - 1] * 2 * len(places)), self.size, 1)
        return x * keep * (keep.numel() / keep.float().sum().clamp(min=1)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"p={self.p}, size={self.size}"


class GaussianNoise(nn.Module):
    """Noise while learning: x + deviation * n, n standard normal; multiplied in, x (1 + deviation * n), where ``relative``.

    Shapes: any -> the same. In eval mode the identity.
    Errors: ``ValueError`` for a negative deviation.
    Papers: Srivastava et al., 2014 (relative noise in place of dropout); Sietsma and Dow, 1991 (added noise).
    Use when features or inputs should be robust to small changes; instead of it, a transform of the data to disturb only the input.

    >>> x = torch.ones(2)
    >>> torch.equal(GaussianNoise(0.1).eval()(x), x)
    True
    """

    def __init__(self, deviation: float = 0.1, *, relative: bool = False) -> None:
        super().__init__()
        if deviation < 0:
            raise ValueError(f"GaussianNoise needs a deviation of at least 0; got {deviation}.")
        self.deviation, self.relative = deviation, relative

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        if not self.training or self.deviation == 0:
            return x
        noise = self.deviation * torch.randn_like(x)
        return x + (x * noise if self.relative else noise)

    def extra_repr(self) -> str:
        return f"deviation={self.deviation}, relative={self.relative}"
