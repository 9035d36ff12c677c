"""Contrastive losses against loops, and what they are by definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft import losses
from weft.losses import info_nce, nt_xent


def slow_nt_xent(a, b, temperature):
    z = [F.normalize(row, dim=0) for row in (*a, *b)]
    n = len(a)

    def one(i, p):
        others = [torch.dot(z[i], z[k]) / temperature for k in range(2 * n) if k != i]
        return torch.logsumexp(torch.stack(others), 0) - torch.dot(z[i], z[p]) / temperature

    return torch.stack([(one(i, i + n) + one(i + n, i)) / 2 for i in range(n)])


def test_nt_xent_equals_the_double_loop():
    """Brute force: every anchor against every other view, in plain Python."""
    a, b = torch.randn(5, 3), torch.randn(5, 3)
    for temperature in (0.1, 0.5, 2.0):
        torch.testing.assert_close(nt_xent(a, b, temperature=temperature), slow_nt_xent(a, b, temperature))


def test_info_nce_is_cross_entropy_of_similarities():
    """Closed form: the mean of the cross-entropies of rows and of columns, the diagonal being right."""
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    similarity = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
    rows, columns = (F.cross_entropy(s, torch.arange(6), reduction="none") for s in (similarity, similarity.T))
    torch.testing.assert_close(info_nce(a, b, temperature=0.2), (rows + columns) / 2)


@pytest.mark.parametrize("loss", [info_nce, nt_xent])
def test_symmetries(loss):
    """Property: swapping the sides changes nothing, permuting the pairs permutes the losses, lengths do not matter."""
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    order = torch.randperm(6)
    torch.testing.assert_close(loss(a, b), loss(b, a))
    torch.testing.assert_close(loss(a[order], b[order]), loss(a, b)[order])
    torch.testing.assert_close(loss(3 * a, b * torch.rand(6, 1).add(0.1)), loss(a, b))


def test_embeddings_that_say_nothing_cost_the_logarithm_of_the_choices():
    """Closed form: log B for InfoNCE, log(2B - 1) for NT-Xent; half precision stays finite."""
    same = torch.ones(8, 3)
    torch.testing.assert_close(info_nce(same, same), torch.full((8,), math.log(8)))
    torch.testing.assert_close(nt_xent(same, same), torch.full((8,), math.log(15)))
    assert nt_xent(same.half(), same.half(), temperature=0.01).isfinite().all()


def test_they_couple_samples_and_say_so():
    """Property: half a batch has another loss, which is why both are listed as coupling."""
    assert losses.COUPLING == ("info_nce", "nt_xent")
    for loss in (info_nce, nt_xent):
        a, b = torch.randn(6, 4), torch.randn(6, 4)
        assert not torch.allclose(loss(a, b)[:3], loss(a[:3], b[:3]))


def test_gradients_are_exact_and_errors_teach():
    """Property: gradcheck in float64 for both sides."""
    a, b = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for loss in (info_nce, nt_xent):
        assert torch.autograd.gradcheck(loss, (a, b))
        with pytest.raises(ValueError, match=r"at least two rows"):
            loss(torch.zeros(1, 3), torch.zeros(1, 3))
        with pytest.raises(ValueError, match="temperature > 0"):
            loss(torch.zeros(2, 3), torch.zeros(2, 3), temperature=0.0)
