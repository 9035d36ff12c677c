"""The feed-forward half of a transformer block."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class GeluMLP(nn.Module):
    """Two linear layers with a GELU between: W2 gelu(W1 x).

    Shapes: x (..., dim) -> (..., dim).
    Use when following GPT-2 or BERT; instead of it, ``SwiGLU``; cost 2 * dim * hidden multiplications a token.

    >>> import torch
    >>> GeluMLP(8, 32)(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.up = nn.Linear(dim, hidden, bias=bias)
        self.down = nn.Linear(hidden, dim, bias=bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        return F.dropout(self.down(F.gelu(self.up(x))), self.dropout, self.training)


class SwiGLU(nn.Module):
    """A gated feed-forward layer: W3 (silu(W1 x) * W2 x).

    Shapes: x (..., dim) -> (..., dim). W1 and W2 are one fused projection: the first half gates.
    Paper: Shazeer, 2020, arXiv:2002.05202.
    Use when following Llama; give ``hidden`` about 8/3 * dim for the cost of a ``GeluMLP`` of 4 * dim.

    >>> import torch
    >>> SwiGLU(8, 24)(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0, bias: bool = False) -> None:
        super().__init__()
        self.up = nn.Linear(dim, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, dim, bias=bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        gate, value = self.up(x).chunk(2, dim=-1)
        return F.dropout(self.down(F.silu(gate) * value), self.dropout, self.training)
