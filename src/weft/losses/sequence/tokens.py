"""Cross-entropy of tokens."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.cross_entropy import cross_entropy
from weft.losses.shapes import full


def token_cross_entropy(
    prediction: Float[Tensor, "b ..."], target: Shaped[Tensor, " ..."], *, label_smoothing: float = 0.0, z_loss: float = 0.0
) -> Float[Tensor, "b ..."]:
    """Cross-entropy of each token, with the vocabulary last; + z (log sum_c exp z_c)^2, which keeps the logits from drifting.

    Shapes: prediction logits (B, T, V), target (B, T) -> (B, T). ``Loss.mean(values, mask)`` then counts tokens over the whole batch, however it
    is cut, not rows or microbatches; padding marked by a number becomes a mask with ``keep_valid``. Perplexity is exp of that mean.
    Errors: those of ``cross_entropy``.
    Paper: z-loss, Chowdhery et al., 2022, arXiv:2204.02311 (z = 1e-4).
    Use for language models and decoders; instead of it, ``linear_cross_entropy`` when the logits of a large vocabulary do not fit.

    >>> token_cross_entropy(torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
    tensor([[1.3863, 1.3863]])
    """
    values = cross_entropy(prediction, target, label_smoothing=label_smoothing, dim=-1)
    return values + z_loss * torch.logsumexp(full(prediction), -1).square() if z_loss else values
