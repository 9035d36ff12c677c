"""Box losses against torchvision."""

from __future__ import annotations

import math

import pytest
import torch

from tests.references import reference
from weft.losses import centre_share, centredness, ciou, decode_boxes, diou, encode_boxes, encoded_boxes, giou, iou, sides_iou


def boxes(count=40, seed=0):
    g = torch.Generator().manual_seed(seed)
    corner = 4 * torch.rand(count, 2, generator=g)
    return torch.cat([corner, corner + 0.2 + 2 * torch.rand(count, 2, generator=g)], 1)


@pytest.mark.parametrize(("loss", "peer"), [(giou, "generalized_box_iou_loss"), (diou, "distance_box_iou_loss"), (ciou, "complete_box_iou_loss")])
def test_equal_torchvision(loss, peer):
    """Parity: giou, diou and ciou, overlapping and apart, values and gradients (the weight of the angles held constant)."""
    theirs = getattr(reference("torchvision.ops"), peer)
    a, b = boxes().requires_grad_(), boxes(seed=1)
    torch.testing.assert_close(loss(a, b), theirs(a, b), rtol=1e-5, atol=1e-5)
    mine, other = torch.autograd.grad(loss(a, b).sum(), a)[0], torch.autograd.grad(theirs(a, b).sum(), a)[0]
    torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_iou_equals_torchvision():
    """Parity: iou against the diagonal of box_iou; sides_iou is minus its logarithm."""
    ops = reference("torchvision.ops")
    a, b = boxes(), boxes(seed=1)
    torch.testing.assert_close(iou(a, b), 1 - ops.box_iou(a, b).diagonal())
    sides, true = 0.5 + torch.rand(20, 4), 0.5 + torch.rand(20, 4)
    sign = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    torch.testing.assert_close(sides_iou(sides, true), -ops.box_iou(sides * sign, true * sign).diagonal().log())


def test_boxes_apart_are_pulled_together():
    """Property: giou, diou and ciou have a gradient where iou has none, and a step along it brings the boxes nearer."""
    true = torch.tensor([[10.0, 10.0, 12.0, 12.0]])
    for loss, pulls in ((iou, False), (giou, True), (diou, True), (ciou, True)):
        guess = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
        loss(guess, true).sum().backward()
        assert bool(guess.grad.any()) == pulls
        if pulls:
            assert loss(guess.detach() - 5 * guess.grad, true) < loss(guess.detach(), true)


def test_offsets_equal_torchvision_and_lead_back():
    """Parity: encode_boxes and decode_boxes against BoxCoder; encoded_boxes against its smooth L1."""
    coder = reference("torchvision.models.detection._utils").BoxCoder((1.0, 1.0, 1.0, 1.0))
    a, anchors = boxes(), boxes(seed=1)
    offsets = encode_boxes(a, anchors)
    torch.testing.assert_close(offsets, coder.encode_single(a, anchors))
    wild = 3 * torch.randn(40, 4)
    torch.testing.assert_close(decode_boxes(wild, anchors), coder.decode_single(wild, anchors), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(decode_boxes(offsets, anchors), a, rtol=1e-4, atol=1e-4)
    found = encoded_boxes(wild, a, anchors)
    torch.testing.assert_close(found.sum(), torch.nn.functional.smooth_l1_loss(wild, offsets, beta=1 / 9, reduction="sum"))


def test_centres_by_hand():
    """Closed form: centre_share of the middle is 1, near a side by its formula; centredness is its binary cross-entropy."""
    sides = torch.tensor([[2.0, 3.0, 2.0, 3.0], [1.0, 1.0, 4.0, 9.0], [0.0, 1.0, 1.0, 1.0]])
    torch.testing.assert_close(centre_share(sides), torch.tensor([1.0, math.sqrt(1 / 36), 0.0]))
    torch.testing.assert_close(centredness(torch.zeros(3), sides), torch.full((3,), math.log(2)))
    with pytest.raises(ValueError, match=r"got prediction \(2,\) and target \(3, 4\)"):
        centredness(torch.zeros(2), sides)
