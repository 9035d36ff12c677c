"""Vectors for tokens, scaled, padded and tied."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


class TokenEmbedding(nn.Embedding):
    """``nn.Embedding`` with the scale of transformers and an output by the same table: x = sqrt(dim) E[ids], logits = E h.

    Shapes: ids (...) -> (..., dim); ``logits(h)`` (..., dim) -> (..., vocabulary). The row ``padding`` is 0, gets no gradient, and its logit is
    that of no token: -inf is not put there, as losses never ask for it.
    ``scale`` multiplies by sqrt(dim), so that rows of spread 1 / sqrt(dim), which the tied output needs, reach the network with spread 1.
    Errors: ``IndexError`` for an id outside the vocabulary; ``ValueError`` for a padding id outside it.
    Papers: Vaswani et al., 2017, arXiv:1706.03762 (scale); Press and Wolf, 2016, arXiv:1608.05859 (tied output).
    Use when a network reads tokens; instead of it, ``nn.EmbeddingBag`` for bags, ``HashedEmbedding`` for ids without a list.

    >>> table = TokenEmbedding(10, 4, padding=0)
    >>> table(torch.tensor([0]))
    tensor([[0., 0., 0., 0.]], grad_fn=<MulBackward0>)
    >>> table.logits(torch.zeros(2, 4)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, vocabulary: int, dim: int, *, padding: int | None = None, scale: bool = True, max_norm: float | None = None, sparse: bool = False
    ) -> None:
        if padding is not None and not 0 <= padding < vocabulary:
            raise ValueError(f"padding is one of the {vocabulary} ids, 0 to {vocabulary - 1}; got {padding}.")
        super().__init__(vocabulary, dim, padding_idx=padding, max_norm=max_norm, sparse=sparse)
        self.scale = math.sqrt(dim) if scale else 1.0
        with torch.no_grad():
            nn.init.normal_(self.weight, std=dim**-0.5)
            if padding is not None:
                self.weight[padding] = 0

    def forward(self, input: Int[Tensor, " *b"]) -> Float[Tensor, " *b dim"]:
        return super().forward(input) * self.scale

    def logits(self, hidden: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b vocabulary"]:
        """Scores of every token by the same table. Shapes: (..., dim) -> (..., vocabulary)."""
        return F.linear(hidden, self.weight)
