"""Linear maps with fewer numbers than entries."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.shapes import expect


class LowRankLinear(nn.Module):
    """A linear layer through a narrow middle: y = U (V x) + b, of rank at most ``rank``.

    ``LowRankLinear.of(layer, rank)`` is the best such layer for a given one: its largest singular values, cut evenly between U and V.

    Shapes: x (..., in_dim) -> (..., out_dim); rank * (in_dim + out_dim) weights in place of in_dim * out_dim.
    Errors: ``ValueError`` unless 1 <= rank <= min(in_dim, out_dim).
    Papers: Eckart and Young, 1936, doi:10.1007/BF02288367; Denton et al., 2014, arXiv:1404.0736.
    Use when a layer is large and its singular values fall quickly; instead of it, LoRA to adapt a frozen layer.

    >>> layer = nn.Linear(6, 4)
    >>> torch.allclose(LowRankLinear.of(layer, 4)(torch.ones(1, 6)), layer(torch.ones(1, 6)), atol=1e-5)
    True
    """

    def __init__(self, in_dim: int, out_dim: int, rank: int, *, bias: bool = True) -> None:
        super().__init__()
        if not 1 <= rank <= min(in_dim, out_dim):
            raise ValueError(f"rank lies between 1 and {min(in_dim, out_dim)} for a layer from {in_dim} to {out_dim}; got {rank}.")
        self.down = nn.Linear(in_dim, rank, bias=False)
        self.up = nn.Linear(rank, out_dim, bias=bias)

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        expect(x, f"... {self.down.in_features}", "LowRankLinear")
        return self.up(self.down(x))

    @classmethod
    @torch.no_grad()
    def of(cls, layer: nn.Linear, rank: int) -> LowRankLinear:
        """The layer of this rank that is nearest to ``layer`` in the Frobenius and the spectral norm."""
        made = cls(layer.in_features, layer.out_features, rank, bias=layer.bias is not None).to(layer.weight)
        u, s, v = torch.linalg.svd(layer.weight.float(), full_matrices=False)
        root = s[:rank].sqrt()
        made.up.weight.copy_(u[:, :rank] * root)
        made.down.weight.copy_(root[:, None] * v[:rank])
        if layer.bias is not None:
            made.up.bias.copy_(layer.bias)
        return made


class KroneckerLinear(nn.Module):
    """A linear layer whose matrix is a Kronecker product: y = (A x B) x + b, never formed.

    Shapes: x (..., a_in * b_in) -> (..., a_out * b_out), with A (a_out, a_in) and B (b_out, b_in); a_out * a_in + b_out * b_in weights.
    Errors: ``ValueError`` for an input of another width.
    Paper: Zhang et al., 2021, arXiv:2102.08597 (sums of such products); Van Loan, 2000.
    Use when an input is a grid of two kinds (channels x places); instead of it, ``LowRankLinear`` without such a grid.

    >>> KroneckerLinear((2, 3), (4, 5))(torch.zeros(1, 15)).shape
    torch.Size([1, 8])
    """

    def __init__(self, left: tuple[int, int], right: tuple[int, int], *, bias: bool = True) -> None:
        super().__init__()
        (a_out, a_in), (b_out, b_in) = left, right
        bound = 1 / math.sqrt(a_in * b_in)  # the product of the two spreads is that of nn.Linear
        self.left = nn.Parameter(torch.empty(a_out, a_in).uniform_(-1, 1) * math.sqrt(3 * bound))
        self.right = nn.Parameter(torch.empty(b_out, b_in).uniform_(-1, 1) * math.sqrt(bound))
        self.bias = nn.Parameter(torch.empty(a_out * b_out).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        a_in, b_in = self.left.shape[1], self.right.shape[1]
        if x.shape[-1] != a_in * b_in:
            raise ValueError(f"KroneckerLinear expects vectors of {a_in} * {b_in} = {a_in * b_in} numbers; got x of shape {tuple(x.shape)}.")
        y = (self.left @ F.linear(x.unflatten(-1, (a_in, b_in)), self.right)).flatten(-2)
        return y if self.bias is None else y + self.bias


class HashedEmbedding(nn.Module):
    """Vectors for ids of any size from a table of ``rows``: the sum of ``num_hashes`` rows, each with a sign, chosen by hashing the id.

    Shapes: ids (...) of any non-negative integers -> (..., dim).
    Errors: ``ValueError`` for fewer than one row or hash.
    Papers: Weinberger et al., 2009, arXiv:0902.2206; Svenstrup et al., 2017, arXiv:1709.03933.
    Use when ids are millions or unknown before; instead of it, ``nn.Embedding`` where a table fits. Two ids share all rows by chance 1 / rows^hashes.

    >>> HashedEmbedding(64, 8)(torch.tensor([3, 10**15])).shape
    torch.Size([2, 8])
    """

    multiplier: Tensor
    shift: Tensor

    def __init__(self, rows: int, dim: int, *, num_hashes: int = 2, seed: int = 0) -> None:
        super().__init__()
        if rows < 1 or num_hashes < 1:
            raise ValueError(f"HashedEmbedding needs at least one row and one hash; got {rows} and {num_hashes}.")
        self.rows = rows
        self.weight = nn.Parameter(torch.randn(rows, dim) / math.sqrt(num_hashes))
        generator = torch.Generator().manual_seed(seed)
        # Odd multipliers of 62 bits, as in multiply-shift hashing; products wrap, which is meant.
        odd = torch.randint(1 << 61, (num_hashes, 2), generator=generator) * 2 + 1
        self.register_buffer("multiplier", odd, persistent=False)
        self.register_buffer("shift", torch.randint(1 << 61, (num_hashes, 2), generator=generator), persistent=False)

    def forward(self, ids: Int[Tensor, " *b"]) -> Float[Tensor, " *b dim"]:
        mixed = ids.long()[..., None, None] * self.multiplier + self.shift
        mixed = (mixed ^ (mixed >> 32)) * self.multiplier.flip(0)
        mixed = (mixed >> 20) & ((1 << 40) - 1)
        row, sign = mixed[..., 0] % self.rows, 1 - 2 * (mixed[..., 1] & 1)
        return (F.embedding(row, self.weight) * sign[..., None].to(self.weight.dtype)).sum(-2)

    def extra_repr(self) -> str:
        return f"rows={self.rows}, dim={self.weight.shape[1]}, num_hashes={len(self.multiplier)}"
