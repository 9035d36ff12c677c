"""ETTh1."""

from __future__ import annotations

import os

import pytest
import torch

from weft.data.sets.transformer_oil import COLUMNS, etth1

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_etth1_is_what_was_published():
    """Contract: etth1 has the published hours without a gap, cut as the literature cuts them, and its first row."""
    whole, parts = etth1("all"), [etth1(part) for part in ("train", "val", "test")]
    assert len(whole) == 17_420 and [len(part) for part in parts] == [8640, 2880, 2880]
    assert bool((whole.columns["time"].diff() == 3600).all()) and int(whole.columns["time"][0]) == 1_467_331_200  # 2016-07-01 00:00
    joined = torch.cat([part.columns["values"] for part in parts])
    assert torch.equal(joined, whole.columns["values"][:14_400]) and joined[0, COLUMNS.index("OT")].item() == pytest.approx(30.531)
    with pytest.raises(ValueError, match="expected 'train'"):
        etth1("dev")
