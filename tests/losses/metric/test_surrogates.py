"""Smooth metrics at the limit where they are the metrics."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import rankdata, spearmanr

from weft.losses import Loss, expected_metric, ranking_auc, smooth_ap, soft_f1, soft_rank, soft_spearman, straight_through


@pytest.mark.parametrize(("dim", "average"), [(1, "samples"), (0, "macro")])
def test_sure_answers_have_the_f1_of_scikit_learn(dim, average):
    """soft_f1, parity: scikit-learn's f1_score by items and by labels, for logits of +-100."""
    metrics = pytest.importorskip("sklearn.metrics")
    y, guess = (torch.rand(2, 30, 5) > 0.6).unbind()
    theirs = metrics.f1_score(y.numpy(), guess.numpy(), average=average, zero_division=1.0)
    assert 1 - soft_f1(200.0 * guess - 100, y, dim=dim).mean().item() == pytest.approx(theirs, abs=1e-6)


def test_auc_bounds_and_becomes_the_area():
    """ranking_auc, parity: at a temperature near 0 with a margin of 1 on well-parted scores it counts scikit-learn's wrong pairs, and it bounds them."""
    metrics = pytest.importorskip("sklearn.metrics")
    scores, y = torch.randperm(40).float(), torch.rand(40) > 0.6
    error = 1 - metrics.roc_auc_score(y.numpy(), scores.numpy())
    steep = torch.tensor([[max(0.0, 1 - float(a - b)) for b in scores[~y]] for a in scores[y]]).mean()
    torch.testing.assert_close(Loss.mean(ranking_auc(scores, y, margin=1.0, temperature=1e-3)).value, steep, rtol=1e-4, atol=1e-4)
    assert ranking_auc(scores, y).mean() / math.log(2) >= error
    one_class = torch.randn(4, requires_grad=True)
    ranking_auc(one_class, torch.ones(4)).sum().backward()
    assert not one_class.grad.any()


def test_soft_ranks_become_scipys():
    """soft_rank and soft_spearman, parity: scipy's rankdata, ties included, and its Spearman correlation."""
    s = torch.tensor([0.3, -1.0, 0.3, 2.0, 5.0], dtype=torch.float64)
    torch.testing.assert_close(soft_rank(s, temperature=1e-3), torch.as_tensor(rankdata(s.numpy())))
    a, b = torch.randn(2, 4, 9, dtype=torch.float64)
    theirs = torch.tensor([1 - spearmanr(x.numpy(), y.numpy()).statistic for x, y in zip(a, b, strict=True)])
    torch.testing.assert_close(soft_spearman(a, b, temperature=1e-4), theirs.double(), rtol=1e-4, atol=1e-4)
    assert soft_spearman(torch.zeros(1, 4), torch.randn(1, 4)).item() == 1


def test_smooth_average_precision_becomes_the_metric():
    """smooth_ap, parity: scikit-learn's average_precision_score at a temperature near 0; a query without an answer costs nothing."""
    metrics = pytest.importorskip("sklearn.metrics")
    s, y = torch.randn(6, 12), torch.rand(6, 12) > 0.6
    y[:, 0] = True
    theirs = [1 - metrics.average_precision_score(b.numpy(), a.numpy()) for a, b in zip(s, y, strict=True)]
    torch.testing.assert_close(smooth_ap(s, y, temperature=1e-5), torch.tensor(theirs, dtype=torch.float32), rtol=1e-4, atol=1e-4)
    assert smooth_ap(s, torch.zeros(6, 12)).tolist() == [0] * 6


def test_the_score_function_gives_the_slope_of_the_expectation():
    """expected_metric, closed form: summed over all answers with their probabilities, its gradient is that of -E[score], for any baseline."""
    score = torch.tensor([1.0, 0.0, 3.0])
    for baseline in (0.0, 1.7):
        logits = torch.randn(3, requires_grad=True)
        log_p = logits.log_softmax(0)
        (log_p.exp().detach() * expected_metric(log_p, score, baseline)).sum().backward()
        other = logits.detach().requires_grad_()
        (-(other.softmax(0) * score).sum()).backward()
        torch.testing.assert_close(logits.grad, other.grad)


def test_straight_through_rounds_ahead_and_passes_back():
    """straight_through, closed form: the hard value exactly, the soft gradient exactly."""
    x = torch.randn(20, requires_grad=True)
    y = straight_through((x > 0).float(), x.sigmoid())
    assert torch.equal(y, (x > 0).float())
    y.sum().backward()
    torch.testing.assert_close(x.grad, (x.sigmoid() * (1 - x.sigmoid())).detach())


def test_errors_teach():
    with pytest.raises(ValueError, match=r"scores \(B,\) and a temperature > 0"):
        ranking_auc(torch.zeros(2, 2), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="at least 2"):
        soft_spearman(torch.zeros(3, 1), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="temperature > 0"):
        soft_rank(torch.zeros(3), temperature=0)
    with pytest.raises(ValueError, match="temperature > 0"):
        smooth_ap(torch.zeros(2, 3), torch.zeros(2, 3), temperature=-1)
