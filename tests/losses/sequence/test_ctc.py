"""CTC against torch and against the sum over every path."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, cross_entropy, ctc, hybrid_ctc


def read(path, blank):
    """A path as it reads: repeats dropped, then blanks."""
    return [c for c, _ in itertools.groupby(path) if c != blank]


@pytest.mark.parametrize(("time", "labels", "blank"), [(1, [1], 0), (4, [1, 1], 0), (5, [2, 1, 2], 0), (6, [1, 2], 0), (5, [0, 1], 2), (3, [], 0)])
def test_is_the_sum_over_all_paths(time, labels, blank):
    """Brute force: ctc for every path of up to 6 frames and 3 classes, repeated labels and another blank among them."""
    logits = torch.randn(1, time, 3, dtype=torch.float64)
    log_p = logits.log_softmax(-1)[0]
    paths = [path for path in itertools.product(range(3), repeat=time) if read(path, blank) == labels]
    mass = torch.stack([sum(log_p[t, c] for t, c in enumerate(path)) for path in paths]).logsumexp(0)
    found = ctc(logits, torch.tensor([labels], dtype=torch.long), blank=blank)
    torch.testing.assert_close(found, -mass[None])


def test_equals_torch_on_padded_sequences():
    """Parity: ctc with masks against F.ctc_loss with lengths, values and gradients; what is padded changes nothing."""
    logits = torch.randn(4, 9, 6, requires_grad=True)
    frames, sizes = torch.tensor([9, 7, 5, 8]), torch.tensor([3, 2, 1, 0])
    target = torch.randint(1, 6, (4, 3))
    masks = {"prediction_mask": torch.arange(9) < frames[:, None], "target_mask": torch.arange(3) < sizes[:, None]}
    ours = ctc(logits, target, **masks)
    theirs = F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), target, frames, sizes, reduction="none")
    torch.testing.assert_close(ours, theirs)
    a, b = torch.autograd.grad(ours.sum(), logits, retain_graph=True)[0], torch.autograd.grad(theirs.sum(), logits)[0]
    torch.testing.assert_close(a, b)
    assert not a[1, 7:].any()
    other = torch.where(masks["target_mask"], target, -1)
    assert torch.equal(ctc(torch.where(masks["prediction_mask"][..., None], logits, 99.0), other, **masks), ours)


def test_impossible_lengths_are_named_or_skipped():
    """Property: two equal labels need three frames; ctc says so, or skips the row with loss and gradient 0."""
    logits, target = torch.randn(2, 2, 3, requires_grad=True), torch.tensor([[1, 2], [1, 1]])
    with pytest.raises(ValueError, match="sequence 1 has 2 frames for 2 labels with 1 equal neighbours; it needs 3"):
        ctc(logits, target)
    loss = ctc(logits, target, skip_impossible=True)
    loss.sum().backward()
    assert loss[1] == 0 and loss[0] > 0
    assert not logits.grad[1].any() and logits.grad[0].any()


def test_blanks_and_strange_labels_among_the_targets_are_refused():
    with pytest.raises(ValueError, match=r"without the blank 0; got 0 at \(0, 1\)"):
        ctc(torch.zeros(1, 4, 3), torch.tensor([[1, 0]]))
    with pytest.raises(ValueError, match=r"labels 0\.\.2 .*got 3"):
        ctc(torch.zeros(1, 4, 3), torch.tensor([[1, 3]]))
    with pytest.raises(ValueError, match=r"logits \(B, T, C\) and labels \(B, S\)"):
        ctc(torch.zeros(4, 3), torch.tensor([[1, 3]]))


def test_hybrid_is_both_by_their_shares():
    """Closed form: hybrid_ctc is share ctc + (1 - share) of the decoder's summed cross-entropy over labels that are kept."""
    logits, decoder, target = torch.randn(3, 8, 5), torch.randn(3, 3, 5), torch.randint(1, 5, (3, 3))
    keep = torch.arange(3) < torch.tensor([3, 1, 2])[:, None]
    found = hybrid_ctc(logits, target, decoder, share=0.3, target_mask=keep)
    tokens = (cross_entropy(decoder, target, dim=-1) * keep).sum(1)
    torch.testing.assert_close(found, 0.3 * ctc(logits, target, target_mask=keep) + 0.7 * tokens)
    torch.testing.assert_close(hybrid_ctc(logits, target, decoder, share=1.0), ctc(logits, target))
    assert Loss.mean(found).value.isfinite()
    with pytest.raises(ValueError, match="between 0 and 1"):
        hybrid_ctc(logits, target, decoder, share=1.5)
