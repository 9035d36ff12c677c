"""Lovász losses against their first implementations and the Jaccard index of sets."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.references import reference
from weft.losses import lovasz_hinge, lovasz_softmax


def test_equal_segmentation_models():
    """Parity: lovasz_hinge and lovasz_softmax of each picture."""
    peers = reference("segmentation_models_pytorch").losses
    logits, target = torch.randn(3, 4, 5), (torch.rand(3, 4, 5) > 0.6).long()
    torch.testing.assert_close(lovasz_hinge(logits, target).mean(), peers.LovaszLoss("binary", per_image=True)(logits, target))
    several, classes = torch.randn(3, 4, 4, 5), torch.randint(0, 3, (3, 4, 5))
    torch.testing.assert_close(lovasz_softmax(several, classes).mean(), peers.LovaszLoss("multiclass", per_image=True)(several, classes))


def test_equal_kornia():
    """Parity: lovasz_hinge and lovasz_softmax for one picture."""
    peers = pytest.importorskip("kornia.losses")
    logits, target = torch.randn(1, 1, 4, 5), (torch.rand(1, 4, 5) > 0.6).long()
    torch.testing.assert_close(lovasz_hinge(logits[:, 0], target).mean(), peers.lovasz_hinge_loss(logits, target))
    several, classes = torch.randn(1, 3, 4, 5), torch.arange(20).view(1, 4, 5) % 3
    torch.testing.assert_close(lovasz_softmax(several, classes).mean(), peers.lovasz_softmax_loss(several, classes))


def test_on_hard_masks_it_is_the_jaccard_loss():
    """Brute force: lovasz_softmax for every pair of sets of four pixels is 1 - IoU."""
    for a, b in itertools.product(itertools.product([0, 1], repeat=4), repeat=2):
        if any(b):
            logits = 400.0 * (torch.tensor([a]) - 0.5)
            wanted = 1 - sum(x & y for x, y in zip(a, b)) / sum(x | y for x, y in zip(a, b))
            assert lovasz_softmax(logits, torch.tensor([b])).item() == pytest.approx(wanted, abs=1e-6)


def test_masked_pixels_leave_no_trace():
    """Property: lovasz_hinge and lovasz_softmax with a mask are those of the pixels that are kept."""
    logits, target, keep = torch.randn(1, 12), (torch.rand(1, 12) > 0.5).long(), torch.rand(1, 12) > 0.3
    torch.testing.assert_close(lovasz_hinge(logits, target, mask=keep), lovasz_hinge(logits[keep][None], target[keep][None]))
    several, classes = torch.randn(1, 3, 12), torch.arange(12).view(1, 12) % 3
    torch.testing.assert_close(lovasz_softmax(several, classes, mask=keep), lovasz_softmax(several[..., keep[0]], classes[keep][None]))
