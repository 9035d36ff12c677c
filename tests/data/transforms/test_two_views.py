"""Two views of each record."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed
from weft.data import Arrays, Compose, Loader, MultiViews, Noise, Random, RandomResizedCrop, TwoViews


def test_views_differ_and_repeat():
    """TwoViews, property: both views are the record with noise of their own; the same key gives the same pair, for any number of workers."""
    source = Arrays({"input": torch.arange(12.0)[:, None].expand(12, 5).contiguous()})
    batches = [list(Loader(source, batch_size=4, transforms=[TwoViews([Noise(0.1)])], workers=w)) for w in (0, 1)]
    for first, second in zip(*batches, strict=True):
        assert torch.equal(first["view"], second["view"])
        assert not (first["view"] == first["input"]).any()
        for key in ("input", "view"):
            assert (first[key] - first["index"][:, None]).abs().max() < 1.0
    one = TwoViews([Noise(0.1)])({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))
    assert torch.equal(one["input"], Noise(0.1)({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))["input"])


def test_no_transform_is_refused():
    with pytest.raises(ValueError, match="same view twice"):
        TwoViews([])


def test_many_views_share_their_origin_and_differ():
    """Property: MultiViews gives the stated number of wide and narrow views, all of their own record, no two alike, the first wide one as input."""
    x = torch.arange(5.0)[:, None, None, None] + 0.1 * torch.rand(5, 3, 16, 16)
    views = MultiViews([RandomResizedCrop(8, (0.4, 1.0)), Noise(0.01)], [RandomResizedCrop(4, (0.05, 0.4))], counts=(2, 4))
    batch = views({"input": x}, keyed(5))
    assert batch["views"].shape == (5, 2, 3, 8, 8) and batch["local"].shape == (5, 4, 3, 4, 4)
    assert torch.equal(batch["input"], batch["views"][:, 0])
    for key in ("views", "local"):
        assert torch.equal(batch[key].mean((2, 3, 4)).round(decimals=0), torch.arange(5.0)[:, None].expand(batch[key].shape[:2]))
        for one in range(batch[key].shape[1]):
            for other in range(one):
                assert not torch.equal(batch[key][:, one], batch[key][:, other])
    assert "local" not in MultiViews([Compose([Noise(0.1)])])({"input": x}, keyed(5))
    with pytest.raises(ValueError, match="at least one wide view"):
        MultiViews([], counts=(2, 0))

