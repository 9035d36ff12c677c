"""A residual network for rows of a table."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.shapes import expect


class Block(nn.Module):
    """x + dropout(W2 dropout(relu(W1 norm(x)))).

    Shapes: x (B, dim) -> (B, dim).
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 2 * dim)
        self.down = nn.Linear(2 * dim, dim)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "b dim"]) -> Float[Tensor, "b dim"]:
        hidden = F.dropout(self.up(self.norm(x)).relu(), self.dropout, self.training)
        return x + F.dropout(self.down(hidden), self.dropout, self.training)


class TableNet(nn.Module):
    """A linear layer, residual blocks, and a linear head, for rows of standardised numbers and one-hot categories.

    Shapes: input (B, in_dim), as ``TableCodec`` makes it -> (B, out_dim): logits of classes, or the numbers of a regression.
    Errors: ``ValueError`` when the input has another shape.
    Paper: Gorishniy et al., 2021, arXiv:2106.11959 ("ResNet" there). Differs: layer instead of batch normalisation, so that rows do not couple.
    Use when a table has hundreds of rows or more; instead of it, ``MLP`` when plain is enough, or gradient-boosted trees, which often win.

    >>> import torch
    >>> TableNet(12, 3)(torch.randn(4, 12)).shape
    torch.Size([4, 3])
    """

    def __init__(self, in_dim: int, out_dim: int, *, dim: int = 128, depth: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.in_dim = in_dim
        self.stem = nn.Linear(in_dim, dim)
        self.blocks = nn.Sequential(*[Block(dim, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, out_dim)

    def forward(self, input: Float[Tensor, "b f"]) -> Float[Tensor, "b out"]:
        expect(input, f"B {self.in_dim}", "TableNet")
        return self.head(self.norm(self.blocks(self.stem(input))).relu())
