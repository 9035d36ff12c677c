"""The checks of a loss: what is sound passes, and each planted fault is found by the check that is there for it."""

from __future__ import annotations

import pytest
import torch

from weft.losses import check_loss, cross_entropy, dice, focal, huber, kl, l1, mse, ssim, total_variation
from weft.losses.shapes import full, same_shape

NUMBERS = (torch.linspace(-1, 2, 12).view(4, 3), torch.linspace(3, -2, 12).view(4, 3))
CLASSES = (torch.linspace(-1, 2, 12).view(4, 3).sin(), torch.tensor([0, 2, 1, 1]))


def squares(p, t):
    same_shape(p, t, "squares")
    return (full(p) - t).square()


class WrongSlope(torch.autograd.Function):
    """e^2 with the gradient of |e|."""

    @staticmethod
    def forward(ctx, e):
        ctx.save_for_backward(e)
        return e.square()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].sign()


def sensed(p, t):
    same_shape(p, t, "sensed")
    return full(p)


SOUND = {
    "mse": (mse, NUMBERS, ["non_negative", "zero_at_target", "symmetric", "convex"]),
    "l1": (l1, NUMBERS, ["non_negative", "zero_at_target", "symmetric", "convex"]),
    "huber": (huber, NUMBERS, ["convex"]),
    "cross_entropy": (cross_entropy, CLASSES, ["non_negative", "shift_invariant", "convex"]),
    "focal": (focal, CLASSES, ["non_negative", "shift_invariant"]),
    "kl": (kl, NUMBERS, ["non_negative", "zero_at_target", "shift_invariant"]),
    "dice": (dice, CLASSES, ["non_negative", "shift_invariant"]),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_losses_pass(name):
    """Property: check_loss finds no fault in losses of the catalogue, with the properties that they have by theory."""
    loss, example, expect = SOUND[name]
    report = check_loss(loss, *example, expect=expect)
    assert report, str(report)
    assert len(report.findings) == 8 + len(expect)


FAULTS = {
    "mean over the batch": (lambda p, t: squares(p, t).mean(), "one value an item"),
    "wrong items": (lambda p, t: squares(p, t).T.reshape(3, 4), "one value an item"),
    "changes its prediction": (lambda p, t: squares(p.data.mul_(2) + 0 * p, t), "inputs untouched"),
    "changes its target": (lambda p, t: squares(p, t.add_(1)), "inputs untouched"),
    "gradient of another loss": (lambda p, t: (same_shape(p, t, "x"), WrongSlope.apply(full(p) - t))[1], "gradient"),
    "detached": (lambda p, t: squares(p.detach(), t), "gradient"),
    "logarithm of nothing": (lambda p, t: -(squares(p, t)).log(), "extremes"),
    "exponential": (lambda p, t: squares(p, t) + full(p).exp(), "extremes"),
    "root of nothing": (lambda p, t: squares(p, t).sum(1).sqrt(), "extremes"),
    "half precision": (lambda p, t: (same_shape(p, t, "x"), (p - t).abs())[1], "extremes"),
    "broadcasts": (lambda p, t: (full(p) - t).square(), "broadcasting"),
    "sees the batch": (lambda p, t: squares(p, t) / squares(p, t).sum(), "items apart"),
    "leaks past the mask": (lambda p, t: squares(p, t) + full(p).mean(), "mask"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    """Property: check_loss names the check that is there for the fault."""
    loss, check = FAULTS[fault]
    report = check_loss(loss, *NUMBERS)
    assert not report
    assert check in [finding.check for finding in report.faults], str(report)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda p, t: squares(p, t) - 1, "non_negative"),
        (lambda p, t: squares(p, t) + 1, "zero_at_target"),
        (lambda p, t: squares(p, t) * (1 + t.square()), "symmetric"),
        (squares, "shift_invariant"),
        (squares, "scale_invariant"),
        (lambda p, t: (same_shape(p, t, "x"), (full(p) - t).square().add(1).log())[1], "convex"),
        (squares, "increasing"),
    ],
)
def test_properties_that_do_not_hold_are_found(loss, name):
    """Property: each of the checks that are asked for fails where it should, and where it holds it passes."""
    report = check_loss(loss, *NUMBERS, expect=[name])
    assert [finding.check for finding in report.faults] == [name], str(report)
    assert check_loss(sensed, *NUMBERS, expect=["increasing", "convex"])


def test_the_report_says_what_was_seen():
    report = check_loss(lambda p, t: (full(p) - t).square(), *NUMBERS)
    text = str(report)
    assert "FAULT broadcasting: a target (1, 3) is taken" in text and "ok    gradient: equal to finite differences" in text
    assert "times the prediction" in text


def test_losses_that_couple_or_have_a_range_are_asked_accordingly():
    """Property: coupling is allowed when said; a range keeps a loss of depths where it means something."""
    pairs = (torch.randn(4, 3), torch.randn(4, 3))
    from weft.losses import info_nce, scale_invariant_log

    assert not check_loss(info_nce, *pairs)
    assert check_loss(info_nce, *pairs, couples=True)
    depths = (1 + torch.rand(4, 5), 1 + torch.rand(4, 5))
    report = check_loss(lambda p, t: scale_invariant_log(p, t, share=1.0), *depths, range=(0.0, 1e4), expect=["scale_invariant"])
    assert report, str(report)
    pictures = (torch.rand(3, 1, 12, 12), torch.rand(3, 1, 12, 12))
    assert check_loss(ssim, *pictures, expect=["symmetric", "zero_at_target"])
    assert total_variation(pictures[0]).shape == (3,)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown property 'convecs'\. Did you mean 'convex'"):
        check_loss(mse, *NUMBERS, expect=["convecs"])
    with pytest.raises(ValueError, match="at least three items"):
        check_loss(mse, torch.zeros(2), torch.zeros(2))
