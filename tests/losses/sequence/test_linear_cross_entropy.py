"""A large vocabulary in chunks against the plain form."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from weft.losses import Loss, cross_entropy, linear_cross_entropy, token_cross_entropy


def parts(dtype=torch.float64, with_bias=True):
    rows = torch.randn(3, 5, 4, dtype=dtype, requires_grad=True)
    weight, bias = torch.randn(11, 4, dtype=dtype, requires_grad=True), torch.randn(11, dtype=dtype, requires_grad=True)
    return rows, weight, bias if with_bias else None, torch.randint(0, 11, (3, 5))


def gradients(loss, *leaves):
    return torch.autograd.grad(loss, [leaf for leaf in leaves if leaf is not None])


@pytest.mark.parametrize(("chunk", "with_bias", "z"), itertools.product([1, 4, None], [False, True], [0.0, 0.3]))
def test_equals_the_plain_form(chunk, with_bias, z):
    """Parity: linear_cross_entropy against F.linear and F.cross_entropy, values and gradients, for the mean (gradients made forward) and for weighted items
    (made again)."""
    rows, weight, bias, target = parts(with_bias=with_bias)
    plain = token_cross_entropy(F.linear(rows, weight, bias), target, z_loss=z)
    ours = linear_cross_entropy(rows, target, weight, bias, z_loss=z, chunk=chunk)
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(plain - z * F.linear(rows, weight, bias).logsumexp(-1) ** 2, F.cross_entropy(F.linear(rows, weight, bias).mT, target, reduction="none"))
    torch.testing.assert_close(gradients(0.7 * ours.mean(), rows, weight, bias), gradients(0.7 * plain.mean(), rows, weight, bias))
    uneven = torch.rand(3, 5, dtype=torch.float64)
    ours, plain = linear_cross_entropy(rows, target, weight, bias, z_loss=z, chunk=chunk), token_cross_entropy(F.linear(rows, weight, bias), target, z_loss=z)
    torch.testing.assert_close(gradients((uneven * ours).sum(), rows, weight, bias), gradients((uneven * plain).sum(), rows, weight, bias))


def test_masked_rows_are_not_computed():
    """Parity: a mask given here equals one given to Loss.mean; masked rows may hold anything and cost 0."""
    rows, weight, bias, target = parts()
    mask = torch.rand(3, 5) > 0.4
    wild = torch.where(mask[..., None], rows, float("nan"))
    ours = linear_cross_entropy(wild, target.where(mask, -100), weight, bias, mask=mask, chunk=2)
    assert not ours[~mask].any()
    plain = Loss.mean(cross_entropy(F.linear(rows, weight, bias), target, dim=-1), mask).value
    torch.testing.assert_close(Loss.mean(ours, mask).value, plain)
    torch.testing.assert_close(gradients(Loss.mean(ours, mask).value, weight, bias), gradients(plain, weight, bias))
    nothing = linear_cross_entropy(rows, target, weight, bias, mask=torch.zeros_like(mask))
    assert not nothing.any() and not any(g.any() for g in gradients(nothing.sum(), rows, weight, bias))


def test_twice_backward_and_no_gradient_wanted():
    """Parity: a second backward pass through a kept graph gives the same; frozen parts get none."""
    rows, weight, bias, target = parts()
    loss = linear_cross_entropy(rows, target, weight, bias, chunk=4).sum()
    first = torch.autograd.grad(loss, [rows, weight], retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, [rows, weight]), first)
    frozen = linear_cross_entropy(rows, target, weight.detach(), chunk=4).sum()
    frozen.backward()
    assert rows.grad is not None and weight.grad is None
    with torch.no_grad():
        assert torch.equal(linear_cross_entropy(rows, target, weight, bias), linear_cross_entropy(rows, target, weight, bias, chunk=3))


class Largest(TorchDispatchMode):
    """The largest tensor that any operation made."""

    size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in torch.utils._pytree.tree_leaves(out):
            if isinstance(x, torch.Tensor):
                self.size = max(self.size, x.untyped_storage().nbytes())
        return out


def test_never_holds_all_logits():
    """Property: linear_cross_entropy makes no tensor larger than the weight's gradient or a chunk; the plain form makes rows x classes."""
    rows, weight = torch.randn(512, 8, requires_grad=True), torch.randn(1000, 8, requires_grad=True)
    target = torch.randint(0, 1000, (512,))
    with Largest() as ours:
        linear_cross_entropy(rows, target, weight, chunk=16).mean().backward()
    with Largest() as plain:
        F.cross_entropy(F.linear(rows, weight), target).backward()
    assert ours.size <= 16 * 1000 * 4 < plain.size == 512 * 1000 * 4


def test_autocast_halves_the_products_alone():
    """Property: under bfloat16 the loss stays float32 and near; gradients come in the leaves' types."""
    rows, weight, bias, target = parts(torch.float32)
    exact = linear_cross_entropy(rows, target, weight, bias)
    with torch.autocast("cpu", torch.bfloat16):
        halved = linear_cross_entropy(rows, target, weight, bias, chunk=4)
        half_rows = linear_cross_entropy(rows.bfloat16(), target, weight, bias)
    assert halved.dtype == half_rows.dtype == torch.float32
    torch.testing.assert_close(halved, exact, rtol=0.05, atol=0.05)
    for a, b in zip(gradients(halved.mean(), rows, weight, bias), gradients(exact.mean(), rows, weight, bias)):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=0.1, atol=0.01)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"prediction \(..., 4\) and a target"):
        linear_cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]), torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.4; got -100"):
        linear_cross_entropy(torch.zeros(2, 4), torch.tensor([0, -100]), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="mask of the target's shape"):
        linear_cross_entropy(torch.zeros(2, 4), torch.tensor([0, 1]), torch.zeros(5, 4), mask=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="at least one row"):
        linear_cross_entropy(torch.zeros(2, 4), torch.tensor([0, 1]), torch.zeros(5, 4), chunk=0)
