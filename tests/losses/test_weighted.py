"""Sums of losses by name."""

from __future__ import annotations

import pytest
import torch

import weft
from weft.losses import Loss, cross_entropy, dice, l1, mse, weighted_sum, weighted_terms
from weft.losses.weighted import named

PARTS = {"cross_entropy": 1.0, "dice": 0.5}


def test_is_the_sum_of_its_parts():
    """Closed form: weighted_sum of a loss a pixel and one an item; functions beside names; built from a spec."""
    logits, target = torch.randn(3, 4, 5, 5), torch.randint(0, 4, (3, 5, 5))
    wanted = cross_entropy(logits, target).mean((1, 2)) + 0.5 * dice(logits, target)
    torch.testing.assert_close(weighted_sum(logits, target, parts=PARTS), wanted)
    own = {"cross_entropy": 1.0, "mine": (2.0, lambda p, t: p.square().sum(1))}
    torch.testing.assert_close(weighted_sum(logits, target, parts=own), cross_entropy(logits, target).mean((1, 2)) + 2 * logits.square().sum(1).mean((1, 2)))
    built = weft.build({"name": "weighted_sum", "args": {"parts": PARTS}})
    torch.testing.assert_close(built(logits, target), wanted)


def test_terms_bear_the_names_and_take_masks_of_pixels():
    """Closed form: weighted_terms equals the terms written out; a part of whole items counts those with anything kept."""
    logits, target, keep = torch.randn(3, 4, 5), torch.randint(0, 4, (3, 5)), torch.rand(3, 5) > 0.4
    keep[2] = False
    loss = weighted_terms(logits, target, parts=PARTS, mask=keep)
    wanted = Loss.mean(cross_entropy(logits, target), keep) + Loss.mean(dice(logits, target), keep.any(1), weight=0.5, name="dice")
    torch.testing.assert_close(loss.value, wanted.value)
    assert list(loss.terms) == list(loss.logs) == ["cross_entropy", "dice"]
    plain = weighted_terms(logits[:, 0], logits[:, 1], parts={"mse": 1.0, "l1": 0.1})
    torch.testing.assert_close(plain.value, mse(logits[:, 0], logits[:, 1]).mean() + 0.1 * l1(logits[:, 0], logits[:, 1]).mean())


def test_unknown_names_list_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown loss 'cross_entrophy'\. Did you mean 'cross_entropy'"):
        weighted_sum(torch.zeros(1), torch.zeros(1), parts={"cross_entrophy": 1.0})
    with pytest.raises(ValueError, match="at least one part"):
        weighted_sum(torch.zeros(1), torch.zeros(1), parts={})
    assert named("ctc").__name__ == "ctc"
