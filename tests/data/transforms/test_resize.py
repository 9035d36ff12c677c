"""Sizes of whole batches."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed, picture, torchvision
from weft.data import ByEpoch, CenterCrop, MultiScale, Resize
from weft.data.transforms import geometry


def test_an_exact_size_distorts_and_a_short_edge_does_not():
    """Property: Resize of a disc to a square by two numbers makes an ellipse; by its short edge it stays round."""
    rows, columns = torch.arange(40)[:, None] - 19.5, torch.arange(80)[None, :] - 39.5
    disc = ((rows**2 + columns**2) < 15**2).float()[None, None]

    def proportions(x):
        return float((x[0, 0].amax(0) > 0.5).sum() / (x[0, 0].amax(1) > 0.5).sum())

    assert proportions(Resize((20, 20))({"input": disc}, keyed(1))["input"]) < 0.6
    kept = Resize(20, rule="short")({"input": disc}, keyed(1))["input"]
    assert kept.shape[-2:] == (20, 40) and 0.9 < proportions(kept) < 1.1


def test_resize_and_the_middle_are_torchvisions():
    """Parity: Resize (short edge) and CenterCrop (odd and even, with and without a border) against torchvision."""
    f = torchvision()
    x = picture(2, 21, 34)
    torch.testing.assert_close(Resize(14, rule="short")({"input": x}, keyed(2))["input"], f.resize(x, [14], antialias=True), atol=1e-5, rtol=0)
    for size in ((10, 11), (21, 3), (20, 34)):
        assert torch.equal(CenterCrop(size)({"input": x}, keyed(2))["input"], f.center_crop(x, list(size)))
    assert torch.equal(CenterCrop((25, 38), pad=True)({"input": x}, keyed(2))["input"], f.center_crop(x, [25, 38]))


def test_the_middle_is_cut_and_a_small_picture_raises_or_is_padded():
    """Closed form: CenterCrop of counted pixels."""
    x = torch.arange(25.0).reshape(1, 1, 5, 5)
    assert CenterCrop(3)({"input": x}, keyed(1))["input"][0, 0].tolist() == [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    with pytest.raises(ValueError, match="7 x 7 does not fit into a picture of 5 x 5"):
        CenterCrop(7)({"input": x}, keyed(1))
    padded = CenterCrop(7, pad=True, fill=-1.0)({"input": x}, keyed(1))["input"][0, 0]
    assert torch.equal(padded[1:6, 1:6], x[0, 0]) and padded[0].unique().tolist() == [-1]


def test_a_batch_has_one_size_and_all_sizes_occur():
    """Property: MultiScale gives every batch one of its sizes, each about equally often, the same again from the same key, in any order of records."""
    transform = MultiScale((8, 12, (6, 10)))
    x = torch.rand(4, 3, 9, 9)
    seen = [tuple(transform({"input": x}, keyed(4, epoch=epoch))["input"].shape[-2:]) for epoch in range(90)]
    counts = {size: seen.count(size) for size in set(seen)}
    assert counts.keys() == {(8, 8), (12, 12), (6, 10)} and min(counts.values()) > 15
    assert seen[5] == tuple(transform({"input": x}, keyed(4, epoch=5))["input"].shape[-2:])
    one = transform({"input": x}, keyed(4, epoch=3))["input"]
    assert torch.equal(one, geometry.resize(x, one.shape[-2:]))
    with pytest.raises(ValueError, match="no sizes"):
        MultiScale(())


def test_sizes_follow_a_schedule():
    """MultiScale, closed form: with ByEpoch small pictures come first, then all sizes, then the largest alone."""
    growing = ByEpoch([MultiScale((8,)), MultiScale((8, 12)), MultiScale((12,))], starts=[0, 2, 40])
    sides = [growing({"input": torch.rand(2, 3, 9, 9)}, keyed(2, epoch=epoch))["input"].shape[-1] for epoch in range(44)]
    assert sides[:2] == [8, 8] and set(sides[2:40]) == {8, 12} and sides[40:] == [12] * 4


def test_odd_borders_round_to_even():
    """Closed form: where the border cannot be halved, CenterCrop begins at the even one of the two places."""
    x = torch.arange(6.0)[None, None, None, :]
    assert CenterCrop((1, 3))({"input": x}, keyed(1))["input"].flatten().tolist() == [2, 3, 4]
    assert CenterCrop((1, 5))({"input": x}, keyed(1))["input"].flatten().tolist() == [0, 1, 2, 3, 4]
