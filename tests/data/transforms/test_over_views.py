"""Test-time augmentation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.data import boxes_back, over_views
from weft.data.transforms.over_views import VIEWS

ALL = tuple(VIEWS)


def test_an_equivariant_network_says_the_same():
    """Property: over_views of a network that turns with its input (pointwise for maps, a mean for rows) gives its plain answer."""
    x = torch.rand(2, 3, 6, 6)
    for merge in ("mean", "max"):
        torch.testing.assert_close(over_views(lambda v: v.square(), x, ALL, merge=merge, maps=True), x.square())
        torch.testing.assert_close(over_views(lambda v: v.mean((2, 3)), x, ALL, merge=merge), x.mean((2, 3)))
    smooth = F.interpolate(torch.rand(1, 3, 2, 2), size=(24, 24), mode="bilinear")
    scaled = over_views(lambda v: v, smooth, ("identity",), maps=True, scales=(0.5, 1.0, 2.0))
    assert scaled.shape == smooth.shape and (scaled - smooth).abs().max() < 0.05


@pytest.mark.parametrize("name", ALL)
def test_ways_back_are_exact(name):
    """Closed form: each view followed by its way back is the picture, also when it is not square; a box found in the view comes back to its pixels."""
    there, back = VIEWS[name]
    x = torch.rand(1, 2, 5, 8)
    assert torch.equal(back(there(x)), x)
    marked = torch.zeros(1, 1, 5, 8)
    marked[..., 1:3, 2:7] = 1
    rows, columns = there(marked)[0, 0].nonzero().unbind(1)
    found = torch.tensor([[[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]]).float()
    assert boxes_back(found, name, (5, 8)).tolist() == [[[2, 1, 7, 3]]]


def test_merging_by_probability_and_by_vote():
    """Closed form: two views that disagree: the mean of probabilities, and one vote each."""
    x = torch.tensor([[[[1.0, 0.0]]]])

    def network(v):
        return torch.stack([3 * v[:, 0, 0, 0], torch.ones(len(v)), v[:, 0, 0, 1]], 1)

    logits = torch.stack([network(x), network(x.flip(-1))])
    torch.testing.assert_close(over_views(network, x, merge="probability"), logits.softmax(2).mean(0).log())
    assert over_views(network, x, merge="vote").tolist() == [[0.5, 0.5, 0.0]]


def test_unknown_views_are_named():
    with pytest.raises(ValueError, match="Did you mean 'flip'"):
        over_views(lambda v: v, torch.zeros(1, 1, 2, 2), ("flips",))
    with pytest.raises(ValueError, match="'mean', 'probability'"):
        over_views(lambda v: v, torch.zeros(1, 1, 2, 2), merge="median")
    with pytest.raises(ValueError, match="no views"):
        over_views(lambda v: v, torch.zeros(1, 1, 2, 2), ())
    with pytest.raises(ValueError, match="Unknown view"):
        boxes_back(torch.zeros(1, 1, 4), "spin", (2, 2))
