"""Ranking losses against torch, scikit-learn's metric and loops over pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from weft.losses import approx_ndcg, bayesian_ranking, lambda_rank, link_ranking, listwise_softmax, margin_ranking


def test_pairs_equal_torch():
    """margin_ranking and bayesian_ranking, parity: torch's margin ranking loss and the logistic loss of the difference."""
    better, worse = torch.randn(2, 30)
    torch.testing.assert_close(margin_ranking(better, worse, margin=0.5), F.margin_ranking_loss(better, worse, torch.ones(30), margin=0.5, reduction="none"))
    torch.testing.assert_close(bayesian_ranking(better, worse), F.binary_cross_entropy_with_logits(better - worse, torch.ones(30), reduction="none"))


def test_listwise_is_cross_entropy_of_soft_targets():
    """listwise_softmax, parity: torch's cross-entropy with probabilities; what is not kept neither counts nor gets a gradient."""
    scores, relevance = torch.randn(4, 6), torch.randint(0, 3, (4, 6)).float()
    torch.testing.assert_close(listwise_softmax(scores, relevance), F.cross_entropy(scores, relevance.softmax(1), reduction="none"))
    padded = torch.cat([scores, torch.full((4, 2), 50.0)], 1).requires_grad_()
    keep = torch.arange(8).expand(4, 8) < 6
    loss = listwise_softmax(padded, torch.cat([relevance, torch.full((4, 2), 9.0)], 1), keep=keep)
    torch.testing.assert_close(loss, listwise_softmax(scores, relevance))
    loss.sum().backward()
    assert not padded.grad[:, 6:].any()


def ndcg(order, relevance):
    gains = [2.0 ** relevance[i] - 1 for i in order]
    ideal = sorted((2.0**r - 1 for r in relevance), reverse=True)
    return sum(g / math.log2(k + 2) for k, g in enumerate(gains)) / sum(g / math.log2(k + 2) for k, g in enumerate(ideal))


def test_lambda_weights_are_the_metrics_change():
    """lambda_rank, brute force: for every pair swap the two in the ranked list and measure NDCG again."""
    scores, relevance = torch.randn(3, 6, dtype=torch.float64), torch.tensor([[3, 0, 1, 2, 0, 1]] * 3).double()
    for got, s, r in zip(lambda_rank(scores, relevance), scores.tolist(), relevance.tolist(), strict=True):
        order = sorted(range(6), key=lambda i: -s[i])
        wanted = 0.0
        for i in range(6):
            for j in range(6):
                if r[i] > r[j]:
                    swapped = [{i: j, j: i}.get(k, k) for k in order]
                    wanted += abs(ndcg(order, r) - ndcg(swapped, r)) * math.log1p(math.exp(-(s[i] - s[j])))
        assert got.item() == pytest.approx(wanted, rel=1e-9)


def test_approximate_ndcg_becomes_the_metric():
    """approx_ndcg, parity: at a temperature near 0 it is 1 - scikit-learn's ndcg_score of the same gains; lists may be shorter than the batch's longest."""
    metrics = pytest.importorskip("sklearn.metrics")
    scores, relevance = torch.randn(5, 8, dtype=torch.float64), torch.randint(0, 4, (5, 8)).double()
    theirs = [metrics.ndcg_score(np.exp2(r.numpy())[None] - 1, s.numpy()[None]) for s, r in zip(scores, relevance, strict=True)]
    torch.testing.assert_close(approx_ndcg(scores, relevance, temperature=1e-4), 1 - torch.tensor(theirs, dtype=torch.float64))
    keep = torch.arange(10).expand(5, 10) < 8
    wider = [torch.cat([x, torch.full((5, 2), 7.0, dtype=torch.float64)], 1) for x in (scores, relevance)]
    torch.testing.assert_close(approx_ndcg(*wider, keep=keep), approx_ndcg(scores, relevance))
    torch.testing.assert_close(lambda_rank(*wider, keep=keep), lambda_rank(scores, relevance))


@pytest.mark.parametrize("loss", [lambda_rank, approx_ndcg])
def test_a_list_without_relevance_costs_nothing(loss):
    """Property: zero, with a zero gradient."""
    scores = torch.randn(2, 4, requires_grad=True)
    values = loss(scores, torch.zeros(2, 4))
    values.sum().backward()
    assert values.tolist() == [0, 0]
    assert not scores.grad.any()


def test_links_are_weighed_by_their_own_scores_without_gradient():
    """link_ranking, closed form: RotatE's self-adversarial sum by hand; the weights are constants to the gradient."""
    right, wrong = torch.randn(4), torch.randn(4, 5, requires_grad=True)
    weight = (0.7 * wrong).softmax(1).detach()
    wanted = -F.logsigmoid(2 + right) - (weight * F.logsigmoid(-2 - wrong)).sum(1)
    loss = link_ranking(right, wrong, margin=2.0, adversarial=0.7)
    torch.testing.assert_close(loss, wanted)
    loss.sum().backward()
    torch.testing.assert_close(wrong.grad, (weight * torch.sigmoid(2 + wrong)).detach())


def test_errors_teach():
    with pytest.raises(ValueError, match=r"lists \(B, N\).*\(2, 3\) and keep \(2, 2\)"):
        listwise_softmax(torch.zeros(2, 3), torch.zeros(2, 3), keep=torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="temperature > 0"):
        approx_ndcg(torch.zeros(2, 3), torch.zeros(2, 3), temperature=0)
    with pytest.raises(ValueError, match=r"negatives \(B, N\)"):
        link_ranking(torch.zeros(2), torch.zeros(3, 4))
