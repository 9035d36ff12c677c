"""The linear-chain field against every tagging and against pytorch-crf."""

from __future__ import annotations

import itertools

import pytest
import torch

from weft.losses import CRF, Loss, crf_decode, crf_log_partition, crf_nll, legal_transitions


def scores(tags=3):
    return [torch.randn(tags, dtype=torch.float64), torch.randn(tags, tags, dtype=torch.float64), torch.randn(tags, dtype=torch.float64)]


def score(emissions, y, start, transition, end):
    total = start[y[0]] + end[y[-1]] + sum(emissions[t, c] for t, c in enumerate(y))
    return total + sum(transition[a, b] for a, b in itertools.pairwise(y))


@pytest.mark.parametrize("time", [1, 2, 5])
def test_equals_enumeration(time):
    """Brute force: crf_log_partition, crf_nll and crf_decode over all 3^T taggings."""
    emissions, parts = torch.randn(2, time, 3, dtype=torch.float64), scores()
    taggings = list(itertools.product(range(3), repeat=time))
    every = torch.stack([torch.stack([score(e, y, *parts) for y in taggings]) for e in emissions])
    torch.testing.assert_close(crf_log_partition(emissions, *parts), every.logsumexp(1))
    assert crf_decode(emissions, *parts).tolist() == [list(taggings[i]) for i in every.argmax(1).tolist()]
    for at, y in enumerate(taggings[:: max(1, len(taggings) // 7)]):
        found = crf_nll(emissions, torch.tensor([y, y]), *parts)
        torch.testing.assert_close(found, every.logsumexp(1) - torch.stack([score(e, y, *parts) for e in emissions]), msg=str(at))


def test_equals_pytorch_crf():
    """Parity: CRF against torchcrf, ragged, with its parameters: values, gradients of emissions and of every score, and decoding."""
    peer = pytest.importorskip("torchcrf").CRF(5, batch_first=True)
    ours = CRF(5)
    with torch.no_grad():
        for a, b in ((ours.start, peer.start_transitions), (ours.transition, peer.transitions), (ours.end, peer.end_transitions)):
            b.copy_(torch.randn_like(b))
            a.copy_(b)
    emissions, tags = torch.randn(4, 7, 5, requires_grad=True), torch.randint(0, 5, (4, 7))
    mask = torch.arange(7) < torch.tensor([7, 3, 1, 5])[:, None]
    mine, theirs = ours(emissions, tags, mask), -peer(emissions, tags, mask=mask, reduction="none")
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(Loss.over(mine, mask).value, -peer(emissions, tags, mask=mask, reduction="token_mean"), rtol=1e-5, atol=1e-5)
    a = torch.autograd.grad(mine.sum(), [emissions, ours.start, ours.transition, ours.end])
    b = torch.autograd.grad(theirs.sum(), [emissions, peer.start_transitions, peer.transitions, peer.end_transitions])
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert [row[:n] for row, n in zip(ours.decode(emissions, mask).tolist(), mask.sum(1).tolist())] == peer.decode(emissions, mask=mask)


def test_padding_changes_nothing_and_the_loss_is_never_negative():
    """Property: crf_nll of a padded row is that of the row alone; the padding gets no gradient."""
    emissions, tags, parts = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True), torch.randint(0, 3, (2, 6)), scores()
    mask = torch.arange(6) < torch.tensor([6, 4])[:, None]
    found = crf_nll(emissions, tags.where(mask, -7), *parts, mask=mask)
    torch.testing.assert_close(found[1:], crf_nll(emissions[1:, :4], tags[1:, :4], *parts))
    found.sum().backward()
    assert not emissions.grad[1, 4:].any() and (found >= 0).all()
    many = crf_nll(30 * torch.randn(200, 4, 3), torch.randint(0, 3, (200, 4)), *[p.float() for p in parts])
    assert (many >= -1e-4).all()
    assert not crf_decode(emissions, *parts, mask=mask)[1, 4:].any()


def test_what_is_illegal_is_never_decoded_and_gets_no_probability():
    """Brute force: the partition of a legal CRF sums over the legal taggings alone; decoding keeps to them."""
    names = ["O", "B-A", "I-A", "B-B", "I-B"]
    crf = CRF(5, legal=legal_transitions(names)).double()
    emissions = 5 * torch.randn(3, 4, 5, dtype=torch.float64)

    def is_legal(y):
        before = ["O", *[names[c] for c in y[:-1]]]
        return all(names[c][0] != "I" or a in ("B" + names[c][1:], names[c]) for a, c in zip(before, y))

    legal = [y for y in itertools.product(range(5), repeat=4) if is_legal(y)]
    raw = (crf.start, crf.transition, crf.end)
    wanted = torch.stack([torch.stack([score(e, y, *raw) for y in legal]).logsumexp(0) for e in emissions])
    torch.testing.assert_close(crf_log_partition(emissions, *crf.scores()), wanted)
    assert all(is_legal(y) for y in crf.decode(emissions).tolist())
    with pytest.raises(ValueError, match=r"tags of sequence 0, \[0, 2, 2, 0\], are forbidden"):
        crf(emissions[:1], torch.tensor([[0, 2, 2, 0]]))
    assert not any("legal" in name for name in crf.state_dict())


def test_bioes_closes_what_it_opens():
    """Closed form: legal_transitions of BIOES by its rules."""
    names = ["O", "B-A", "I-A", "E-A", "S-A", "I-B"]
    starts, pairs, ends = legal_transitions(names, "BIOES")
    assert starts.tolist() == [True, True, False, False, True, False]
    assert ends.tolist() == [True, False, False, True, True, False]
    assert pairs[1].tolist() == [False, False, True, True, False, False]
    assert pairs[3].tolist() == pairs[0].tolist() == [True, True, False, False, True, False]
    with pytest.raises(ValueError, match=r"'E-A' is no tag of BIO"):
        legal_transitions(["O", "E-A"])
    with pytest.raises(ValueError, match="unknown scheme"):
        legal_transitions(["O"], "IOB1")


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"emissions \(B, T, C\) and tags \(B, T\)"):
        CRF(2)(torch.zeros(1, 3, 2), torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.1; got 5"):
        CRF(2)(torch.zeros(1, 3, 2), torch.full((1, 3), 5))
    with pytest.raises(ValueError, match="keeps nothing of sequence 0"):
        CRF(2)(torch.zeros(1, 3, 2), torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="legal pairs"):
        CRF(2, legal=(torch.ones(2), torch.ones(3, 3), torch.ones(2)))
