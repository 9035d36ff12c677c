"""Losses of numbers against torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import huber, l1, mse


@pytest.mark.parametrize("shape", [(6,), (6, 3), (2, 3, 4)])
def test_equal_torch(shape):
    """Parity: squared, absolute and Huber errors, three deltas; smooth L1 is Huber over beta."""
    guess, right = 3 * torch.randn(shape), torch.randn(shape)
    torch.testing.assert_close(mse(guess, right), F.mse_loss(guess, right, reduction="none"))
    torch.testing.assert_close(l1(guess, right), F.l1_loss(guess, right, reduction="none"))
    for delta in (0.1, 1.0, 2.5):
        torch.testing.assert_close(huber(guess, right, delta=delta), F.huber_loss(guess, right, reduction="none", delta=delta))
        torch.testing.assert_close(huber(guess, right, delta=delta) / delta, F.smooth_l1_loss(guess, right, reduction="none", beta=delta))


def test_half_precision_does_not_overflow():
    """Property: an error of 1000 squared does not fit float16; the loss does."""
    assert mse(torch.tensor([1000.0], dtype=torch.float16), torch.tensor([0.0])).item() == 1e6
    assert huber(torch.tensor([1e30]), torch.tensor([0.0])).isfinite().all()


def test_gradients_are_exact():
    """Property: gradcheck in float64, errors on both sides of delta."""
    guess = torch.tensor([-3.0, -0.4, 0.3, 2.0], dtype=torch.float64, requires_grad=True)
    for loss in (mse, l1, huber):
        assert torch.autograd.gradcheck(lambda x: loss(x, torch.zeros(4, dtype=torch.float64)), guess)


def test_huber_needs_a_positive_delta():
    with pytest.raises(ValueError, match="delta > 0"):
        huber(torch.zeros(1), torch.zeros(1), delta=0.0)
