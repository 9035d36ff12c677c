"""A recurrent language model."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.shapes import expect


class LSTMLM(nn.Module):
    """Embedding, LSTM layers, and logits by the same embedding.

    Shapes: input (B, T) token ids, any T -> logits (B, T, vocabulary) for the token after each position.
    Errors: ``ValueError`` for an input that is not (B, T); ``IndexError`` for a token id outside the vocabulary.
    Paper: Merity et al., 2017, arXiv:1708.02182, without its regularisers but dropout; forget gates start at bias 1 (Jozefowicz et al., 2015).
    Use when streams are endless and memory constant; instead of it, ``GPT`` for quality at equal size. Cost O(T dim^2) a layer, step after step.

    >>> import torch
    >>> LSTMLM(65, dim=32)(torch.zeros(2, 7, dtype=torch.long)).shape
    torch.Size([2, 7, 65])
    """

    def __init__(self, vocabulary: int, *, dim: int = 256, depth: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, dim)
        self.lstm = nn.LSTM(dim, dim, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)
        for name, bias in self.lstm.named_parameters():
            if name.startswith("bias_ih"):
                nn.init.constant_(bias[dim : 2 * dim], 1.0)

    def forward(self, input: Int[Tensor, "b t"]) -> Float[Tensor, "b t vocabulary"]:
        expect(input, "B T", "LSTMLM")
        return self.read(input, None)[0]

    def read(self, input: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits at every position after what ``state`` has seen, and the new state."""
        x, after = self.lstm(self.dropout(self.embedding(input)), state)
        return F.linear(self.dropout(x), self.embedding.weight), after

    def decode(
        self, input: Int[Tensor, "b t"], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Float[Tensor, "b vocabulary"], tuple[Tensor, Tensor]]:
        """Logits of the token after ``input`` and all that ``state`` has seen, and the new state."""
        logits, after = self.read(input, state)
        return logits[:, -1], after
