"""Losses whose minimisers are quantiles and expectiles."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.regression import numbers
from weft.losses.shapes import full

DECILES = (0.1, 0.5, 0.9)


def quantile(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, levels: Sequence[float] = DECILES, crossing: float = 0.0
) -> Float[Tensor, " ..."]:
    """Pinball loss of several quantiles at once: the mean over levels t of max(t e, (t - 1) e), with e = target - prediction.

    Shapes: prediction (B, ..., Q), one number a level, and target (B, ...) -> (B, ...), in the target's unit.
    ``crossing`` adds that many times what a lower quantile lies above the next higher one; with ``ordered`` they cannot cross at all.
    Errors: ``ValueError`` for levels outside (0, 1) or not rising, and shapes that do not fit.
    Paper: Koenker and Bassett, 1978, doi:10.2307/1913643.
    Use when an interval is asked for, not a number; instead of it, ``l1`` for the median alone (half of it is this at level 0.5).

    >>> quantile(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([1.0]))
    tensor([0.0667])
    """
    if not levels or not all(0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
        raise ValueError(f"quantile needs rising levels between 0 and 1; got {tuple(levels)}.")
    if prediction.shape != (*target.shape, len(levels)):
        raise ValueError(
            f"quantile with {len(levels)} levels needs a prediction {(*target.shape, len(levels))} for the target {tuple(target.shape)}; "
            f"got {tuple(prediction.shape)}."
        )
    prediction = full(prediction)
    error = target.unsqueeze(-1) - prediction
    level = torch.tensor(levels, dtype=prediction.dtype, device=prediction.device)
    loss = torch.maximum(level * error, (level - 1) * error).mean(-1)
    return loss + crossing * F.relu(-prediction.diff(dim=-1)).sum(-1) if crossing else loss


def expectile(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, level: float = 0.5) -> Float[Tensor, " ..."]:
    """Squared error that weighs the two sides differently: |level - [target < prediction]| (target - prediction)^2.

    Shapes: prediction and target (B, ...) -> (B, ...). Level 0.5 is half of ``mse``.
    Errors: ``ValueError`` for a level outside (0, 1), or shapes that differ.
    Paper: Newey and Powell, 1987, doi:10.2307/1911031.
    Use when missing above costs more than missing below, smoothly; instead of it, ``quantile`` when a share of cases is meant.

    >>> expectile(torch.tensor([0.0, 0.0]), torch.tensor([2.0, -2.0]), level=0.75)
    tensor([3., 1.])
    """
    if not 0 < level < 1:
        raise ValueError(f"expectile needs a level between 0 and 1; got {level}.")
    a, b = numbers(prediction, target, "expectile")
    return torch.where(b < a, 1 - level, level) * (b - a).square()


def ordered(x: Float[Tensor, "... q"]) -> Float[Tensor, "... q"]:
    """Numbers that rise along the last dimension, from any numbers: the first, then softplus steps up.

    Use as the end of a network for ``quantile``: its quantiles then never cross.

    >>> ordered(torch.tensor([1.0, -2.0, 0.0]))
    tensor([1.0000, 1.1269, 1.8201])
    """
    x = full(x)
    return torch.cat([x[..., :1], F.softplus(x[..., 1:])], dim=-1).cumsum(-1)
