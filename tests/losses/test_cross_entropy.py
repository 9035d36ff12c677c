"""Cross-entropy against torch over its options."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, cross_entropy, keep_valid


@pytest.mark.parametrize(("smoothing", "weighted", "soft"), itertools.product([0.0, 0.1], [False, True], [False, True]))
def test_equals_torch(smoothing, weighted, soft):
    """Parity: rows, sequences and pictures; indices and probabilities; with and without weights and smoothing; values and gradients."""
    weight = torch.tensor([0.5, 1.0, 2.0, 0.1]) if weighted else None
    for rest in ((), (5,), (3, 2)):
        logits = torch.randn(6, 4, *rest, requires_grad=True)
        target = torch.rand(6, 4, *rest).softmax(1) if soft else torch.randint(0, 4, (6, *rest))
        ours = cross_entropy(logits, target, label_smoothing=smoothing, weight=weight)
        theirs = F.cross_entropy(logits, target, weight, label_smoothing=smoothing, reduction="none")
        torch.testing.assert_close(ours, theirs)
        assert ours.shape == (6, *rest)
        last = logits.movedim(1, -1)
        torch.testing.assert_close(cross_entropy(last, target.movedim(1, -1) if soft else target, label_smoothing=smoothing, weight=weight, dim=-1), theirs)
        a, b = torch.autograd.grad(ours.sum(), logits, retain_graph=True), torch.autograd.grad(theirs.sum(), logits)
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("soft", [False, True])
def test_smoothing_over_the_wrong_classes_alone(soft):
    """Parity: with e over the C - 1 wrong classes it is torch's with e C / (C - 1); closed form: the target written out."""
    logits, target = torch.randn(6, 4, 3), torch.randint(0, 4, (6, 3))
    one_hot = F.one_hot(target, 4).movedim(-1, 1).float()
    ours = cross_entropy(logits, one_hot if soft else target, label_smoothing=0.15, others_only=True)
    torch.testing.assert_close(ours, F.cross_entropy(logits, target, label_smoothing=0.15 * 4 / 3, reduction="none"))
    written = 0.85 * one_hot + 0.15 / 3 * (1 - one_hot)
    torch.testing.assert_close(ours, -(written * logits.log_softmax(1)).sum(1))
    with pytest.raises(ValueError, match="needs a wrong one"):
        cross_entropy(torch.zeros(2, 1), torch.zeros(2, dtype=torch.long), label_smoothing=0.1, others_only=True)
    with pytest.raises(ValueError, match="leaves the right one less"):
        cross_entropy(torch.zeros(2, 2), torch.zeros(2, dtype=torch.long), label_smoothing=0.6, others_only=True)


def test_temperature_divides_the_logits():
    """Parity: torch's cross-entropy of logits / T."""
    logits, target = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    torch.testing.assert_close(cross_entropy(logits, target, temperature=2.5), F.cross_entropy(logits / 2.5, target, reduction="none"))
    with pytest.raises(ValueError, match="temperature > 0"):
        cross_entropy(logits, target, temperature=0.0)


def test_marked_classes_become_a_mask():
    """Parity: keep_valid and a masked mean against torch's ignore_index, also with classes to be ignored of number 255."""
    logits = torch.randn(4, 5, 3)
    for mark in (-100, 255):
        target = torch.randint(0, 5, (4, 3))
        target[0, 1] = target[2] = mark
        valid, keep = keep_valid(target, mark)
        ours = Loss.mean(cross_entropy(logits, valid), keep).value
        torch.testing.assert_close(ours, F.cross_entropy(logits, target, ignore_index=mark))


def test_a_class_that_is_ruled_out_costs_infinitely_and_a_row_of_nothing_is_no_number():
    """Closed form: the right class at -inf costs inf; a row that rules out every class has no distribution, which NaN says; other rows are untouched."""
    never = float("-inf")
    loss = cross_entropy(torch.tensor([[never, 0.0], [never, never], [0.0, 0.0]]), torch.tensor([0, 0, 0]))
    assert loss[0] == float("inf") and loss[1].isnan() and loss[2].item() == pytest.approx(0.6931, abs=1e-4)


def test_is_the_negative_log_softmax():
    """Closed form: log sum exp - z_y, in plain arithmetic."""
    z = torch.tensor([[1.0, 2.0, 0.5]], dtype=torch.float64)
    assert cross_entropy(z, torch.tensor([2])).item() == pytest.approx((z.exp().sum().log() - 0.5).item())


def test_extreme_logits_keep_value_and_gradient():
    """Property: a logit of 1e4 or -inf elsewhere gives exact, finite losses and gradients; half precision is computed in float32."""
    z = torch.tensor([[1e4, 0.0], [0.0, -1e4]], requires_grad=True)
    loss = cross_entropy(z, torch.tensor([1, 0]))
    assert loss.tolist() == [1e4, 0.0]
    loss.sum().backward()
    assert z.grad.tolist() == [[1.0, -1.0], [0.0, 0.0]]
    ruled_out = torch.tensor([[0.0, float("-inf"), 0.0]], requires_grad=True)
    loss = cross_entropy(ruled_out, torch.tensor([0]))
    loss.sum().backward()
    assert loss.item() == pytest.approx(0.6931, abs=1e-4)
    assert ruled_out.grad.isfinite().all()
    assert cross_entropy(torch.tensor([[300.0, -300.0]], dtype=torch.float16), torch.tensor([1])).item() == 600.0


def test_gradient_is_exact():
    """Property: gradcheck in float64, smoothing and weights on."""
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, torch.tensor([0, 2, 1, 1]), label_smoothing=0.2, weight=weight), logits)


def test_padding_of_minus_100_is_refused_not_counted_as_zero():
    """Property: torch's ignore index would silently count as an item of loss 0; here it raises, naming it."""
    with pytest.raises(ValueError, match=r"4 classes, so targets lie in 0\.\.3; got -100 at position \(1,\). Padding belongs in the mask"):
        cross_entropy(torch.zeros(2, 4), torch.tensor([0, -100]))


def test_errors_say_what_came_and_what_to_do():
    with pytest.raises(ValueError, match=r"prediction \(2, 7, 5\) needs a target of shape \(2, 5\); got \(2, 7\).*pass dim=-1"):
        cross_entropy(torch.zeros(2, 7, 5), torch.zeros(2, 7, dtype=torch.long))
    with pytest.raises(ValueError, match="indices must be an integer tensor"):
        cross_entropy(torch.zeros(2, 5), torch.zeros(2))
    with pytest.raises(ValueError, match=r"needs logits \(B, C, ...\)"):
        cross_entropy(torch.zeros(2), torch.zeros(2, dtype=torch.long))
