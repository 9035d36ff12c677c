"""A small classifier of texts."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from weft.nn.shapes import expect


class TextClassifier(nn.Module):
    """Embedding, one convolution over neighbouring tokens, mean and maximum over the text, and a linear classifier.

    Shapes: input (B, T) token ids, 0 = padding -> logits (B, num_classes). Padding changes nothing; a text of padding only is read as empty.
    Errors: ``ValueError`` for an even kernel or an input that is not (B, T); ``IndexError`` for a token id outside the vocabulary.
    Paper: Kim, 2014, arXiv:1408.5882. Differs: one kernel size, and the mean beside the maximum.
    Use when texts are short and words tell; ``kernel=1`` makes a bag of words. Instead of it, a pretrained encoder when labels are few.

    >>> TextClassifier(100, 3)(torch.tensor([[5, 9, 0], [7, 0, 0]])).shape
    torch.Size([2, 3])
    """

    def __init__(self, vocabulary: int, num_classes: int, *, dim: int = 128, kernel: int = 3, dropout: float = 0.3) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"TextClassifier needs an odd kernel, so that it can be centred; got {kernel}. Use {kernel + 1}.")
        self.embedding = nn.Embedding(vocabulary, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, dim, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * dim, num_classes)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[0] = 0

    def forward(self, input: Int[Tensor, "b t"]) -> Float[Tensor, "b classes"]:
        expect(input, "B T", "TextClassifier")
        keep = (input != 0)[:, :, None]
        # Padding embeds to zero, as beyond the end of the text, so that the convolution sees no difference.
        x = self.dropout(self.embedding(input))
        x = self.conv(x.transpose(1, 2)).relu().transpose(1, 2) * keep
        mean = x.sum(1) / keep.sum(1).clamp(min=1)
        # After relu nothing is below 0, so a masked 0 never wins the maximum over a text.
        return self.head(self.dropout(torch.cat([mean, x.amax(1)], dim=1)))
