"""Token losses: padding, microbatches, and the pull on the logits' scale."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, keep_valid, token_cross_entropy


def test_equals_torch_with_its_ignored_index():
    """Parity: token_cross_entropy and the mean over kept tokens against F.cross_entropy with ignore_index, with smoothing and without."""
    logits, target = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    target[0, 3:] = target[2, 1:] = -100
    valid, keep = keep_valid(target)
    for smoothing in (0.0, 0.1):
        ours = Loss.mean(token_cross_entropy(logits, valid, label_smoothing=smoothing), keep).value
        torch.testing.assert_close(ours, F.cross_entropy(logits.mT, target, label_smoothing=smoothing))


def test_padding_and_uneven_microbatches_change_nothing():
    """Property: token_cross_entropy over pieces with unequal numbers of tokens is that over the whole; a mean of means is not."""
    logits, target = torch.randn(4, 6, 7), torch.randint(0, 7, (4, 6))
    keep = torch.arange(6) < torch.tensor([6, 1, 2, 1])[:, None]
    parts = [Loss.mean(token_cross_entropy(logits[p], target[p]), keep[p]) for p in (slice(0, 1), slice(1, 4))]
    whole = Loss.mean(token_cross_entropy(logits, target), keep)
    longer = Loss.mean(token_cross_entropy(F.pad(logits, (0, 0, 0, 3)), F.pad(target, (0, 3))), F.pad(keep, (0, 3)))
    torch.testing.assert_close(Loss.joined(parts).value, whole.value)
    torch.testing.assert_close(longer.value, whole.value)
    assert not torch.isclose(sum(p.value for p in parts) / 2, whole.value)


def test_z_loss_pulls_the_logits_scale_to_zero():
    """Closed form: token_cross_entropy + z (log sum exp)^2, whose minimiser has log sum exp = 0."""
    logits, target = torch.randn(2, 3, 5), torch.randint(0, 5, (2, 3))
    extra = token_cross_entropy(logits, target, z_loss=0.5) - token_cross_entropy(logits, target)
    torch.testing.assert_close(extra, 0.5 * logits.logsumexp(-1) ** 2)
    normal = logits.log_softmax(-1)
    assert token_cross_entropy(normal, target, z_loss=0.5).sum().item() == pytest.approx(token_cross_entropy(normal, target).sum().item(), rel=1e-5)
