"""What every loss of the catalogue does: one value an item, masks, scale, pieces that add up, exact gradients."""

from __future__ import annotations

import importlib

import pytest
import torch

from tests.contracts.walk import example, over
from weft.losses import Loss


def case(entry, double=False):
    function, prediction, target = example(entry)
    if double:
        prediction = prediction.double()
        target = target.double() if target is not None and target.is_floating_point() else target
    return function, prediction, target


def call(function, prediction, target):
    return function(prediction) if target is None else function(prediction, target)


def cut(value, which):
    return None if value is None else value[which]


def couples(entry):
    return entry.name in getattr(importlib.import_module(entry.shelf), "COUPLING", ())


@over("loss")
def test_one_finite_value_an_item(entry):
    """Contract: the result is not reduced over the batch and stays finite."""
    function, prediction, target = case(entry)
    values = call(function, prediction, target)
    assert values.ndim >= 1
    assert len(values) == len(prediction)
    assert values.isfinite().all()


@over("loss")
def test_masked_items_leave_no_trace(entry):
    """Contract: a masked mean equals the mean over the kept items alone, whatever the others hold."""
    if couples(entry):
        pytest.skip("its items see each other by definition")
    function, prediction, target = case(entry)
    keep = torch.arange(len(prediction)) % 3 != 1
    kept = Loss.mean(call(function, prediction[keep], cut(target, keep)))
    prediction = prediction.clone().requires_grad_()
    masked = Loss.mean(call(function, prediction, target), keep)
    torch.testing.assert_close(masked.value, kept.value)
    masked.value.backward()
    assert not prediction.grad[~keep].any()
    assert prediction.grad[keep].any()


@over("loss")
def test_two_halves_add_up_to_the_whole(entry):
    """Contract: sums and counts of uneven pieces add up to those of the whole batch."""
    if couples(entry):
        pytest.skip("its items see each other by definition")
    function, prediction, target = case(entry)
    whole = Loss.mean(call(function, prediction, target)).terms["loss"]
    pieces = [Loss.mean(call(function, prediction[part], cut(target, part))).terms["loss"] for part in (slice(0, 1), slice(1, None))]
    torch.testing.assert_close(sum(piece.total for piece in pieces), whole.total)
    assert sum(float(piece.count) for piece in pieces) == float(whole.count)


@over("loss")
def test_a_weight_scales_value_and_gradient(entry):
    """Contract: half the loss has half the value and half the gradient."""
    function, prediction, target = case(entry)
    gradients = []
    for weight in (1.0, 0.5):
        leaf = prediction.clone().requires_grad_()
        loss = weight * Loss.mean(call(function, leaf, target))
        loss.value.backward()
        gradients.append((loss.value.detach(), leaf.grad))
    torch.testing.assert_close(gradients[1][0], 0.5 * gradients[0][0])
    torch.testing.assert_close(gradients[1][1], 0.5 * gradients[0][1])


@over("loss")
def test_gradient_equals_finite_differences(entry):
    """Contract: gradcheck in float64."""
    function, prediction, target = case(entry, double=True)
    assert torch.autograd.gradcheck(lambda leaf: call(function, leaf, target), prediction.requires_grad_())
