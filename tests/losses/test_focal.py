"""Focal losses by hand and by their limits."""

from __future__ import annotations

import pytest
import torch

from tests.references import reference
from weft.losses import Loss, binary_cross_entropy, binary_focal, cross_entropy, focal


def test_softmax_form_equals_the_formula():
    """Closed form: alpha_y (1 - p)^gamma -log p, at rows and pictures; gamma 0 is cross-entropy."""
    for rest in ((), (3, 2)):
        logits, target = torch.randn(6, 4, *rest), torch.randint(0, 4, (6, *rest))
        p = logits.softmax(1).gather(1, target[:, None])[:, 0]
        alpha = torch.tensor([1.0, 2.0, 0.5, 3.0])
        torch.testing.assert_close(focal(logits, target, gamma=2.0, alpha=alpha), alpha[target] * (1 - p) ** 2 * -p.log(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(focal(logits, target, gamma=0.0), cross_entropy(logits, target))
        torch.testing.assert_close(focal(logits.movedim(1, -1), target, dim=-1), focal(logits, target))


def test_binary_form_equals_the_formula():
    """Closed form: torchvision's sigmoid_focal_loss written out; gamma 0 without alpha is binary cross-entropy."""
    logits, target = torch.randn(20), (torch.rand(20) > 0.5).float()
    p = logits.sigmoid()
    right = p * target + (1 - p) * (1 - target)
    balance = 0.25 * target + 0.75 * (1 - target)
    torch.testing.assert_close(binary_focal(logits, target), balance * (1 - right) ** 2 * binary_cross_entropy(logits, target))
    torch.testing.assert_close(binary_focal(logits, target, gamma=0.0, alpha=None), binary_cross_entropy(logits, target))


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.0, None), (1.5, 0.8)])
def test_binary_form_equals_torchvision(gamma, alpha):
    """Parity: binary_focal against torchvision's sigmoid_focal_loss, whose alpha of -1 is none."""
    ops = reference("torchvision.ops")
    logits, target = 3 * torch.randn(20, 5), (torch.rand(20, 5) > 0.7).float()
    theirs = ops.sigmoid_focal_loss(logits, target, alpha=-1 if alpha is None else alpha, gamma=gamma)
    torch.testing.assert_close(binary_focal(logits, target, gamma=gamma, alpha=alpha), theirs)


def test_softmax_form_equals_kornia():
    """Parity: focal against kornia's, on pictures, with one alpha for all classes."""
    losses = pytest.importorskip("kornia.losses")
    logits, target = torch.randn(2, 4, 5, 3), torch.randint(0, 4, (2, 5, 3))
    theirs = losses.focal_loss(logits, target, alpha=None, gamma=2.0, reduction="none").sum(1)
    torch.testing.assert_close(focal(logits, target), theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(focal(logits, target, alpha=0.25), 0.25 * focal(logits, target))


def test_smoothing_changes_the_entropy_not_the_factor():
    """Closed form: focal with smoothing is (1 - p)^gamma times the smoothed cross-entropy; gamma 0 is that alone."""
    logits, target = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    p = logits.softmax(1).gather(1, target[:, None])[:, 0]
    smooth = cross_entropy(logits, target, label_smoothing=0.2)
    torch.testing.assert_close(focal(logits, target, label_smoothing=0.2), (1 - p) ** 2 * smooth, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(focal(logits, target, label_smoothing=0.2, gamma=0.0), smooth)


def test_per_positive_in_pieces_is_per_positive_of_all():
    """Closed form: binary_focal over the number of positives, as detectors have it; pieces of a batch add up."""
    logits, target = torch.randn(8, 10), (torch.rand(8, 10) > 0.8).float()
    values = binary_focal(logits, target)
    whole = Loss.over(values, target)
    torch.testing.assert_close(whole.value, values.sum() / target.sum())
    pieces = Loss.joined([Loss.over(values[:3], target[:3]), Loss.over(values[3:], target[3:])])
    torch.testing.assert_close(pieces.value, whole.value)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_sure_answers_have_finite_gradients(gamma):
    """Property: where p is 0 or 1 in float32, also with a gamma below 1 whose power has no slope at 0."""
    z = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [0.0, 0.0]], requires_grad=True)
    loss = focal(z, torch.tensor([0, 0, 0]), gamma=gamma)
    loss.sum().backward()
    assert loss[1].item() == 400.0
    assert z.grad.isfinite().all()
    y = torch.tensor([200.0, -200.0, 0.0], requires_grad=True)
    binary_focal(y, torch.ones(3), gamma=gamma).sum().backward()
    assert y.grad.isfinite().all()
    assert y.grad[1] < 0


def test_gradients_are_exact():
    """Property: gradcheck in float64."""
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: focal(x, torch.tensor([0, 1, 2, 0])), z)
    assert torch.autograd.gradcheck(lambda x: binary_focal(x, torch.tensor([[0, 1, 0]] * 4)), z)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="gamma >= 0"):
        focal(torch.zeros(1, 2), torch.tensor([0]), gamma=-1.0)
    with pytest.raises(ValueError, match="gamma >= 0"):
        binary_focal(torch.zeros(1), torch.ones(1), gamma=-1.0)
    with pytest.raises(ValueError, match="takes class indices"):
        focal(torch.zeros(1, 2), torch.zeros(1, 2))
