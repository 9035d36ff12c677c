"""Two views of each record."""

from __future__ import annotations

import pytest
import torch

from weft.data import Arrays, Loader, Noise, Random, TwoViews


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
