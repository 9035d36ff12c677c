"""Supervised contrast against pytorch-metric-learning and double loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, adaptive_sup_con, nt_xent, sup_con


def loop(x, y, temperature):
    """The formula, term by term."""
    z = F.normalize(x, dim=1).tolist()
    total, anchors = 0.0, 0
    for i in range(len(z)):
        s = {k: sum(p * q for p, q in zip(z[i], z[k], strict=True)) / temperature for k in range(len(z)) if k != i}
        partners = [k for k in s if y[k] == y[i]]
        if partners:
            below = math.log(sum(map(math.exp, s.values())))
            total += sum(below - s[p] for p in partners) / len(partners)
            anchors += 1
    return total / anchors


def test_equals_the_double_loop():
    """sup_con, brute force: the formula term by term; a class of one item neither counts nor silences the others."""
    x, y = torch.randn(9, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 3])
    assert Loss.mean(sup_con(x, y, temperature=0.3)).value.item() == pytest.approx(loop(x, y.tolist(), 0.3), rel=1e-9)
    x.requires_grad_()
    sup_con(x, y).sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.any(1).all()


def test_equals_pytorch_metric_learning():
    """sup_con, parity: SupConLoss on single views and on two views with their labels repeated."""
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning.losses import SupConLoss

    x, y = torch.randn(8, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    torch.testing.assert_close(Loss.mean(sup_con(x, y, temperature=0.2)).value, SupConLoss(temperature=0.2)(x, y))
    views = torch.randn(8, 2, 5)
    theirs = SupConLoss(temperature=0.2)(views.flatten(0, 1), y.repeat_interleave(2))
    torch.testing.assert_close(Loss.mean(sup_con(views, y, temperature=0.2)).value, theirs)


def test_without_labels_it_is_nt_xent_and_a_matrix_says_the_same_as_labels():
    """sup_con, closed form: two views without labels are SimCLR; partners may come as a matrix."""
    views, y = torch.randn(6, 2, 4), torch.tensor([0, 1, 0, 1, 2, 2])
    torch.testing.assert_close(sup_con(views, temperature=0.5), nt_xent(views[:, 0], views[:, 1], temperature=0.5))
    torch.testing.assert_close(sup_con(views, y[:, None] == y[None]), sup_con(views, y))


def test_half_precision_stays_finite():
    """Property: float16 at temperature 0.07, where exp(14.3) alone would overflow."""
    x = torch.randn(8, 4).half().requires_grad_()
    loss = sup_con(x, torch.tensor([0, 1] * 4), temperature=0.07)
    loss.mean().backward()
    assert loss.isfinite().all()
    assert x.grad.isfinite().all()


def test_margin_zero_is_sup_con_and_near_classes_are_pushed_harder():
    """adaptive_sup_con, closed form: without margin the plain loss; with it, of two strangers the one of the nearer class gets the larger push."""
    x, y = torch.randn(8, 4), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    torch.testing.assert_close(adaptive_sup_con(x, y, temperature=0.3, margin=0.0), sup_con(x, y, temperature=0.3))
    angles = torch.tensor([0.0, 0.1, 0.8, 0.9, 2.4, 2.5])  # three classes on a circle, the second nearer to the first than the third
    points, labels = torch.stack([angles.cos(), angles.sin()], 1), torch.tensor([0, 0, 1, 1, 2, 2])

    def share(margin):
        """How much of the push on item 0 comes from class 1 rather than 2."""
        similarity = points @ points.T
        means = F.normalize(torch.stack([points[labels == c].mean(0) for c in range(3)]), dim=1)
        extra = margin * 0.5 * (1 + (means @ means.T)[labels][:, labels]) * (labels[:, None] != labels[None])
        p = ((similarity + extra) / 0.5).fill_diagonal_(-torch.inf).softmax(1)[0]
        partner = ((similarity + extra) / 0.5).fill_diagonal_(-torch.inf).log_softmax(1)[0, 1]
        return p[2:4].sum() / p[2:].sum(), -partner

    assert share(1.0)[0] > share(0.0)[0]
    torch.testing.assert_close(adaptive_sup_con(points, labels, temperature=0.5)[0], share(1.0)[1])


def test_errors_teach():
    with pytest.raises(ValueError, match=r"labels \(B,\) or partners \(B, B\); got \(4, 3\) and \(3,\)"):
        sup_con(torch.zeros(4, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="temperature > 0"):
        sup_con(torch.zeros(4, 3), torch.zeros(4), temperature=0)
    with pytest.raises(ValueError, match="at least two rows"):
        sup_con(torch.zeros(1, 3), torch.zeros(1))
    with pytest.raises(ValueError, match="margin >= 0"):
        adaptive_sup_con(torch.zeros(4, 3), torch.zeros(4), margin=-1.0)
