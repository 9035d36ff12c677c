"""Ranking: pairs, lists, and lists weighed by what a swap would cost."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def margin_ranking(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, margin: float = 0.0) -> Float[Tensor, " ..."]:
    """The better one's score above the worse one's by a margin: max(0, margin - (better - worse)).

    Shapes: prediction scores of the better and target scores of the worse (B, ...) -> (B, ...); both sides get gradients.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Herbrich et al., 2000, Large Margin Rank Boundaries for Ordinal Regression (Advances in Large Margin Classifiers).
    Use for pairs whose order is sure; instead of it, ``bayesian_ranking`` for noisy ones.

    >>> margin_ranking(torch.tensor([1.0]), torch.tensor([0.5]), margin=1.0)
    tensor([0.5000])
    """
    same_shape(prediction, target, "margin_ranking")
    return F.relu(margin - (full(prediction) - full(target)))


def bayesian_ranking(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The better one's score above the worse one's, as a probability: -log sigmoid(better - worse).

    Shapes: prediction scores of the better and target scores of the worse (B, ...) -> (B, ...); both sides get gradients.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Rendle et al., 2009 (BPR), arXiv:1205.2618; the same as RankNet's, Burges et al., 2005, doi:10.1145/1102351.1102363, and as the
    Bradley-Terry likelihood, 1952, doi:10.2307/2334029.
    Use for recommendation from what was chosen, and for reward models from preferences.

    >>> bayesian_ranking(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([0.6931])
    """
    same_shape(prediction, target, "bayesian_ranking")
    return F.softplus(full(target) - full(prediction))


def listwise_softmax(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, keep: Bool[Tensor, " ..."] | None = None
) -> Float[Tensor, " b"]:
    """Cross-entropy between the orders that relevances and scores suggest: -sum_i softmax(relevance)_i log softmax(score)_i.

    Shapes: prediction scores and target relevances (B, N), ``keep`` (B, N) bool for lists of different lengths -> (B,). Its least value is the
    entropy of softmax(relevance). A list of which nothing is kept has 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Cao et al., 2007 (ListNet), doi:10.1145/1273496.1273513.
    Use when whole lists are judged; cost O(N). Instead of it, ``lambda_rank`` when the first places count most.

    >>> listwise_softmax(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([0.6931])
    """
    scores, relevance, keep = _lists(prediction, target, keep, "listwise_softmax")
    log_p = scores.masked_fill(~keep, torch.finfo(scores.dtype).min).log_softmax(1)
    wanted = relevance.masked_fill(~keep, torch.finfo(scores.dtype).min).softmax(1)
    return -(wanted * log_p).where(keep, 0).sum(1)


def lambda_rank(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, keep: Bool[Tensor, " ..."] | None = None, sigma: float = 1.0
) -> Float[Tensor, " b"]:
    """Pairs in the wrong order, each weighed by what swapping the two would change in NDCG.

    sum over i better than j of |dNDCG_ij| log(1 + exp(-sigma (s_i - s_j))), with gains 2^relevance - 1 and discounts 1 / log2(1 + rank) by score.

    Shapes: prediction scores and target relevances (B, N), ``keep`` (B, N) bool -> (B,). A list without any relevance has 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Burges, 2010, From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82; as a loss, Wang et al., 2018, doi:10.1145/3269206.3271784.
    Use when the top of the list counts; instead of it, ``approx_ndcg`` for a smooth estimate of the metric itself. Cost O(N^2).

    >>> lambda_rank(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), sigma=1.0).round(decimals=4)
    tensor([0.2558])
    """
    scores, relevance, keep = _lists(prediction, target, keep, "lambda_rank")
    gain = (torch.exp2(relevance) - 1).where(keep, 0)
    ideal = _ideal(gain)
    order = scores.detach().masked_fill(~keep, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1) + 1
    discount = torch.log2(1 + rank.to(scores.dtype)).reciprocal()
    swap = ((gain[:, :, None] - gain[:, None, :]) * (discount[:, :, None] - discount[:, None, :])).abs() / ideal[:, None, None]
    better = (relevance[:, :, None] > relevance[:, None, :]) & keep[:, :, None] & keep[:, None, :]
    cost = F.softplus(-sigma * (scores[:, :, None] - scores[:, None, :]))
    return (swap * cost).where(better, 0).sum((1, 2))


