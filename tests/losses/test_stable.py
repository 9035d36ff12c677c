"""Sums of exponentials against torch, and where torch has no answer."""

from __future__ import annotations

import pytest
import torch

from weft.losses.stable import log_softmax, log_sum_exp

NEVER = float("-inf")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_equal_torch(dim):
    """Parity: log_sum_exp and log_softmax, values and gradients, with some entries at -inf and at +-1e4."""
    x = 5 * torch.randn(4, 5, 3)
    x[0, 1, :2] = NEVER
    x[1, 2], x[2, 2] = 1e4, -1e4
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    torch.testing.assert_close(log_sum_exp(a, dim), torch.logsumexp(b, dim))
    torch.testing.assert_close(log_softmax(a, dim), torch.log_softmax(b, dim))
    weight = torch.randn(4, 5, 3).masked_fill(x == NEVER, 0.0)
    for ours, theirs in ((log_sum_exp(a, dim), torch.logsumexp(b, dim)), ((log_softmax(a, dim) * weight)[x > NEVER], (torch.log_softmax(b, dim) * weight)[x > NEVER])):
        g, h = torch.autograd.grad(ours.sum(), a), torch.autograd.grad(theirs.sum(), b)
        torch.testing.assert_close(g, h, rtol=1e-4, atol=1e-5)


def test_rows_that_rule_everything_out():
    """Property: -inf with gradient 0; the other rows are untouched; torch's log_softmax gives NaN there."""
    x = torch.tensor([[NEVER, NEVER], [0.0, NEVER], [1.0, 2.0]], requires_grad=True)
    assert torch.log_softmax(x, 1)[0].isnan().all()
    total, shares = log_sum_exp(x, 1), log_softmax(x, 1)
    assert total[0] == NEVER and (shares[0] == NEVER).all()
    (total[0] + total[1] + shares[0].sum() + shares[1, 0]).backward()
    assert x.grad.isfinite().all()
    assert not x.grad[0].any() and not x.grad[2].any()


def test_half_precision_is_widened():
    assert log_sum_exp(torch.full((1, 8), 6e4, dtype=torch.float16)).item() == pytest.approx(60002.08, rel=1e-4)


def test_gradients_are_exact():
    """Property: gradcheck in float64."""
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: (log_sum_exp(y), log_softmax(y)), x)
