"""Losses of numbers against torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, huber, l1, log_cosh, mse, rmse, smooth_l1


@pytest.mark.parametrize("shape", [(6,), (6, 3), (2, 3, 4)])
def test_equal_torch(shape):
    """Parity: squared, absolute, Huber and smooth L1 errors, three deltas; huber is delta times smooth_l1."""
    guess, right = 3 * torch.randn(shape), torch.randn(shape)
    torch.testing.assert_close(mse(guess, right), F.mse_loss(guess, right, reduction="none"))
    torch.testing.assert_close(l1(guess, right), F.l1_loss(guess, right, reduction="none"))
    for delta in (0.1, 1.0, 2.5):
        torch.testing.assert_close(huber(guess, right, delta=delta), F.huber_loss(guess, right, reduction="none", delta=delta))
        torch.testing.assert_close(smooth_l1(guess, right, beta=delta), F.smooth_l1_loss(guess, right, reduction="none", beta=delta))
        torch.testing.assert_close(huber(guess, right, delta=delta), delta * smooth_l1(guess, right, beta=delta))


def test_half_precision_does_not_overflow():
    """Property: an error of 1000 squared does not fit float16; the loss does."""
    assert mse(torch.tensor([1000.0], dtype=torch.float16), torch.tensor([0.0])).item() == 1e6
    assert huber(torch.tensor([1e30]), torch.tensor([0.0])).isfinite().all()


def test_gradients_are_exact():
    """Property: gradcheck in float64, errors on both sides of delta."""
    guess = torch.tensor([-3.0, -0.4, 0.3, 2.0], dtype=torch.float64, requires_grad=True)
    for loss in (mse, l1, huber, smooth_l1, log_cosh):
        assert torch.autograd.gradcheck(lambda x: loss(x, torch.zeros(4, dtype=torch.float64)), guess)


def test_rmse_is_the_root_of_each_items_mean():
    """Closed form: rmse is sqrt(mean(e^2)) of an item, |e| of a single number; where there is no error its gradient is 0, not NaN."""
    guess, right = torch.randn(5, 3, 2), torch.randn(5, 3, 2)
    torch.testing.assert_close(rmse(guess, right), (guess - right).square().mean((1, 2)).sqrt())
    torch.testing.assert_close(rmse(guess[:, 0, 0], right[:, 0, 0]), (guess - right)[:, 0, 0].abs())
    right.requires_grad_()
    rmse(right, right.detach()).sum().backward()
    assert not right.grad.any()


def test_log_cosh_where_cosh_overflows():
    """Closed form: log_cosh is log(cosh(e)) for small e, |e| - log 2 at +-1e4 in float16 too, and its gradient is tanh."""
    small = torch.linspace(-3, 3, 31, dtype=torch.float64)
    torch.testing.assert_close(log_cosh(small, torch.zeros(31, dtype=torch.float64)), small.cosh().log())
    e = torch.tensor([-1e4, -0.5, 0.0, 2.0, 1e4], requires_grad=True)
    far = log_cosh(e.detach().half(), torch.zeros(5))
    assert far[0].item() == far[-1].item() == pytest.approx(1e4 - 0.6931, rel=1e-6)
    log_cosh(e, torch.zeros(5)).sum().backward()
    torch.testing.assert_close(e.grad, e.detach().tanh())


def test_terms_add_up_by_name():
    """Closed form: mse + 0.1 l1 as two named terms of one loss."""
    guess, right = torch.randn(4, 3), torch.randn(4, 3)
    both = Loss.mean(mse(guess, right), name="squared") + 0.1 * Loss.mean(l1(guess, right), name="absolute")
    torch.testing.assert_close(both.value, F.mse_loss(guess, right) + 0.1 * F.l1_loss(guess, right))
    assert list(both.terms) == ["squared", "absolute"]


def test_integer_targets_count_as_numbers():
    for loss in (mse, l1, huber, smooth_l1, log_cosh):
        assert torch.equal(loss(torch.tensor([1.5]), torch.tensor([1])), loss(torch.tensor([1.5]), torch.tensor([1.0])))


def test_deltas_and_betas_are_positive():
    with pytest.raises(ValueError, match="beta > 0"):
        smooth_l1(torch.zeros(1), torch.zeros(1), beta=0.0)
    with pytest.raises(ValueError, match="delta > 0"):
        huber(torch.zeros(1), torch.zeros(1), delta=0.0)
