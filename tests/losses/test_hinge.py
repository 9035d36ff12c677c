"""Hinge losses against scikit-learn and torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import hinge, hinge_embedding, multiclass_hinge


def test_hinge_equals_scikit_learn():
    """Parity: hinge against hinge_loss with labels -1 and 1; 0 says no as well; squared is its square."""
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = torch.randn(40), torch.randint(0, 2, (40,))
    signs = 2 * labels - 1
    assert hinge(scores, signs).mean().item() == pytest.approx(metrics.hinge_loss(signs.numpy(), scores.numpy()), rel=1e-6)
    assert torch.equal(hinge(scores, labels), hinge(scores, signs))
    torch.testing.assert_close(hinge(scores, signs, squared=True), hinge(scores, signs) ** 2)
    torch.testing.assert_close(hinge(scores, signs, margin=0.2), (0.2 - signs * scores).clamp(min=0))


def test_crammer_singer_equals_scikit_learn():
    """Parity: multiclass_hinge against the multiclass hinge_loss."""
    metrics = pytest.importorskip("sklearn.metrics")
    scores, target = torch.randn(40, 5), torch.arange(40) % 5
    assert multiclass_hinge(scores, target).mean().item() == pytest.approx(metrics.hinge_loss(target.numpy(), scores.numpy()), rel=1e-6)


@pytest.mark.parametrize("power", [1, 2])
def test_weston_watkins_equals_torch(power):
    """Parity: multiclass_hinge over all wrong classes against multi_margin_loss, which divides by the number of classes; pictures too."""
    scores, target = torch.randn(12, 5), torch.arange(12) % 5
    ours = multiclass_hinge(scores, target, form="weston_watkins", margin=0.7, squared=power == 2)
    torch.testing.assert_close(ours / 5, F.multi_margin_loss(scores, target, p=power, margin=0.7, reduction="none"))
    pictures = scores.view(3, 2, 2, 5)
    wide = multiclass_hinge(pictures, target.view(3, 2, 2), form="weston_watkins", margin=0.7, squared=power == 2, dim=-1)
    torch.testing.assert_close(wide.flatten(), ours)


def test_hinge_embedding_equals_torch_and_is_another_loss():
    """Parity: hinge_embedding against torch's; it is not hinge."""
    distance, target = torch.rand(10) * 3, torch.randint(0, 2, (10,)) * 2 - 1
    torch.testing.assert_close(hinge_embedding(distance, target), F.hinge_embedding_loss(distance, target.float(), reduction="none"))
    assert not torch.allclose(hinge_embedding(distance, target), hinge(distance, target))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"1 \(yes\) and 0 or -1 \(no\); got 2"):
        hinge(torch.zeros(2), torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="unknown form 'one'"):
        multiclass_hinge(torch.zeros(1, 2), torch.tensor([0]), form="one")
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.1; got 4"):
        multiclass_hinge(torch.zeros(1, 2), torch.tensor([4]))
    with pytest.raises(ValueError, match="takes class indices"):
        multiclass_hinge(torch.zeros(1, 2), torch.zeros(1, 2))
