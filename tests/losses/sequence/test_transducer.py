"""The transducer against the sum over every path."""

from __future__ import annotations

import itertools

import pytest
import torch

from weft.losses import transducer


def by_hand(log_p, labels, blank):
    """-log of the sum over all orders of T blanks, the last of them at the end, and U labels."""
    time, size = len(log_p), len(labels)
    masses = []
    for places in itertools.combinations(range(time - 1 + size), size):
        t = u = 0
        mass = torch.zeros((), dtype=log_p.dtype)
        for step in range(time - 1 + size):
            if step in places:
                mass, u = mass + log_p[t, u, labels[u]], u + 1
            else:
                mass, t = mass + log_p[t, u, blank], t + 1
        masses.append(mass + log_p[t, u, blank])
    return -torch.stack(masses).logsumexp(0)


@pytest.mark.parametrize(("time", "labels", "blank"), [(1, [1], 0), (4, [1, 1], 0), (3, [2, 1, 3], 0), (5, [], 0), (4, [0, 1, 0], 3), (6, [1, 2, 1, 3], 0)])
def test_is_the_sum_over_all_paths(time, labels, blank):
    """Brute force: transducer for every order of blanks and labels."""
    logits = torch.randn(1, time, len(labels) + 1, 4, dtype=torch.float64)
    found = transducer(logits, torch.tensor([labels], dtype=torch.long), blank=blank)
    torch.testing.assert_close(found, by_hand(logits[0].log_softmax(-1), labels, blank)[None])


def test_padding_changes_nothing():
    """Brute force: transducer of ragged sequences is that of each alone, whatever stands in the padding; no gradient gets there."""
    frames, sizes = [4, 2, 3], [2, 3, 0]
    logits, target = torch.randn(3, 4, 4, 5, dtype=torch.float64, requires_grad=True), torch.randint(1, 5, (3, 3))
    masks = {"prediction_mask": torch.arange(4) < torch.tensor(frames)[:, None], "target_mask": torch.arange(3) < torch.tensor(sizes)[:, None]}
    found = transducer(logits, target.where(masks["target_mask"], -1), **masks)
    alone = torch.stack([by_hand(logits[i, :t, : u + 1].log_softmax(-1), target[i, :u].tolist(), 0) for i, (t, u) in enumerate(zip(frames, sizes))])
    torch.testing.assert_close(found, alone)
    found.sum().backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[1, 2:].any() and not logits.grad[2, :, 1:].any()


def test_long_sequences_stay_finite():
    """Property: 60 frames and 40 labels of wild logits, in half precision too."""
    logits = (1000 * torch.randn(2, 60, 41, 8)).half().requires_grad_()
    loss = transducer(logits, torch.randint(1, 8, (2, 40)))
    loss.mean().backward()
    assert loss.isfinite().all() and logits.grad.isfinite().all()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"\(B, T, U \+ 1, C\).*got prediction \(1, 4, 2, 3\) and target \(1, 2\)"):
        transducer(torch.zeros(1, 4, 2, 3), torch.tensor([[1, 1]]))
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.2; got 7"):
        transducer(torch.zeros(1, 4, 2, 3), torch.tensor([[7]]))
    with pytest.raises(ValueError, match="sequence 0 has no frame"):
        transducer(torch.zeros(1, 2, 2, 3), torch.tensor([[1]]), prediction_mask=torch.zeros(1, 2, dtype=torch.bool))