def approx_ndcg(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, keep: Bool[Tensor, " ..."] | None = None, temperature: float = 0.1
) -> Float[Tensor, " b"]:
    """1 - NDCG with soft ranks: rank_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / T).

    Shapes: prediction scores and target relevances (B, N), ``keep`` (B, N) bool -> (B,) in [0, 1]. A list without any relevance has 0. As T falls
    to 0 it becomes the metric.
    Errors: ``ValueError`` when the shapes differ or the temperature is not positive.
    Paper: Qin et al., 2010, doi:10.1007/s10791-009-9124-x.
    Use to train what will be measured; scores need a scale near 1. Cost O(N^2).

    >>> approx_ndcg(torch.tensor([[9.0, 0.0]]), torch.tensor([[1.0, 0.0]])).round(decimals=4)
    tensor([0.])
    """
    scores, relevance, keep = _lists(prediction, target, keep, "approx_ndcg")
    if temperature <= 0:
        raise ValueError(f"approx_ndcg needs a temperature > 0; got {temperature}.")
    gain = (torch.exp2(relevance) - 1).where(keep, 0)
    above = torch.sigmoid((scores[:, None, :] - scores[:, :, None]) / temperature) * keep[:, None, :]
    rank = 0.5 + above.sum(2)  # each item counts itself as half above itself
    found = (gain / torch.log2(1 + rank)).where(keep, 0).sum(1) / _ideal(gain)
    return torch.where(gain.sum(1) > 0, 1 - found, 0 * found)


def _ideal(gain: Tensor) -> Tensor:
    """The discounted gain of the best order; 1 where nothing is relevant."""
    places = torch.log2(torch.arange(2, gain.shape[1] + 2, device=gain.device, dtype=gain.dtype))
    best = (gain.sort(1, descending=True).values / places).sum(1)
    return best.where(best > 0, 1)


def _lists(prediction: Tensor, target: Shaped[Tensor, " ..."], keep: Tensor | None, who: str) -> tuple[Tensor, Tensor, Tensor]:
    same_shape(prediction, target, who)
    if prediction.ndim != 2 or (keep is not None and keep.shape != prediction.shape):
        got = f"{tuple(prediction.shape)} and keep {None if keep is None else tuple(keep.shape)}"
        raise ValueError(f"{who} needs lists (B, N), and keep of the same shape; got {got}.")
    scores = full(prediction)
    keep = torch.ones_like(scores, dtype=torch.bool) if keep is None else keep
    return scores, full(target).to(scores.dtype), keep


def link_ranking(
    prediction: Float[Tensor, " ..."], negatives: Float[Tensor, " ..."], *, margin: float = 0.0, adversarial: float = 0.0
) -> Float[Tensor, " b"]:
    """True links of a knowledge graph scored up, corrupted ones down: -log sigmoid(m + s) - sum_n w_n log sigmoid(-m - s_n).

    w is uniform, or softmax(adversarial s_n) without gradient: hard corruptions weigh more.

    Shapes: prediction scores of true links (B,), negatives (B, N) scores of N corruptions each -> (B,). Scores are minus distances, or logits.
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Sun et al., 2019 (RotatE), arXiv:1902.10197. Differs: no factor 1/2.
    Use for link prediction; instead of it, ``margin_ranking`` for TransE's own loss.

    >>> link_ranking(torch.zeros(1), torch.zeros(1, 3))
    tensor([1.3863])
    """
    if prediction.ndim != 1 or negatives.ndim != 2 or len(prediction) != len(negatives):
        raise ValueError(f"link_ranking needs scores (B,) and negatives (B, N); got {tuple(prediction.shape)} and {tuple(negatives.shape)}.")
    wrong = full(negatives)
    weight = (adversarial * wrong.detach()).softmax(1)
    return F.softplus(-margin - full(prediction)) + (weight * F.softplus(margin + wrong)).sum(1)
