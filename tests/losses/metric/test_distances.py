"""Distances against scipy, and their slopes where they could break."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial.distance import cdist

from weft.losses.metric.distances import distances, inner, labelled, unit


@pytest.mark.parametrize(("kind", "theirs"), [("euclidean", "euclidean"), ("squared", "sqeuclidean"), ("cosine", "cosine")])
def test_distances_equal_scipy(kind, theirs):
    """Parity: scipy.spatial.distance.cdist."""
    a, b = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(distances(a, b, kind), torch.as_tensor(cdist(a.numpy(), b.numpy(), theirs)))


def test_equal_points_have_a_slope_of_zero_and_not_nan():
    """Property: the root's infinite slope at 0 never reaches the embeddings; a vector without length has no gradient."""
    x = torch.ones(3, 2, requires_grad=True)
    distances(x, x, "euclidean").sum().backward()
    assert not x.grad.any()
    zero = torch.zeros(2, 3, requires_grad=True)
    unit(zero).sum().backward()
    assert not unit(zero).any()
    assert not zero.grad.any()


def test_products_keep_their_digits_under_autocast():
    """Property: half precision around does not change a digit."""
    a = torch.randn(4, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(inner(a, a), (a.double() @ a.double().T).float()) or torch.allclose(inner(a, a), a.double().mm(a.double().T).float(), atol=1e-5)
        assert inner(a, a).dtype == torch.float32


def test_errors_teach():
    with pytest.raises(ValueError, match="Did you mean 'euclidean'"):
        distances(torch.zeros(1, 1), torch.zeros(1, 1), "euclid")
    with pytest.raises(ValueError, match=r"one label a row .*\(2, 3\) and \(3,\)"):
        labelled(torch.zeros(2, 3), torch.zeros(3), "triplet")
