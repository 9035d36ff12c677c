"""Metrics made smooth, so that what is measured can be trained."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def soft_f1(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """1 - F1 with probabilities for counts: 1 - 2 sum(p y) / (sum(p) + sum(y)) along ``dim``.

    Shapes: prediction logits and target in {0, 1} (B, C) -> (B,), each item's F1 over its labels; ``dim=0`` gives (C,), each label's F1 over the
    batch, whose mean is macro F1: that couples samples. Where neither anything is predicted nor true it is 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Bénédict et al., 2021 (sigmoidF1), arXiv:2108.10566; F1 is Dice's coefficient.
    Use beside ``binary_cross_entropy`` when labels are rare and F1 is reported.

    >>> soft_f1(torch.tensor([[100.0, -100.0]]), torch.tensor([[1.0, 1.0]])).round(decimals=4)
    tensor([0.3333])
    """
    same_shape(prediction, target, "soft_f1")
    logits = full(prediction)
    p, y = logits.sigmoid(), target.to(logits.dtype)
    whole = (p + y).sum(dim)
    overlap = 2 * (p * y).sum(dim) / whole.where(whole > 0, 1)
    return torch.where(whole > 0, 1 - overlap, 0 * overlap)


def ranking_auc(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 0.0, temperature: float = 1.0
) -> Float[Tensor, " b"]:
    """Every positive above every negative: the mean over pairs of T log(1 + exp((margin - (s_pos - s_neg)) / T)).

    Shapes: prediction scores (B,), target in {0, 1} (B,) -> (B,), each item's share, scaled so that their mean over the batch is the mean over
    pairs. A batch of one class has 0. Divided by T log 2 it is never below 1 - AUC.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that differ or a temperature that is not positive.
    Paper: Yan et al., 2003, Optimizing Classifier Performance via an Approximation to the Wilcoxon-Mann-Whitney Statistic; Gao and Zhou, 2012,
    arXiv:1208.0645 (that this surrogate is consistent).
    Use when the threshold comes later and classes are unequal; batches need both. Cost O(B^2).

    >>> ranking_auc(torch.tensor([0.0, 0.0]), torch.tensor([1, 0])).mean()
    tensor(0.6931)
    """
    same_shape(prediction, target, "ranking_auc")
    if prediction.ndim != 1 or temperature <= 0:
        raise ValueError(f"ranking_auc needs scores (B,) and a temperature > 0; got {tuple(prediction.shape)} and {temperature}.")
    scores, yes = full(prediction), target.bool()
    pair = yes[:, None] & ~yes[None, :]
    cost = temperature * F.softplus((margin - (scores[:, None] - scores[None, :])) / temperature)
    cost = cost.where(pair, 0)
    return 0.5 * (cost.sum(1) + cost.sum(0)) * len(scores) / pair.sum().clamp(min=1)


def soft_rank(scores: Float[Tensor, "... n"], *, temperature: float = 1.0) -> Float[Tensor, "... n"]:
    """Ranks from 1 (the smallest) with slopes: rank_i = 1/2 + sum_j sigmoid((s_i - s_j) / T).

    Shapes: (..., N) -> (..., N). As T falls to 0 they are the ranks; ties share the mean of theirs.
    Errors: ``ValueError`` for a temperature that is not positive.
    Paper: Qin et al., 2010, doi:10.1007/s10791-009-9124-x.
    Use where an order must be differentiated; cost O(N^2).

    >>> soft_rank(torch.tensor([3.0, 1.0, 2.0]), temperature=0.01)
    tensor([3., 1., 2.])
    """
    if temperature <= 0:
        raise ValueError(f"soft_rank needs a temperature > 0; got {temperature}.")
    s = full(scores)
    return 0.5 + torch.sigmoid((s[..., :, None] - s[..., None, :]) / temperature).sum(-1)


def soft_spearman(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, temperature: float = 0.1) -> Float[Tensor, " b"]:
    """1 - the rank correlation of each list, with soft ranks of the scores and true ranks of the target.

    Shapes: prediction and target (B, N) -> (B,) in [0, 2]; for one list over the batch, give it as (1, N). A list without an order has 1.
    Errors: ``ValueError`` for shapes that differ, lists shorter than 2, or a temperature that is not positive.
    Paper: Spearman, 1904, doi:10.2307/1412159; soft ranks as in ``soft_rank``.
    Use when only the order of predictions counts; instead of it, ``mse``. Cost O(N^2).

    >>> soft_spearman(torch.tensor([[1.0, 5.0, 9.0]]), torch.tensor([[0.0, 1.0, 2.0]])).abs().round(decimals=4)
    tensor([0.])
    """
    same_shape(prediction, target, "soft_spearman")
    if prediction.ndim != 2 or prediction.shape[1] < 2:
        raise ValueError(f"soft_spearman needs lists (B, N) of at least 2; got {tuple(prediction.shape)}.")
    wanted = full(target)
    ranks = 0.5 + ((wanted[:, :, None] > wanted[:, None, :]).float() + 0.5 * (wanted[:, :, None] == wanted[:, None, :])).sum(2)
    found = soft_rank(prediction, temperature=temperature)
    a, b = found - found.mean(1, keepdim=True), (ranks - ranks.mean(1, keepdim=True)).to(found.dtype)
    # The small number keeps the slope finite where all scores are equal, so that a network that begins there can leave.
    size = ((a.square().sum(1) + 1e-6) * b.square().sum(1)).clamp(min=1e-12).sqrt()
    return 1 - (a * b).sum(1) / size


def smooth_ap(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, temperature: float = 0.01) -> Float[Tensor, " b"]:
    """1 - average precision of each list with soft ranks: the mean over relevant i of rank among the relevant / rank among all.

    Both ranks count from the top: 1 + sum_{j != i} sigmoid((s_j - s_i) / T).

    Shapes: prediction scores and target in {0, 1} (B, N), a query a row -> (B,) in [0, 1]. A list without anything relevant has 0.
    Errors: ``ValueError`` when the shapes differ or the temperature is not positive.
    Paper: Brown et al., 2020, arXiv:2007.12163.
    Use for retrieval with cosines as scores (T 0.01 is made for them); cost O(N^2).

    >>> smooth_ap(torch.tensor([[0.9, 0.8, 0.1]]), torch.tensor([[0, 1, 0]]))
    tensor([0.5000])
    """
    same_shape(prediction, target, "smooth_ap")
    if prediction.ndim != 2 or temperature <= 0:
        raise ValueError(f"smooth_ap needs lists (B, N) and a temperature > 0; got {tuple(prediction.shape)} and {temperature}.")
    scores, yes = full(prediction), target.bool()
    above = torch.sigmoid((scores[:, None, :] - scores[:, :, None]) / temperature)
    among_all = 0.5 + above.sum(2)
    among_relevant = 0.5 + above.where(yes[:, None, :], 0).sum(2)
    precision = (among_relevant / among_all).where(yes, 0).sum(1) / yes.sum(1).clamp(min=1)
    return torch.where(yes.any(1), 1 - precision, 0 * precision)


def expected_metric(
    log_probability: Float[Tensor, " ..."], score: Float[Tensor, " ..."], baseline: Float[Tensor, " ..."] | float = 0.0
) -> Float[Tensor, " ..."]:
    """Any metric of sampled answers, by the score function: -(score - baseline) log p(sample); its gradient is that of -E[score].

    Shapes: log-probabilities of what was sampled and its scores (B, ...) -> (B, ...). Scores and baseline get no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Williams, 1992 (REINFORCE), doi:10.1007/BF00992696; for sequences, Rennie et al., 2016 (self-critical), arXiv:1612.00563.
    Use when the metric has no slope at all; the baseline (a greedy answer's score, or a running mean) makes it less noisy.

    >>> expected_metric(torch.tensor([-1.0]), torch.tensor([2.0]), 0.5)
    tensor([1.5000])
    """
    same_shape(log_probability, score, "expected_metric")
    gain = full(score).detach() - (baseline.detach() if isinstance(baseline, Tensor) else baseline)
    return -gain * full(log_probability)


def straight_through(hard: Float[Tensor, " ..."], soft: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The hard value on the way forward, the soft one's gradient on the way back.

    Shapes: both (...) -> (...).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Bengio et al., 2013, arXiv:1308.3432.
    Use for rounding, thresholds and arg max inside a loss; the gradient is biased.

    >>> x = torch.tensor([0.7], requires_grad=True)
    >>> y = straight_through(x.round(), x); y.sum().backward(); y.item(), x.grad.item()
    (1.0, 1.0)
    """
    same_shape(hard, soft, "straight_through")
    return hard.detach() + (soft - soft.detach())
