"""Binary cross-entropy against torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import binary_cross_entropy


@pytest.mark.parametrize("shape", [(6,), (6, 3), (2, 3, 4)])
def test_equals_torch(shape):
    """Parity: values with and without the weight of positives; smoothing is the smoothed target."""
    logits, target = torch.randn(shape), (torch.rand(shape) > 0.5).float()
    weight = torch.tensor(3.0)
    torch.testing.assert_close(binary_cross_entropy(logits, target), F.binary_cross_entropy_with_logits(logits, target, reduction="none"))
    torch.testing.assert_close(
        binary_cross_entropy(logits, target, positive_weight=weight),
        F.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none"),
    )
    torch.testing.assert_close(
        binary_cross_entropy(logits, target, label_smoothing=0.2),
        F.binary_cross_entropy_with_logits(logits, target * 0.8 + 0.1, reduction="none"),
    )
    torch.testing.assert_close(binary_cross_entropy(logits, target.bool()), binary_cross_entropy(logits, target))


def test_extreme_logits_keep_value_and_gradient():
    """Closed form: a wrong answer at a logit of 1e4 costs 1e4 with slope 1; a right one nothing."""
    z = torch.tensor([1e4, -1e4, 1e4], requires_grad=True)
    loss = binary_cross_entropy(z, torch.tensor([0, 1, 1]))
    loss.sum().backward()
    assert loss.tolist() == [1e4, 1e4, 0.0]
    assert z.grad.tolist() == [1.0, -1.0, 0.0]


def test_gradient_is_exact():
    """Property: gradcheck in float64."""
    logits = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: binary_cross_entropy(z, torch.tensor([0, 1, 1, 0, 1])), logits)


@pytest.mark.parametrize("wrong", [2, -1])
def test_a_target_that_is_no_probability_is_named(wrong):
    with pytest.raises(ValueError, match=rf"from 0 \(no\) to 1 \(yes\); got {wrong}"):
        binary_cross_entropy(torch.zeros(2), torch.tensor([1, wrong]))
