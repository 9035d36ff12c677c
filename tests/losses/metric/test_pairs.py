"""Pairs against torch and pytorch-metric-learning."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, contrastive_labels, contrastive_pair, cosine_pull


def test_pairs_equal_the_formula_and_torch():
    """contrastive_pair, parity: torch's cosine embedding loss, and its hinge embedding loss of distances; closed form of the squares."""
    a, b = torch.randn(2, 30, 4)
    same = torch.rand(30) > 0.5
    sign = 2.0 * same - 1
    theirs = F.cosine_embedding_loss(a, b, sign, margin=0.2, reduction="none")
    torch.testing.assert_close(contrastive_pair(a, b, same, distance="cosine", margin=0.8, squared=False), theirs)
    apart = (a - b).norm(dim=1)
    theirs = F.hinge_embedding_loss(apart, sign, margin=3.0, reduction="none")
    torch.testing.assert_close(contrastive_pair(a, b, same, margin=3.0, squared=False), theirs)
    wanted = torch.where(same, (apart - 0.5).clamp(min=0), (3 - apart).clamp(min=0)) ** 2
    torch.testing.assert_close(contrastive_pair(a, b, same, margin=3.0, slack=0.5), wanted)


def test_all_pairs_equal_pytorch_metric_learning():
    """contrastive_labels, parity: ContrastiveLoss with the mean over pairs, labels with a single item among them."""
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning import losses, reducers
    from pytorch_metric_learning.distances import LpDistance

    x, y = torch.randn(9, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 3])
    theirs = losses.ContrastiveLoss(pos_margin=0.1, neg_margin=2.0, distance=LpDistance(normalize_embeddings=False), reducer=reducers.MeanReducer())
    torch.testing.assert_close(Loss.mean(contrastive_labels(x, y, margin=2.0, slack=0.1)).value, theirs(x, y))


def test_pull_is_byols_and_stops_at_the_target():
    """cosine_pull, closed form: 2 - 2 cos, in [0, 4]; the target gets no gradient."""
    a, b = torch.randn(20, 5, requires_grad=True), torch.randn(20, 5, requires_grad=True)
    torch.testing.assert_close(cosine_pull(a, b), 2 - 2 * F.cosine_similarity(a, b))
    cosine_pull(a, b).sum().backward()
    assert a.grad.any()
    assert b.grad is None
    torch.testing.assert_close(cosine_pull(a, -3 * a), torch.full((20,), 4.0))


def test_errors_teach():
    with pytest.raises(ValueError, match=r"one answer a pair .*\(2, 3\) and answers \(3,\)"):
        contrastive_pair(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3, dtype=torch.bool))
