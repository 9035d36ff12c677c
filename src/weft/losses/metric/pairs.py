"""Pairs: together or apart by at least a margin."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.metric.distances import distances, labelled, unit
from weft.losses.metric.triplets import rowwise
from weft.losses.shapes import same_shape


def contrastive_pair(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    same: Bool[Tensor, " ..."],
    *,
    margin: float = 1.0,
    slack: float = 0.0,
    distance: str = "euclidean",
    squared: bool = True,
) -> Float[Tensor, " b"]:
    """Pairs that belong together near, others a margin apart: max(0, d - slack)^2 where ``same``, else max(0, margin - d)^2.

    Shapes: prediction and target embeddings (B, D), ``same`` (B,) bool, True for pairs that belong together -> (B,). ``squared=False`` leaves
    out the squares. With ``distance="cosine"`` d = 1 - cos, so that margin 1 pushes strangers to a right angle.
    Errors: ``ValueError`` for shapes that do not fit or an unknown distance.
    Paper: Hadsell et al., 2006, doi:10.1109/CVPR.2006.100. Differs: no factor 1/2.
    Use when pairs are what the data knows, as in verification; instead of it, ``contrastive_labels`` to take all pairs of a batch.

    >>> contrastive_pair(torch.zeros(2, 1), torch.full((2, 1), 0.5), torch.tensor([True, False]))
    tensor([0.2500, 0.2500])
    """
    same_shape(prediction, target, "contrastive_pair")
    if same.shape != prediction.shape[:1]:
        raise ValueError(f"contrastive_pair needs one answer a pair (B,); got pairs {tuple(prediction.shape)} and answers {tuple(same.shape)}.")
    apart = rowwise(prediction, target, distance)
    cost = torch.where(same, F.relu(apart - slack), F.relu(margin - apart))
    return cost.square() if squared else cost


def contrastive_labels(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    margin: float = 1.0,
    slack: float = 0.0,
    distance: str = "euclidean",
    squared: bool = False,
) -> Float[Tensor, " b"]:
    """All pairs of a batch: the mean of max(0, d - slack) over pairs of one label plus the mean of max(0, margin - d) over the others.

    Shapes: prediction embeddings (B, D), target labels (B,) -> (B,), each item's share, scaled so that their mean is that sum of means.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that do not fit or an unknown distance.
    Paper: Hadsell et al., 2006, doi:10.1109/CVPR.2006.100.
    Use when labels are known and a margin is wanted; instead of it, ``sup_con``, which needs none. Cost O(B^2 D).

    >>> contrastive_labels(torch.tensor([[0.0], [0.5], [0.75]]), torch.tensor([0, 0, 1])).mean()
    tensor(1.)
    """
    same = labelled(prediction, target, "contrastive_labels")
    apart = distances(prediction, prediction, distance)
    partner = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    near, far = F.relu(apart - slack), F.relu(margin - apart)
    if squared:
        near, far = near.square(), far.square()
    size = len(same)
    together = near.where(partner, 0).sum(1) * size / partner.sum().clamp(min=1)
    return together + far.where(~same, 0).sum(1) * size / (~same).sum().clamp(min=1)


def cosine_pull(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Two views one direction: |unit(prediction) - unit(target)|^2 = 2 - 2 cos; the target gets no gradient.

    Shapes: prediction (an online predictor's output) and target (B, D) -> (B,) in [0, 4]; both directions added, as BYOL does, [0, 8].
    Errors: ``ValueError`` when the shapes differ.
    Paper: Grill et al., 2020 (BYOL), arXiv:2006.07733; half of it less 1 is SimSiam's, Chen and He, 2020, arXiv:2011.10566.
    Use without negatives, with a predictor on one side only and a slow or detached other side: without them everything collapses.

    >>> cosine_pull(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([2.])
    """
    same_shape(prediction, target, "cosine_pull")
    return (unit(prediction) - unit(target.detach())).square().sum(1)
