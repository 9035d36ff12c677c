"""Contrast with negatives from elsewhere: given ones, a queue, later steps, another modality."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.losses.metric.distances import inner, unit
from weft.losses.shapes import full, same_shape


def info_nce_given(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], negatives: Float[Tensor, " ..."], *, temperature: float = 0.07
) -> Float[Tensor, " b"]:
    """Find each row's partner among given negatives: -log exp(q.k / T) / (exp(q.k / T) + sum_n exp(q.n / T)), all of length 1.

    Shapes: prediction and target (B, D); negatives (N, D) shared by all rows, such as MoCo's queue, or (B, N, D) each row's own -> (B,).
    The negatives get no gradient, since a queue's are old.
    Errors: ``ValueError`` for shapes that do not fit or a temperature that is not positive.
    Paper: van den Oord et al., 2018, arXiv:1807.03748; the queue, He et al., 2019 (MoCo), arXiv:1911.05722.
    Use when the batch is too small to hold enough negatives; its items do not see each other, so microbatches are exact. Instead of it,
    ``info_nce`` with the batch's own. log(N + 1) less its mean is a lower bound of the views' mutual information.

    >>> info_nce_given(torch.eye(2), torch.eye(2), -torch.ones(1, 2), temperature=1.0)
    tensor([0.1667, 0.1667])
    """
    same_shape(prediction, target, "info_nce_given")
    wanted = {(prediction.shape[-1],), (len(prediction), prediction.shape[-1])}
    if prediction.ndim != 2 or (*negatives.shape[:-2], negatives.shape[-1]) not in wanted:
        shapes = f"{tuple(prediction.shape)} and {tuple(negatives.shape)}"
        raise ValueError(f"info_nce_given needs queries (B, D) and negatives (N, D) or (B, N, D); got {shapes}.")
    if temperature <= 0:
        raise ValueError(f"info_nce_given needs a temperature > 0; got {temperature}.")
    query, key = unit(prediction), unit(target)
    others = unit(negatives.detach())
    right = (query * key).sum(1, keepdim=True)
    wrong = inner(query, others) if others.ndim == 2 else (others * query[:, None]).sum(2)
    return -(torch.cat([right, wrong], 1) / temperature).log_softmax(1)[:, 0]


def predictive_coding(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, temperature: float = 0.1) -> Float[Tensor, "b s"]:
    """Each future step found among the batch's: -log softmax_j(cos(p_is, z_js) / T) at j = i, for every step s by itself.

    Shapes: prediction (B, S, D), what item i expects of its s-th next step; target (B, S, D), what came -> (B, S).
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ, a batch of one, or a temperature that is not positive.
    Paper: van den Oord et al., 2018 (CPC), arXiv:1807.03748. Differs: cosines, not a bilinear form; put that into the network.
    Use on sequences where a context should know what comes; cost O(B^2 S D).

    >>> predictive_coding(torch.eye(2)[:, None], torch.eye(2)[:, None], temperature=1.0)
    tensor([[0.3133],
            [0.3133]])
    """
    same_shape(prediction, target, "predictive_coding")
    if prediction.ndim != 3 or len(prediction) < 2 or temperature <= 0:
        got = f"{tuple(prediction.shape)} and temperature {temperature}"
        raise ValueError(f"predictive_coding needs at least two sequences (B, S, D) and a temperature > 0; got {got}.")
    similarity = inner(unit(prediction).movedim(1, 0), unit(target).movedim(1, 0)) / temperature
    return -similarity.log_softmax(2).diagonal(dim1=1, dim2=2).mT


def clip_contrast(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], scale: Float[Tensor, ""] | float = 1 / 0.07
) -> Float[Tensor, " b"]:
    """Pictures and texts that belong together, found in both directions: cross-entropy of scale cos(a_i, b_j) at j = i, rows and columns.

    Shapes: prediction and target embeddings (B, D) of the two towers, scale a number or a scalar tensor such as ``LogitScale`` gives -> (B,).
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ or a batch of one.
    Paper: Radford et al., 2021, arXiv:2103.00020.
    Use when the temperature is learned; ``info_nce`` is the same with a fixed one; instead of it, ``sigmoid_contrast`` for small batches.

    >>> clip_contrast(torch.eye(2), torch.eye(2), 1.0)
    tensor([0.3133, 0.3133])
    """
    similarity = _tower_cosines(prediction, target, "clip_contrast") * scale
    return -0.5 * (similarity.log_softmax(1).diagonal() + similarity.log_softmax(0).diagonal())


def sigmoid_contrast(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], scale: Float[Tensor, ""] | float = 10.0, bias: Float[Tensor, ""] | float = -10.0
) -> Float[Tensor, " b"]:
    """Every pair by itself, together or not: sum_j -log sigmoid(+-(scale cos(a_i, b_j) + bias)), + at j = i and - elsewhere.

    Shapes: prediction and target embeddings (B, D), scale and bias numbers or learned scalars -> (B,).
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ or a batch of one.
    Paper: Zhai et al., 2023 (SigLIP), arXiv:2303.15343.
    Use instead of ``clip_contrast`` for small batches; it normalises over nothing.

    >>> sigmoid_contrast(torch.eye(2), torch.eye(2), 1.0, 0.0)
    tensor([1.0064, 1.0064])
    """
    similarity = _tower_cosines(prediction, target, "sigmoid_contrast") * scale + bias
    sign = 2 * torch.eye(len(similarity), device=similarity.device) - 1
    return F.softplus(-sign * similarity).sum(1)


def _tower_cosines(prediction: Tensor, target: Tensor, who: str) -> Tensor:
    same_shape(prediction, target, who)
    if prediction.ndim != 2 or len(prediction) < 2:
        raise ValueError(f"{who} needs at least two rows of embeddings (B, D), to tell them apart; got {tuple(prediction.shape)}.")
    return inner(unit(prediction), unit(target))


class LogitScale(nn.Module):
    """A learned factor of similarities, exp(s), held at or below ``limit``.

    The gradient stops at the limit only for steps that would pass it, so the factor can come back.

    Shapes: forward() -> a scalar tensor. ``log_scale`` is the parameter; give it to the update without weight decay.
    Errors: ``ValueError`` for a temperature or limit that is not positive.
    Paper: Radford et al., 2021, arXiv:2103.00020 (temperature 0.07, limit 100).
    Use with ``clip_contrast`` or ``sigmoid_contrast``.

    >>> round(float(LogitScale(temperature=0.5)()), 4)
    2.0
    """

    def __init__(self, temperature: float = 0.07, *, limit: float = 100.0):
        super().__init__()
        if temperature <= 0 or limit <= 0:
            raise ValueError(f"LogitScale(temperature={temperature}, limit={limit}): both must be positive.")
        self.log_scale, self.limit = nn.Parameter(torch.tensor(-math.log(temperature))), limit

    def forward(self) -> Float[Tensor, ""]:
        with torch.no_grad():  # as the paper's code does: the parameter itself is cut back, not its use
            self.log_scale.clamp_(max=math.log(self.limit))
        return full(self.log_scale).exp()
