"""A linear layer with what usually follows it, and the block of two around a shortcut."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import unknown
from weft.nn.activations import activation as make_activation
from weft.nn.shapes import expect

NORMS = ("batch", "layer", "rms", "group")


class Dense(nn.Module):
    """Linear, norm, activation, dropout, on vectors or on sequences of them: dropout(act(norm(W x + b))).

    Norms: batch (over every vector of the call, so a sequence's steps count as items), layer, rms, group (8 groups, or the largest divisor that 8
    shares with ``out_dim``), None. The linear layer has no bias before batch norm, which would remove it.

    Shapes: x (..., in_dim) -> (..., out_dim).
    Errors: ``ValueError`` for another width, an unknown norm or activation, or batch norm in training on a single vector.
    Use when code reads better with one name for the four; ``activation`` is a name or a module, an empty ``nn.Sequential()`` too.

    >>> import torch
    >>> Dense(4, 12, norm="group", activation="relu")(torch.zeros(2, 5, 4)).shape
    torch.Size([2, 5, 12])
    """

    def __init__(
        self, in_dim: int, out_dim: int, *, norm: str | None = None, activation: str | nn.Module | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if norm is not None and norm not in NORMS:
            raise unknown("norm", norm, NORMS)
        self.in_dim = in_dim
        self.linear = nn.Linear(in_dim, out_dim, bias=norm != "batch")
        self.norm = {
            None: nn.Identity,
            "batch": lambda: nn.BatchNorm1d(out_dim),
            "layer": lambda: nn.LayerNorm(out_dim),
            "rms": lambda: nn.RMSNorm(out_dim, eps=1e-6),
            "group": lambda: nn.GroupNorm(math.gcd(8, out_dim), out_dim),
        }[norm]()
        self.act = make_activation(activation) if isinstance(activation, str) else activation if activation is not None else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        if x.shape[-1] != self.in_dim:
            raise ValueError(f"Dense expects vectors of {self.in_dim} numbers; got x of shape {tuple(x.shape)}.")
        y = self.linear(x)
        if isinstance(self.norm, nn.BatchNorm1d | nn.GroupNorm):  # both want (N, C): every vector is an item
            rows = y.reshape(-1, y.shape[-1])
            if len(rows) == 1 and self.training and isinstance(self.norm, nn.BatchNorm1d):
                raise ValueError("Dense: batch norm cannot train on a single vector, its variance is 0. Use more vectors, norm='layer' or eval mode.")
            y = self.norm(rows).reshape(y.shape)
        else:
            y = self.norm(y)
        return self.dropout(self.act(y))


class ResidualMLPBlock(nn.Module):
    """Two linear layers around a shortcut: relu(s(x) + norm(W2 relu(norm(W1 x)))).

    The shortcut s is the identity, or a linear layer where the sizes differ. ``zero_last`` lets the last norm's scale begin at 0, so that the block
    begins as relu(s(x)).

    Shapes: x (..., in_dim) -> (..., out_dim); ``hidden`` and ``out_dim`` are ``in_dim`` unless given.
    Errors: ``ValueError`` for another width, or ``zero_last`` without a norm.
    Papers: He et al., 2015, arXiv:1512.03385; Goyal et al., 2017, arXiv:1706.02677 (zero scale).
    Use when a perceptron has more than a few layers; instead of it, ``Dense`` for one layer. Cost (in_dim + out_dim) * hidden.

    >>> import torch
    >>> x = torch.randn(2, 4)
    >>> torch.equal(ResidualMLPBlock(4, norm="layer", zero_last=True)(x), x.relu())
    True
    """

    def __init__(
        self, in_dim: int, hidden: int | None = None, out_dim: int | None = None, *, norm: str | None = "batch", zero_last: bool = False
    ) -> None:
        super().__init__()
        self.in_dim = in_dim
        hidden, out_dim = hidden or in_dim, out_dim or in_dim
        self.first = Dense(in_dim, hidden, norm=norm, activation="relu")
        self.second = Dense(hidden, out_dim, norm=norm)
        self.shortcut = nn.Identity() if in_dim == out_dim else nn.Linear(in_dim, out_dim)
        if zero_last:
            if norm is None:
                raise ValueError("zero_last sets the last norm's scale to 0; give a norm.")
            nn.init.zeros_(self.second.norm.weight)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        expect(x, f"... {self.in_dim}", "ResidualMLPBlock")
        return (self.shortcut(x) + self.second(self.first(x))).relu()
