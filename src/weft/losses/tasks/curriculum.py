"""Which items count now: the easy ones first, or only the hard ones."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full


def self_paced(per_item: Float[Tensor, " ..."], threshold: float | Float[Tensor, ""], *, soft: bool = True) -> Float[Tensor, " ..."]:
    """Weights of items that are easy enough so far: 1 - l / threshold below it (or 1, not ``soft``), 0 above.

    Shapes: losses (B, ...) -> weights (B, ...) in [0, 1], without gradient, for the mask of ``Loss.mean``. Let ``threshold`` be a buffer that
    ``weft.optim.Anneal`` raises, and all items come in.
    Errors: ``ValueError`` for a threshold that is not positive.
    Paper: Kumar et al., 2010, Self-Paced Learning for Latent Variable Models; linear weights, Jiang et al., 2014, doi:10.1145/2647868.2654918.
    Use when labels are noisy or examples differ much in difficulty; instead of it, a data plan when difficulty is known before training.

    >>> self_paced(torch.tensor([0.5, 2.0]), 1.0)
    tensor([0.5000, 0.0000])
    """
    if float(threshold) <= 0:
        raise ValueError(f"self_paced needs a threshold > 0; got {float(threshold)}.")
    left = 1 - full(per_item).detach() / threshold
    return left.clamp(min=0) if soft else (left >= 0).to(left.dtype)


def hardest(per_item: Float[Tensor, " ..."], share: float) -> Float[Tensor, " ..."]:
    """Weights that keep the hardest items only: 1 for the ``share`` of largest losses, 0 for the others.

    Shapes: losses (B, ...) -> weights of 0 and 1 (B, ...), without gradient, for the mask of ``Loss.mean``; at least one item is kept, and exactly
    the rounded-up number where losses tie. Which ones is a matter of the whole batch: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for a share outside (0, 1].
    Paper: Shrivastava et al., 2016 (OHEM), arXiv:1604.03540.
    Use when most items are solved; instead of it, ``focal``, which fades instead of cutting. Not with noisy labels: they are the hardest.

    >>> hardest(torch.tensor([1.0, 3.0, 2.0, 0.0]), 0.5)
    tensor([0., 1., 1., 0.])
    """
    if not 0 < share <= 1:
        raise ValueError(f"hardest keeps a share in (0, 1]; got {share}.")
    flat = full(per_item).detach().flatten()
    kept = flat.topk(max(1, -int(-share * len(flat) // 1))).indices
    return torch.zeros_like(flat).index_fill(0, kept, 1.0).view(per_item.shape)
