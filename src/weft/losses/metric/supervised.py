"""Supervised contrast: all items of a class are each other's partners."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.metric.distances import inner, unit


def sup_con(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."] | None = None, *, temperature: float = 0.07
) -> Float[Tensor, " b"]:
    """Find all partners among all others: the mean over partners p of -log exp(s_ip) / sum_{k != i} exp(s_ik), s = cos / T.

    Shapes: prediction embeddings (B, D), or (B, V, D) for V views; target labels (B,), or a bool matrix (B, B) of who belongs together, or None:
    then only views of one item do, which is ``nt_xent`` -> (B,), the mean over an item's views. An anchor without partners has 0; the rest is
    scaled so that the mean over the batch is the mean over anchors that have some.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that do not fit, or a temperature that is not positive.
    Paper: Khosla et al., 2020, arXiv:2004.11362, their L_out.
    Use when labels are known and the embedding matters more than the classifier; cost O((B V)^2 D).

    >>> sup_con(torch.eye(3), torch.tensor([0, 0, 1]), temperature=1.0).mean()
    tensor(0.6931)
    """
    similarity, partner, views = _similarities(prediction, target, temperature, "sup_con")
    return _per_item(similarity, partner, views)


def adaptive_sup_con(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, temperature: float = 0.1, margin: float = 1.0
) -> Float[Tensor, " b"]:
    """``sup_con`` in which strangers of similar classes are pushed harder: s_ik = (cos + margin (1 + cos(c_i, c_k)) / 2) / T for strangers k.

    c_i is the mean embedding of i's class in the batch, so a class that lies near is met with nearly the whole margin and one that lies
    opposite with none. ``margin=0`` is ``sup_con``.

    Shapes: prediction embeddings (B, D) or (B, V, D), target labels (B,) -> (B,).
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that do not fit, a temperature that is not positive or a negative margin.
    Paper: the margin after Li et al., 2020, arXiv:2005.13826 (class-relevant additive margins). Differs: visual class means
    instead of words.
    Use when some classes are easily confused; instead of it, ``sup_con``, which has one number less to choose.

    >>> adaptive_sup_con(torch.eye(3), torch.tensor([0, 0, 1]), temperature=1.0, margin=0.0).mean()
    tensor(0.6931)
    """
    if margin < 0:
        raise ValueError(f"adaptive_sup_con needs a margin >= 0; got {margin}.")
    similarity, partner, views = _similarities(prediction, target, temperature, "adaptive_sup_con")
    rows = unit(prediction.reshape(len(target) * views, -1))
    labels = target.repeat_interleave(views)
    same = labels[:, None] == labels[None, :]
    means = unit(inner(same.to(rows.dtype) / same.sum(1, keepdim=True), rows.mT))
    return _per_item(similarity + (margin / temperature * 0.5 * (1 + inner(means, means))).where(~same, 0), partner, views)


def _similarities(prediction: Tensor, target: Tensor | None, temperature: float, who: str) -> tuple[Tensor, Tensor, int]:
    """Cosines over the temperature of all views, the item itself ruled out; who is whose partner; how many views there are."""
    if temperature <= 0:
        raise ValueError(f"{who} needs a temperature > 0; got {temperature}.")
    size = len(prediction)
    if prediction.ndim not in (2, 3) or (target is not None and target.shape not in ((size,), (size, size))):
        got = None if target is None else tuple(target.shape)
        raise ValueError(f"{who} needs embeddings (B, D) or (B, V, D) with labels (B,) or partners (B, B); got {tuple(prediction.shape)} and {got}.")
    views = prediction.shape[1] if prediction.ndim == 3 else 1
    if size * views < 2:
        raise ValueError(f"{who} needs at least two rows, to tell them apart; got {tuple(prediction.shape)}.")
    if target is None:
        same = torch.eye(size, dtype=torch.bool, device=prediction.device)
    else:
        same = target[:, None] == target[None, :] if target.ndim == 1 else target.bool()
    rows = unit(prediction.reshape(size * views, -1))
    itself = torch.eye(size * views, dtype=torch.bool, device=rows.device)
    same = same.repeat_interleave(views, 0).repeat_interleave(views, 1)
    return (inner(rows, rows) / temperature).masked_fill(itself, -torch.inf), same & ~itself, views


def _per_item(similarity: Tensor, partner: Tensor, views: int) -> Tensor:
    log_p = similarity - similarity.logsumexp(1, keepdim=True)
    has = partner.any(1)
    loss = -(log_p.where(partner, 0).sum(1) / partner.sum(1).clamp(min=1))
    loss = loss * len(loss) / has.sum().clamp(min=1)
    return loss.reshape(-1, views).mean(1)
