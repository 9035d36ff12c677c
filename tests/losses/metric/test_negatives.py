"""Contrast with negatives from elsewhere against cross-entropies and torch's own parts."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import LogitScale, clip_contrast, info_nce, info_nce_given, predictive_coding, sigmoid_contrast


def test_queue_is_the_papers_cross_entropy():
    """info_nce_given, closed form: MoCo's construction, the key first and the queue after it; own negatives equal a shared queue repeated."""
    q, k, queue = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4), torch.randn(9, 4, requires_grad=True)
    a, b, n = F.normalize(q, dim=1), F.normalize(k, dim=1), F.normalize(queue, dim=1)
    logits = torch.cat([(a * b).sum(1, keepdim=True), a @ n.T], 1) / 0.07
    loss = info_nce_given(q, k, queue)
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.zeros(6, dtype=torch.long), reduction="none"))
    torch.testing.assert_close(info_nce_given(q, k, queue.expand(6, 9, 4)), loss)
    loss.sum().backward()
    assert q.grad.any()
    assert queue.grad is None


def test_queue_equals_pytorch_metric_learning():
    """info_nce_given, parity: NTXentLoss where each anchor has one partner and the queue's items as strangers."""
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning.losses import NTXentLoss

    q, k, queue = torch.randn(5, 4), torch.randn(5, 4), torch.randn(7, 4)
    for i in range(5):
        embeddings = torch.cat([q[i : i + 1], k[i : i + 1], queue])
        anchor, partner = torch.tensor([0]), torch.tensor([1])
        pairs = (anchor, partner, torch.zeros(7, dtype=torch.long), torch.arange(2, 9))
        theirs = NTXentLoss(temperature=0.2)(embeddings, torch.zeros(9), pairs)
        torch.testing.assert_close(info_nce_given(q, k, queue, temperature=0.2)[i], theirs)


def test_mutual_information_is_never_overstated():
    """info_nce_given, property: log(N + 1) - loss never exceeds log(N + 1), and is 0 on average for keys that say nothing."""
    q, k, queue = torch.randn(400, 8), torch.randn(400, 8), torch.randn(400, 8)
    assert (info_nce_given(q, q, queue) >= 0).all()
    assert (math.log(401) - info_nce_given(q, k, queue, temperature=1.0)).mean().item() == pytest.approx(0.0, abs=0.1)


def test_steps_are_contrasted_apart():
    """predictive_coding, closed form: each step alone is the rows' half of InfoNCE."""
    p, z = torch.randn(2, 6, 3, 4)
    loss = predictive_coding(p, z, temperature=0.2)
    for step in range(3):
        similarity = F.normalize(p[:, step], dim=1) @ F.normalize(z[:, step], dim=1).T / 0.2
        torch.testing.assert_close(loss[:, step], F.cross_entropy(similarity, torch.arange(6), reduction="none"))


def test_clip_is_both_cross_entropies_with_a_learned_scale():
    """clip_contrast, closed form: CLIP's own pseudocode; a fixed scale is InfoNCE; the scale gets the gradient of gradcheck."""
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    logits = 5.0 * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    wanted = (F.cross_entropy(logits, torch.arange(6)) + F.cross_entropy(logits.T, torch.arange(6))) / 2
    torch.testing.assert_close(clip_contrast(a, b, 5.0).mean(), wanted)
    torch.testing.assert_close(clip_contrast(a, b, 5.0), info_nce(a, b, temperature=0.2))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: clip_contrast(a.double(), b.double(), s), scale)


def test_clip_equals_transformers():
    """clip_contrast, parity: the loss of transformers' CLIP on the same logits."""
    pytest.importorskip("transformers")
    from transformers.models.clip.modeling_clip import image_text_contrastive_loss

    a, b = torch.randn(6, 4), torch.randn(6, 4)
    logits = 5.0 * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    torch.testing.assert_close(clip_contrast(a, b, 5.0).mean(), image_text_contrastive_loss(logits))


def test_scale_is_held_and_comes_back():
    """LogitScale, property: never above its limit, and not stuck there."""
    scale = LogitScale(temperature=0.02, limit=20.0)
    assert scale().item() == pytest.approx(20.0, rel=1e-5)
    scale().backward()
    with torch.no_grad():
        scale.log_scale -= 0.1 * scale.log_scale.grad / scale.log_scale.grad.abs()
    assert scale().item() == pytest.approx(20.0 * math.exp(-0.1), rel=1e-5)
    with pytest.raises(ValueError, match="positive"):
        LogitScale(temperature=0.0)


def test_sigmoid_form_is_a_binary_cross_entropy_of_all_pairs():
    """sigmoid_contrast, closed form: yes on the diagonal, no elsewhere, summed over each row."""
    a, b = torch.randn(5, 4), torch.randn(5, 4)
    logits = 10 * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T - 10
    wanted = F.binary_cross_entropy_with_logits(logits, torch.eye(5), reduction="none").sum(1)
    torch.testing.assert_close(sigmoid_contrast(a, b), wanted)


def test_errors_teach():
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"negatives \(N, D\) or \(B, N, D\); got \(2, 3\) and \(5, 2\)"):
        info_nce_given(x, x, torch.zeros(5, 2))
    with pytest.raises(ValueError, match="temperature > 0"):
        info_nce_given(x, x, x, temperature=0)
    with pytest.raises(ValueError, match="at least two sequences"):
        predictive_coding(x[:, None][:1], x[:, None][:1])
    for loss in (clip_contrast, sigmoid_contrast):
        with pytest.raises(ValueError, match="at least two rows"):
            loss(x[:1], x[:1])
